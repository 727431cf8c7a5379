"""The trial of a bundle: both networks read a film, elsewhere, and give the same answer."""

from __future__ import annotations

import io
import shutil
import subprocess
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from pneumo_core.bundle.sandbox import carry_out, try_out
from pneumo_core.errors import BundleError
from tests.bundle.bundle_zips import files_of, zipped

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pneumo_core.bundle import Bundle


@pytest.fixture
def spoilt(tiny_bundle: Bundle, tmp_path: Path) -> Path:
    return shutil.copytree(tiny_bundle.path, tmp_path / "tiny")


def rewrite_weights(path: Path, change: Callable[[h5py.File], None]) -> None:
    files = files_of((path / "model.keras").read_bytes())
    content = io.BytesIO(files["model.weights.h5"])
    with h5py.File(content, "r+") as weights:
        change(weights)
    (path / "model.keras").write_bytes(zipped(files | {"model.weights.h5": content.getvalue()}))


def head(weights: h5py.File) -> h5py.Group:
    found: list[h5py.Group] = []
    weights.visititems(lambda name, item: found.append(item) if name.endswith("vars") else None)
    return next(group for group in found if len(group) and group["0"].shape == (4, 3))


def double(weights: h5py.File) -> None:
    head(weights)["0"][...] = head(weights)["0"][...] * 2


def no_number(weights: h5py.File) -> None:
    head(weights)["0"][...] = np.nan


def point_elsewhere(weights: h5py.File) -> None:
    group = head(weights)
    del group["0"]
    group["0"] = h5py.ExternalLink("/etc/passwd", "/")


def lie_outside(weights: h5py.File) -> None:
    group = head(weights)
    del group["0"]
    group.create_dataset("0", (4, 3), "f4", external=[("/etc/hosts", 0, 48)])


def claim_much(weights: h5py.File) -> None:
    weights.create_dataset("x", (10**6, 10**6), "f4", chunks=(1000, 1000))


def hold_text(weights: h5py.File) -> None:
    weights["x"] = ["text"]


def test_two_forms_of_one_network_pass(tiny_bundle: Bundle) -> None:
    carry_out(tiny_bundle.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            double,
            r"openvino/model\.xml and model\.keras to be the same network; their .* differ by 0\.",
        ),
        (no_number, r"expected finite logits of model\.keras on a film"),
        (point_elsewhere, "its weights point elsewhere at '0'"),
        (lie_outside, "its weights have no plain array at '0'"),
        (claim_much, "its weights declare more data than the file holds"),
        (hold_text, "its weights have no plain array at 'x'"),
    ],
)
def test_weights_that_are_not_what_they_seem_are_refused(
    spoilt: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    rewrite_weights(spoilt, change)
    with pytest.raises(BundleError, match=rf"Model tiny: .*{message}"):
        carry_out(spoilt)


def test_weights_that_are_no_hdf5_are_refused(spoilt: Path) -> None:
    files = files_of((spoilt / "model.keras").read_bytes())
    (spoilt / "model.keras").write_bytes(zipped(files | {"model.weights.h5": bytes(2000)}))
    with pytest.raises(BundleError, match="its weights cannot be read"):
        carry_out(spoilt)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("features", "others", r"Model tiny: openvino/model\.xml cannot predict a film"),
        ('type="MatMul"', 'type="Nothing"', "Expected an OpenVINO graph with the outputs"),
    ],
)
def test_a_graph_that_cannot_be_used_is_refused(
    spoilt: Path, old: str, new: str, message: str
) -> None:
    graph = spoilt / "openvino" / "model.xml"
    text = graph.read_text()
    assert old in text
    graph.write_text(text.replace(old, new))
    with pytest.raises(BundleError, match=message):
        carry_out(spoilt)


def test_the_reason_comes_back_from_the_other_process(spoilt: Path) -> None:
    rewrite_weights(spoilt, point_elsewhere)
    with pytest.raises(BundleError, match=r"Model tiny: model\.keras: its weights point elsewhere"):
        try_out(spoilt)


@pytest.mark.parametrize("code", [-11, 1, 0])
def test_a_trial_that_ends_without_an_answer_is_a_refusal(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    done = subprocess.CompletedProcess([], code, stdout="", stderr="Segmentation fault")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    with pytest.raises(BundleError, match=r"Model tiny: .* its network ended the process"):
        try_out(tiny_bundle.path)


def test_a_trial_without_end_is_a_refusal(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wait(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("trial", 180)

    monkeypatch.setattr(subprocess, "run", wait)
    with pytest.raises(BundleError, match="expected it to predict a film within 180 seconds"):
        try_out(tiny_bundle.path)
