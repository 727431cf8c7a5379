"""What a folder holds and what is passed over, without opening a file."""

import os
import sys

import pytest

from pneumo_core.dataset import layout
from pneumo_core.dataset.layout import check_labelled, list_films
from pneumo_core.errors import DataSetError


def put(root, *files):
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def test_all_that_is_passed_over_is_counted(tmp_path):
    put(tmp_path, "train/NORMAL/a.png", "train/NORMAL/notes.txt", "train/NORMAL/.b.png")
    put(tmp_path, "chest_xray/train/NORMAL/a.png", "loose.png", "CT/scan.png")
    put(tmp_path, "__MACOSX/train/NORMAL/._a.png")
    (tmp_path / "train/PNEUMONIA").mkdir()
    layout = list_films(tmp_path)
    assert layout.films == ("train/NORMAL/a.png",)
    assert layout.nested == ("chest_xray/train/NORMAL/a.png",)
    assert layout.macosx == ("__MACOSX/train/NORMAL/._a.png",)
    assert layout.unlabelled == ("CT/scan.png", "loose.png")
    assert layout.links == layout.links_out == ()
    assert layout.class_folders == (
        "chest_xray/train/NORMAL",
        "train/NORMAL",
        "train/PNEUMONIA",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")
def test_links_are_passed_over_and_those_that_lead_out_are_told_apart(tmp_path):
    put(tmp_path, "data/NORMAL/a.png", "outside/NORMAL/b.png")
    data = tmp_path / "data"
    (data / "NORMAL/inside.png").symlink_to(data / "NORMAL/a.png")
    (data / "NORMAL/out.png").symlink_to(tmp_path / "outside/NORMAL/b.png")
    (data / "NORMAL/dots.png").symlink_to("../../outside/NORMAL/b.png")
    (data / "PNEUMONIA").symlink_to(tmp_path / "outside/NORMAL")
    (data / "loop.png").symlink_to("loop.png")
    (data / "NORMAL/readme.txt").symlink_to(tmp_path / "outside")
    layout = list_films(data)
    assert layout.films == ("NORMAL/a.png",)
    assert set(layout.links) - set(layout.links_out) <= {"NORMAL/inside.png", "loop.png"}
    assert {"NORMAL/dots.png", "NORMAL/out.png", "PNEUMONIA"} <= set(layout.links_out)
    assert layout.class_folders == ("NORMAL",)


def test_the_signature_changes_with_every_file(tmp_path):
    put(tmp_path, "NORMAL/a.png", "NORMAL/b.png")
    seen = [list_films(tmp_path).signature()]
    assert list_films(tmp_path).signature() == seen[0]
    (tmp_path / "NORMAL/a.png").write_bytes(b"other")
    seen.append(list_films(tmp_path).signature())
    os.utime(tmp_path / "NORMAL/b.png", (1, 1))
    seen.append(list_films(tmp_path).signature())
    put(tmp_path, "loose.png")
    seen.append(list_films(tmp_path).signature())
    (tmp_path / "PNEUMONIA").mkdir()
    seen.append(list_films(tmp_path).signature())
    assert len(set(seen)) == 5


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep such names out")
def test_a_name_that_no_table_can_hold_is_said(tmp_path):
    put(tmp_path, "NORMAL/a.png")
    (tmp_path / "NORMAL/a.png").rename(tmp_path / os.fsdecode(b"NORMAL/\xff.png"))
    with pytest.raises(DataSetError, match=r"Expected a name in UTF-8, got NORMAL/\?.png"):
        list_films(tmp_path)


def test_a_folder_without_labelled_films_is_refused_before_it_is_listed(tmp_path):
    (tmp_path / "train" / "NORMAL").mkdir(parents=True)
    (tmp_path / "train" / "NORMAL" / "notes.txt").touch()
    (tmp_path / "film.jpeg").touch()
    with pytest.raises(DataSetError, match=r"found no such films in .*Give the folder"):
        check_labelled(tmp_path)
    (tmp_path / "train" / "NORMAL" / "film.jpeg").touch()
    check_labelled(tmp_path)


def test_of_a_folder_too_large_to_probe_nothing_is_said_yet(tmp_path, monkeypatch):
    for name in "abc":
        (tmp_path / name).mkdir()
    with pytest.raises(DataSetError):
        check_labelled(tmp_path)
    monkeypatch.setattr(layout, "_PROBED", 2)
    check_labelled(tmp_path)
