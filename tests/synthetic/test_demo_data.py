from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core.dataset.names import parse_folders, parse_name
from pneumo_core.errors import DataSetError
from pneumo_core.synthetic.appearance import SUBTYPES
from pneumo_core.synthetic.demo_data import MARKER, write_demo_data

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "chest_xray"
    write_demo_data(folder, films=100, seed=5)
    return folder


def auc(positive: list[float], negative: list[float]) -> float:
    return float(np.mean(np.subtract.outer(positive, negative) > 0))


def test_demo_data_has_the_real_data_sets_names_and_shares(demo: Path) -> None:
    counts: dict[str, int] = defaultdict(int)
    for path in demo.rglob("*.jpeg"):
        folders = parse_folders(path.parent.parts)
        name = parse_name(path.stem)
        assert (name.subtype == "normal") == (folders.label == "normal")
        counts[name.subtype] += 1
    assert counts == {"normal": 26, "bacterial": 48, "viral": 26}
    assert {path.name for path in demo.iterdir()} == {"train", "val", "test", MARKER}
    for split in (demo / name for name in ("train", "val", "test")):
        subtypes = {parse_name(path.stem).subtype for path in split.rglob("*.jpeg")}
        assert subtypes == set(SUBTYPES)


def test_no_patient_is_in_two_splits_and_some_have_several_films(demo: Path) -> None:
    splits, films = defaultdict(set), defaultdict(int)
    for path in demo.rglob("*.jpeg"):
        patient = parse_name(path.stem).group
        splits[patient].add(parse_folders(path.parts).split)
        films[patient] += 1
    assert all(len(found) == 1 for found in splits.values())
    assert sum(count > 1 for count in films.values()) >= 5
    in_test = sum(found == {"test"} for found in splits.values())
    assert 0.12 < in_test / len(splits) < 0.19


def test_size_and_quality_say_nothing_about_the_class(demo: Path) -> None:
    tables, area, aspect = set(), defaultdict(list), defaultdict(list)
    for path in demo.rglob("*.jpeg"):
        with Image.open(path) as film:
            assert film.mode == "L"
            tables.add(str(film.quantization))
            label = path.parent.name
            area[label].append(film.width * film.height)
            aspect[label].append(film.width / film.height)
    assert len(tables) == 1
    assert 0.35 < auc(area["NORMAL"], area["PNEUMONIA"]) < 0.65
    assert 0.35 < auc(aspect["NORMAL"], aspect["PNEUMONIA"]) < 0.65


def test_a_patients_films_are_of_one_child_but_not_the_same(demo: Path) -> None:
    films = defaultdict(list)
    for path in sorted(demo.rglob("*.jpeg")):
        pixels = cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (96, 96))
        films[parse_name(path.stem).group].append(pixels)
    several = [found for found in films.values() if len(found) > 1]
    assert all(not np.array_equal(found[0], found[1]) for found in several)


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for folder, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_demo_data(tmp_path / folder, films=12, seed=seed)
        digest = hashlib.sha256()
        for path in sorted((tmp_path / folder).rglob("*.jpeg")):
            digest.update(path.relative_to(tmp_path / folder).as_posix().encode())
            digest.update(path.read_bytes())
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_even_the_smallest_set_can_be_trained_and_tested(tmp_path: Path) -> None:
    told: list[tuple[object, ...]] = []
    write_demo_data(tmp_path, films=12, seed=0, progress=lambda *at: told.append(at))
    for split in ("train", "test"):
        found = {parse_name(path.stem).subtype for path in (tmp_path / split).rglob("*.jpeg")}
        assert found == set(SUBTYPES)
    assert told == [("films", done, 12) for done in range(1, 13)]


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(DataSetError, match="new or empty folder"):
        write_demo_data(tmp_path, films=12, seed=0)
    with pytest.raises(DataSetError, match="new or empty folder"):
        write_demo_data(tmp_path / "mine.txt", films=12, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_too_few_films_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataSetError, match="at least 12 films, so that"):
        write_demo_data(tmp_path / "new", films=11, seed=0)
    assert not (tmp_path / "new").exists()
