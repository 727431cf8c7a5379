"""What there is to read below a folder: every file, in order, and why some cannot be."""

import os
import sys

import pytest

from pneumo_core.inference.sources import Source, sources_below


def test_files_come_in_the_order_of_their_folders(tmp_path):
    for name in ("b.png", "a/2.png", "a/1.png", "a.png", ".hidden.png", "__MACOSX/x", "Thumbs.db"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [source.name for source in sources_below([tmp_path])]
    assert found == [f"{tmp_path}/{name}" for name in ("a/1.png", "a/2.png", "a.png", "b.png")]


def test_a_file_is_named_as_typed_whether_it_is_there_or_not(tmp_path):
    missing = tmp_path / "none.png"
    assert list(sources_below([missing])) == [Source(missing, str(missing))]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links_and_pipes_are_told(tmp_path):
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "a.png").touch()
    folder = tmp_path / "top"
    folder.mkdir()
    (folder / "1-file").symlink_to(tmp_path / "films" / "a.png")
    (folder / "2-folder").symlink_to(tmp_path / "films")
    (folder / "3-nowhere").symlink_to(tmp_path / "gone")
    (folder / "4-circle").symlink_to(folder / "4-circle")
    os.mkfifo(folder / "5-pipe")
    faults = [source.fault for source in sources_below([folder])]
    assert faults == [
        "",
        "2-folder is a link to a folder, which is not followed. Name that folder itself.",
        "3-nowhere is a broken link. Fix or remove it.",
        "4-circle is a broken link. Fix or remove it.",
        "5-pipe is a device or a pipe, not a file. Name the films themselves.",
    ]


def test_a_folder_that_cannot_be_opened_is_one_source_and_the_rest_follows(tmp_path, monkeypatch):
    (tmp_path / "locked").mkdir()
    (tmp_path / "open.png").touch()
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    first, second = sources_below([tmp_path])
    assert first.fault == "The folder locked cannot be opened: Permission denied."
    assert second == Source(tmp_path / "open.png", f"{tmp_path}/open.png")
