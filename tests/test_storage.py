"""Small files that appear whole or not at all, whoever reads or writes them meanwhile."""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from pneumo_core.jobs.status import Status, read_status, write_status
from pneumo_core.storage import read_json, utc_now, write_atomic, write_json
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def read_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """As on Windows, where a file that is open cannot be replaced: twice it is refused."""
    path_type = type(tmp_path)
    refused: list[Path] = []
    replace = path_type.replace

    def replace_later(self: Path, target: Path) -> Path:
        if len(refused) < 2:
            refused.append(target)
            raise PermissionError
        return replace(self, target)

    monkeypatch.setattr(path_type, "replace", replace_later)
    return refused


def test_a_file_is_written_while_somebody_reads_it(
    tmp_path: Path, read_meanwhile: list[Path]
) -> None:
    write_json(tmp_path / "status.json", {"done": 1})
    assert read_meanwhile == [tmp_path / "status.json"] * 2
    assert read_json(tmp_path / "status.json") == {"done": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_jobs_status_is_written_while_the_screen_reads_it(
    tmp_path: Path, read_meanwhile: list[Path]
) -> None:
    write_status(tmp_path, Status("running", done=3))
    assert len(read_meanwhile) == 2
    assert read_status(tmp_path).done == 3


def test_a_runs_status_is_written_while_the_screen_reads_it(
    tmp_path: Path, read_meanwhile: list[Path]
) -> None:
    run = create_run(tmp_path, make_recipe("quick", backbone="cnn"), data=tmp_path, bundle="m")
    run.update(epoch=3)
    assert len(read_meanwhile) == 2
    assert run.status().epoch == 3


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "status.json").mkdir()
    with pytest.raises(OSError, match="directory"):
        write_json(tmp_path / "status.json", {})
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]


def test_a_file_that_is_refused_for_good_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_atomic(tmp_path / "a", "old")

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(type(tmp_path), "replace", refuse)
    with pytest.raises(PermissionError):
        write_atomic(tmp_path / "a", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "old")]


def test_bytes_and_text_are_written_as_they_are(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", b"\x00\r\n")
    assert (tmp_path / "a").read_bytes() == b"\x00\r\n"
    write_atomic(tmp_path / "a", "é\n")
    assert (tmp_path / "a").read_bytes() == b"\xc3\xa9\n"
    write_atomic(tmp_path / "a", "\udc80", errors="backslashreplace")
    assert (tmp_path / "a").read_bytes() == b"\\udc80"


def test_two_threads_of_a_process_do_not_take_each_others_file(tmp_path: Path) -> None:
    faults: list[Exception] = []

    def write(text: str) -> None:
        try:
            for _ in range(200):
                write_atomic(tmp_path / "a", text)
        except OSError as error:
            faults.append(error)

    threads = [threading.Thread(target=write, args=(text * 1000,)) for text in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set((tmp_path / "a").read_text())) == 1


@pytest.mark.parametrize("content", ["", "{", "[]", "1"])
def test_what_is_no_json_object_reads_as_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    assert read_json(tmp_path / "a.json") == {}
    assert read_json(tmp_path / "gone.json") == {}


def test_moments_as_texts_are_in_the_order_of_time() -> None:
    moments = [utc_now() for _ in range(100)]
    assert moments == sorted(moments)
    assert datetime.fromisoformat(moments[0]).utcoffset() is not None


def test_a_folder_that_takes_nothing_is_told_by_the_first_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(self: Path, *_words: object, **_options: object) -> None:
        raise PermissionError(30, "Read-only file system")

    for name in ("write_bytes", "unlink"):  # the folder refuses to clean up as well
        monkeypatch.setattr(type(tmp_path), name, read_only)
    with pytest.raises(PermissionError) as told:
        write_atomic(tmp_path / "active", "name")
    assert told.value.__context__ is None
