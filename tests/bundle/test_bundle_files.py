"""The files of a bundle: those of the design, and refused when a byte of one differs."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

import pytest

from pneumo_core.bundle import load_bundle, verify_bundle
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.bundle import Bundle

FILES = {"model.keras", "openvino/model.xml", "openvino/model.bin", "card.json", "predictions.csv"}
FILES |= {"README.md", "SHA256SUMS"}


def test_a_bundle_has_the_files_of_the_design(tiny_bundle: Bundle) -> None:
    found = [p for p in tiny_bundle.path.rglob("*") if p.is_file()]
    assert {p.relative_to(tiny_bundle.path).as_posix() for p in found} == FILES
    assert [p.name for p in tiny_bundle.path.parent.iterdir() if p.name[0] == "."] == []


def test_a_bundle_says_what_it_is(tiny_bundle: Bundle) -> None:
    assert (tiny_bundle.name, tiny_bundle.version, tiny_bundle.size) == ("tiny", "1.0", 64)
    assert tiny_bundle.classes == ("normal", "bacterial", "viral")
    assert tiny_bundle.temperature == 1.0
    points = tiny_bundle.points
    assert (points.screening, points.balanced, points.ruling_in) == (0.2, 0.5, 0.8)
    sums = (tiny_bundle.path / "SHA256SUMS").read_bytes()
    assert tiny_bundle.digest == hashlib.sha256(sums).hexdigest()


def test_both_forms_of_the_network_agree_and_the_card_says_how_well(tiny_bundle: Bundle) -> None:
    agreement = tiny_bundle.card.document["agreement"]
    assert agreement["films"] == 64
    assert agreement["keras_openvino"] <= 1e-3
    assert agreement["half_precision"] <= 1e-3
    assert agreement["keras_stored_as"] == "float16"


def test_predictions_are_stored_with_the_columns_of_the_design(tiny_bundle: Bundle) -> None:
    lines = (tiny_bundle.path / "predictions.csv").read_text().splitlines()
    assert lines[0] == "film,split,label,subtype,group,p_normal,p_bacterial,p_viral,p_pneumonia"
    assert len(lines) == 61


@pytest.mark.parametrize("file", sorted(FILES - {"SHA256SUMS"}))
def test_one_byte_changed_names_the_file(models: Path, file: str) -> None:
    target = models / "tiny" / file
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    with pytest.raises(
        BundleError, match=rf"Model tiny: {file} has been altered: expected SHA-256"
    ):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_missing_file_is_named(models: Path, file: str) -> None:
    (models / "tiny" / file).unlink()
    with pytest.raises(BundleError, match=rf"expected the file {file}"):
        load_bundle("tiny", models_dir=models)


def test_a_file_that_is_not_listed_is_refused(models: Path) -> None:
    (models / "tiny" / "openvino" / "extra.pkl").write_bytes(b"")
    with pytest.raises(BundleError, match=r"files listed in SHA256SUMS, found openvino/extra\.pkl"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_link_is_refused(models: Path, tmp_path: Path) -> None:
    card = models / "tiny" / "card.json"
    card.rename(tmp_path / "card.json")
    card.symlink_to(tmp_path / "card.json")
    with pytest.raises(BundleError, match=r"found a link or device: card\.json"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("file", ["../active", "/etc/hosts", "openvino/../../active"])
def test_a_listed_file_outside_the_bundle_is_refused(models: Path, file: str) -> None:
    with (models / "tiny" / "SHA256SUMS").open("a") as sums:
        sums.write(f"{'0' * 64}  {file}\n")
    with pytest.raises(BundleError, match=r"hash and a file on each line|is missing"):
        load_bundle("tiny", models_dir=models)


@pytest.mark.parametrize("line", ["", "no sum", f"{'0' * 64}  card.json"])
def test_a_list_of_sums_that_cannot_be_read_is_refused(models: Path, line: str) -> None:
    with (models / "tiny" / "SHA256SUMS").open("a") as sums:
        sums.write(f"{line}\n")
    with pytest.raises(BundleError, match="expected a hash and a file on each line of SHA256SUMS"):
        verify_bundle(models / "tiny")
