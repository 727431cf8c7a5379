"""Only folders inside the allowed roots are opened, by whatever path; the choice is remembered."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pneumo_core.config import ROOT, Settings, as_environment, load_settings
from pneumo_core.dataset.sources import (
    Source,
    check_folder,
    data_dir,
    remember_source,
    remembered_source,
)
from pneumo_core.errors import DataSetError


@pytest.fixture
def settings(tmp_path):
    for name in ("home/films", "outside/films", "cache/data/demo"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "home/film.jpeg").touch()
    roots = (tmp_path / "home",)
    return replace(Settings(), cache_dir=tmp_path / "cache", data_roots=roots)


def test_folders_inside_are_opened_by_any_path(settings, tmp_path, monkeypatch):
    films = tmp_path / "home/films"
    assert check_folder(str(films), settings=settings) == films
    assert check_folder(f"  {films}/../films/ ", settings=settings) == films
    assert check_folder(tmp_path / "home", settings=settings) == tmp_path / "home"
    demo = data_dir(settings) / "demo"
    assert check_folder(demo, settings=settings) == demo
    monkeypatch.chdir(tmp_path / "home")
    assert check_folder("films", settings=settings) == films
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    if sys.platform != "win32":
        assert check_folder("~/films", settings=settings) == films


def test_whatever_leads_out_is_refused_in_words(settings, tmp_path):
    paths = [tmp_path / "outside/films", "/", tmp_path / "home/../outside", tmp_path / "homeland"]
    if sys.platform != "win32":
        (tmp_path / "home/door").symlink_to(tmp_path / "outside")
        paths += [tmp_path / "home/door", tmp_path / "home/door/films"]
    for path in paths:
        with pytest.raises(DataSetError, match=r"leads elsewhere.*PNEUMO_DATA_ROOTS") as caught:
            check_folder(path, settings=settings)
        # Only the path that was typed and those that may be opened are named, and not whether
        # there is anything.
        said = str(caught.value)
        assert str(tmp_path) not in said.replace(str(path), "").replace(
            str((tmp_path / "home").resolve()), ""
        )


def test_what_is_no_folder_is_said(settings, tmp_path):
    for path, words in (
        ("", "got nothing"),
        (tmp_path / "home/none", "where there is nothing"),
        (tmp_path / "home/film.jpeg", "which is a file"),
        ("\0", "Check the path"),
        ("~nobody-of-this-name/x", "Check the path|leads elsewhere"),
    ):
        with pytest.raises(DataSetError, match=words):
            check_folder(path, settings=settings)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_a_loop_of_links_is_said(settings, tmp_path):
    (tmp_path / "home/loop").symlink_to("loop")
    with pytest.raises(DataSetError, match=r"Check the path"):
        check_folder(tmp_path / "home/loop", settings=settings)


def test_the_choice_is_remembered(settings, tmp_path):
    assert remembered_source(settings=settings) is None
    chosen = remember_source("kaggle", tmp_path / "home/films", settings=settings)
    assert remembered_source(settings=settings) == chosen
    assert chosen.chosen.endswith("+00:00")
    assert isinstance(chosen, Source)
    assert sorted(path.name for path in settings.cache_dir.iterdir()) == ["data", "source.json"]
    (tmp_path / "home/films").rmdir()
    assert remembered_source(settings=settings) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"kind": "folder"}', "null"])
def test_a_damaged_memory_is_none(settings, text):
    (settings.cache_dir / "source.json").write_text(text, "utf-8")
    assert remembered_source(settings=settings) is None


def test_a_remembered_path_is_checked_again(settings, tmp_path):
    for kind, path in (("folder", tmp_path / "outside/films"), ("other", tmp_path / "home/films")):
        text = json.dumps({"kind": kind, "path": str(path), "chosen": "x"})
        (settings.cache_dir / "source.json").write_text(text, "utf-8")
        assert remembered_source(settings=settings) is None


def test_a_cache_that_cannot_be_written_forgets(settings, tmp_path):
    (tmp_path / "file").touch()
    other = replace(settings, cache_dir=tmp_path / "file")
    assert remember_source("folder", tmp_path / "home/films", settings=other).kind == "folder"
    assert remembered_source(settings=other) is None


def test_the_roots_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("PNEUMO_DATA_ROOTS", raising=False)
    usual = load_settings().data_roots
    assert {Path.home(), ROOT.parent} <= set(usual)
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", f"{tmp_path}{os.pathsep} {tmp_path / 'b'} {os.pathsep}")
    assert load_settings().data_roots == (tmp_path, tmp_path / "b")
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", as_environment(load_settings())["PNEUMO_DATA_ROOTS"])
    assert load_settings().data_roots == (tmp_path, tmp_path / "b")


def test_a_whole_disk_is_no_usual_root(monkeypatch):
    monkeypatch.chdir("/")
    assert Path("/") not in Settings().data_roots
