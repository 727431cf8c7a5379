"""The lung finder's bundle: read, verified, kept apart from the models."""

import json
import threading

import numpy as np
import pytest

from pneumo_core.bundle import bundle_names, remove_bundle, survey
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.bundle.lung_finder import (
    FINDER_FILES,
    LungFinder,
    finder_faults,
    load_finder,
)
from pneumo_core.bundle.registry import check_name
from pneumo_core.bundle.transfer import export_bundle
from pneumo_core.errors import BundleError
from tests.bundle.tiny_finder import CARD, lung_film, write_tiny_finder


def test_the_finder_reads_a_film(tmp_path):
    write_tiny_finder(tmp_path)
    lungs = load_finder(tmp_path)(lung_film(256))
    assert lungs.found
    assert [lungs.box.left, lungs.box.right] == pytest.approx([46, 210], abs=4)


def test_it_is_loaded_once_until_it_changes(tmp_path):
    path = write_tiny_finder(tmp_path)
    first = load_finder(tmp_path)
    assert load_finder(tmp_path) is first
    (path / "README.md").write_text("# Other\n", encoding="utf-8")
    write_sums(path, FINDER_FILES)
    assert load_finder(tmp_path) is not first


def test_without_a_finder_there_is_none(tmp_path):
    assert load_finder(tmp_path) is None
    assert load_finder(tmp_path / "missing") is None
    assert finder_faults(tmp_path / "missing") == {}


@pytest.mark.parametrize("file", FINDER_FILES)
def test_an_altered_file_is_refused(tmp_path, file):
    path = write_tiny_finder(tmp_path)
    (path / file).write_bytes((path / file).read_bytes() + b" ")
    with pytest.raises(BundleError, match=f"Model lungs: {file} has been altered"):
        load_finder(tmp_path)
    assert "altered" in finder_faults(tmp_path)["lungs"]


def test_a_missing_or_added_file_is_refused(tmp_path):
    path = write_tiny_finder(tmp_path)
    (path / "plausibility.npz").rename(path / "other.npz")
    with pytest.raises(BundleError, match=r"expected the file plausibility\.npz"):
        load_finder(tmp_path)
    (path / "other.npz").rename(path / "plausibility.npz")
    (path / "added.txt").write_text("more", encoding="utf-8")
    with pytest.raises(BundleError, match=r"expected only files listed in SHA256SUMS"):
        load_finder(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "classifier"}, 'the kind "lung finder" in kind'),
        ({"format": 2}, "format 1 in format"),
        ({"figures": {"dice": {"value": 0.9, "low": 0.95, "high": 1}}}, "interval around value"),
        ({"data": {"masks": 12}}, "a value in data.patients"),
    ],
)
def test_a_wrong_card_is_refused(tmp_path, change, words):
    write_tiny_finder(tmp_path, card=CARD | change)
    with pytest.raises(BundleError, match=words):
        load_finder(tmp_path)


def test_limits_that_are_no_arrays_are_refused(tmp_path):
    path = write_tiny_finder(tmp_path)
    (path / "plausibility.npz").write_bytes(b"nothing")
    write_sums(path, FINDER_FILES)
    with pytest.raises(BundleError, match=r"the limits of two lungs in plausibility\.npz"):
        load_finder(tmp_path)


def test_several_threads_share_a_finder(tmp_path):
    finder = LungFinder(write_tiny_finder(tmp_path))
    boxes = []
    threads = [
        threading.Thread(target=lambda: boxes.append(finder(lung_film()).box)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(boxes) == 4
    assert len(set(boxes)) == 1


def test_several_films_give_several_maps(tmp_path):
    finder = LungFinder(write_tiny_finder(tmp_path))
    films = np.stack([lung_film(), np.zeros((128, 128), np.uint8)])[..., None].astype(np.float32)
    maps = finder.probabilities(films)
    assert maps.shape == (2, 128, 128, 2)
    assert maps[0].max() > 0.99
    assert maps[1].max() < 0.01


def test_a_finder_is_no_model(tmp_path):
    write_tiny_finder(tmp_path)
    write_tiny_finder(tmp_path, "lungs-2", CARD | {"name": "lungs-2"})
    (tmp_path / "lungsuite").mkdir()  # a model's name may begin like it
    assert bundle_names(tmp_path) == ["lungsuite"]
    assert [one.name for one in survey(tmp_path)] == ["lungsuite"]
    assert finder_faults(tmp_path) == {"lungs": "", "lungs-2": ""}
    for refused in (lambda n: remove_bundle(n, models_dir=tmp_path), check_name):
        with pytest.raises(BundleError, match="'lungs', which is kept for the lung finder"):
            refused("lungs")
    with pytest.raises(BundleError, match="kept for the lung finder"):
        export_bundle("lungs-2", models_dir=tmp_path)


def test_the_card_is_json(tmp_path):
    path = write_tiny_finder(tmp_path)
    (path / "card.json").write_text("[1", encoding="utf-8")
    write_sums(path, FINDER_FILES)
    with pytest.raises(BundleError, match=r"expected JSON in card\.json"):
        load_finder(tmp_path)
    assert json.dumps(CARD)
