"""The shared reader: made once, and anew, after a check of all hashes, when a file has changed."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import cv2
import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError
from pneumo_core.inference.shared import forget_readers, shared_reader
from pneumo_core.synthetic.appearance import synthetic_film

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def models(tmp_path: Path) -> Iterator[Path]:
    """A copy of the models folder with the model that ships in service."""
    shipped = load_settings().models_dir
    name = (shipped / "active").read_text().strip()
    for folder in (name, "lungs"):
        shutil.copytree(shipped / folder, tmp_path / folder)
    (tmp_path / "active").write_text(f"{name}\n")
    yield tmp_path
    forget_readers()


def test_a_model_changed_in_place_is_noticed_and_never_answers(models: Path) -> None:
    bundle = load_bundle(models_dir=models)
    film = cv2.imencode(".png", synthetic_film("normal", 0, size=160))[1].tobytes()
    reader = shared_reader(bundle)
    before = reader.read_bytes(film)
    assert shared_reader(load_bundle(models_dir=models, verify=False)) is reader
    weights = bundle.path / "openvino" / "model.bin"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])  # truncated: a mapped file would end the process
    assert reader.read_bytes(film).p_pneumonia == before.p_pneumonia
    with pytest.raises(BundleError, match=r"openvino/model\.bin has been altered"):
        shared_reader(bundle)
    weights.write_bytes(b"\0" * len(whole))
    assert reader.read_bytes(film).p_pneumonia == before.p_pneumonia
    weights.write_bytes(whole)
    assert shared_reader(bundle).read_bytes(film).p_pneumonia == before.p_pneumonia


def test_operating_points_edited_under_a_running_server_are_noticed(models: Path) -> None:
    bundle = load_bundle(models_dir=models)
    reader = shared_reader(bundle)
    card = bundle.path / "card.json"
    document = json.loads(card.read_text())
    document["operating_points"]["screening"]["threshold"] = 0.0001
    card.write_text(json.dumps(document))
    with pytest.raises(BundleError, match=r"card\.json has been altered"):
        shared_reader(load_bundle(models_dir=models, verify=False))
    write_sums(bundle.path)  # a new version, with its hashes
    fresh = shared_reader(load_bundle(models_dir=models, verify=False))
    assert fresh is not reader
    assert fresh.bundle.points.screening == 0.0001
