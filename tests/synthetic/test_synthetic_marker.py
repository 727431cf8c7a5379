"""Synthetic films are known by their marker, whole or in part, and no other film is."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.layout import list_films
from pneumo_core.synthetic.demo_data import MARKER, are_synthetic, write_demo_data, write_marker

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "a" / "b" / "demo"
    write_demo_data(folder, films=24, seed=2)
    return folder


def test_every_synthetic_film_is_known_and_the_marker_says_what_it_is(demo: Path) -> None:
    text = (demo / MARKER).read_text()
    assert text.startswith("# The films listed here are synthetic")
    assert "They show no patient." in text
    assert len([line for line in text.splitlines() if not line.startswith("#")]) == 24
    assert are_synthetic(index_folder(demo), demo).tolist() == [True] * 24
    assert list_films(demo).unlabelled == ()  # it is no picture


@pytest.mark.parametrize("part", ["train", ".", "..", "../.."])
def test_a_part_of_the_folder_or_what_holds_it_is_known_too(demo: Path, part: str) -> None:
    root = demo / part
    index = index_folder(root)
    assert len(index) > 0
    assert are_synthetic(index, root).all()


def test_a_film_among_synthetic_ones_is_not_taken_for_one(demo: Path, tmp_path: Path) -> None:
    mixed = shutil.copytree(demo, tmp_path / "mixed")
    film = next((mixed / "train" / "NORMAL").iterdir())
    film.write_bytes(film.read_bytes() + b"\0")
    index = index_folder(mixed)
    told = are_synthetic(index, mixed)
    assert index["film"][~told].tolist() == [film.relative_to(mixed).as_posix()]


def test_without_a_marker_or_with_a_damaged_one_nothing_is_said(demo: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(demo, tmp_path / "bare", ignore=shutil.ignore_patterns(MARKER))
    index = index_folder(bare)
    assert not are_synthetic(index, bare).any()
    (bare / MARKER).write_bytes(b"\xff\xfe")
    assert not are_synthetic(index, bare).any()
    (bare / MARKER).unlink()
    (bare / MARKER).mkdir()
    assert not are_synthetic(index, bare).any()


def test_a_marker_too_far_above_does_not_count(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c" / "d"
    deep.mkdir(parents=True)
    index = pd.DataFrame({"sha256": ["0" * 64, "1" * 64]})
    write_marker(tmp_path, ["0" * 64])
    assert are_synthetic(index, deep).tolist() == [False, False]
    assert are_synthetic(index, deep.parent).tolist() == [True, False]
