"""The watched folder: what is whole is read once, whatever happens; what is not waits."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.errors import ServerError
from pneumo_core.server.answers import Wanted
from pneumo_core.server.watch import WatchedFolder, watch
from tests import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.server.conftest import StandIn


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def watched(inbox: Path, **options: Any) -> WatchedFolder:
    made = WatchedFolder(inbox, inbox.parent / "out", **{"settle": 2.0} | options)
    made.prepare()
    return made


def answers(folder: WatchedFolder) -> dict[str, dict[str, Any]]:
    rows = [json.loads(path.read_text()) for path in folder.out.glob("*.json")]
    found = {row["file"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def look(folder: WatchedFolder, reader: StandIn, now: float) -> list[str]:
    rows = [folder.take(path, reader) for path in folder.arrived(now)]
    return [row["file"] for row in rows if row is not None]


def test_a_file_is_read_when_it_has_not_changed_for_a_while(
    inbox: Path, stand_in: StandIn, png: bytes
) -> None:
    folder = watched(inbox)
    (inbox / "a.png").write_bytes(png[:100])
    assert look(folder, stand_in, 0.0) == []
    (inbox / "a.png").write_bytes(png)
    assert look(folder, stand_in, 5.0) == []  # it has changed since
    assert look(folder, stand_in, 6.9) == []
    assert look(folder, stand_in, 7.0) == ["a.png"]
    assert look(folder, stand_in, 20.0) == []  # answered, though it stays there
    assert answers(folder)["a.png"]["decision"] == "PNEUMONIA"
    assert folder.summary() == "1 file: 1 read"


@pytest.mark.parametrize("name", [".a.png", "a.png.part", "a.PNG.TMP", ".hidden/a.png"])
def test_half_written_and_hidden_files_wait(
    inbox: Path, stand_in: StandIn, png: bytes, name: str
) -> None:
    (inbox / name).parent.mkdir(exist_ok=True)
    (inbox / name).write_bytes(png)
    folder = watched(inbox, settle=0.0)
    assert [look(folder, stand_in, now) for now in (0.0, 9.0)] == [[], []]
    (inbox / name).rename(inbox / "whole.png")
    look(folder, stand_in, 10.0)
    assert look(folder, stand_in, 11.0) == ["whole.png"]


def test_a_new_start_goes_on_where_the_last_one_ended(
    inbox: Path, stand_in: StandIn, png: bytes
) -> None:
    for i in range(3):
        (inbox / f"{i}.png").write_bytes(png + bytes([i]))
    first = watched(inbox, settle=0.0)
    first.arrived(0.0)
    assert first.take(inbox / "0.png", stand_in) is not None
    again = watched(inbox, settle=0.0)
    again.arrived(0.0)
    assert look(again, stand_in, 1.0) == ["0.png", "1.png", "2.png"]
    assert again.counts == {"again": 1, "ok": 2}
    assert len(answers(again)) == 3


def test_the_same_film_under_two_names_is_answered_twice(
    inbox: Path, stand_in: StandIn, png: bytes
) -> None:
    for name in ("a.png", "b/a.png"):
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_bytes(png)
    folder = watched(inbox, settle=0.0)
    look(folder, stand_in, 0.0)
    assert look(folder, stand_in, 1.0) == ["a.png", "b/a.png"]
    assert set(answers(folder)) == {"a.png", "b/a.png"}


def test_films_move_once_answered_and_what_cannot_be_read_is_counted(
    inbox: Path, stand_in: StandIn, png: bytes
) -> None:
    (inbox / "a.png").write_bytes(png)
    (inbox / "b.png").write_bytes(b"no film")
    folder = watched(inbox, settle=0.0, move=True)
    look(folder, stand_in, 0.0)
    assert look(folder, stand_in, 1.0) == ["a.png", "b.png"]
    assert list(inbox.iterdir()) == []
    assert (folder.out / "read" / "a.png").read_bytes() == png
    assert (folder.out / "unreadable" / "b.png").read_bytes() == b"no film"
    (inbox / "a.png").write_bytes(png + b"\0")  # another film of the same name
    look(folder, stand_in, 2.0)
    assert look(folder, stand_in, 3.0) == ["a.png"]
    assert len(list((folder.out / "read").iterdir())) == 2
    assert folder.summary() == "3 files: 2 read, 1 unreadable"


def test_parts_lie_beside_the_answer_which_names_them(
    inbox: Path, stand_in: StandIn, png: bytes
) -> None:
    (inbox / "a.png").write_bytes(png)
    folder = watched(inbox, settle=0.0, wanted=Wanted(("report", "structured_report")))
    look(folder, stand_in, 0.0)
    look(folder, stand_in, 1.0)
    row = answers(folder)["a.png"]
    assert (folder.out / row["report"]).read_bytes()[:5] == b"%PDF-"
    assert (folder.out / row["structured_report"]).read_bytes()[128:132] == b"DICM"


def test_a_full_disk_leaves_the_film_for_the_next_start(
    inbox: Path, stand_in: StandIn, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (inbox / "a.png").write_bytes(png)
    folder = watched(inbox, settle=0.0, move=True)
    folder.arrived(0.0)
    monkeypatch.setattr("pneumo_core.server.watch.write_atomic", full)
    with pytest.raises(ServerError, match=r"got: No space left on device.*The films stay where"):
        folder.take(inbox / "a.png", stand_in)
    assert (inbox / "a.png").exists()
    assert not answers(folder)


def test_folders_that_cannot_serve_are_refused_in_words(inbox: Path) -> None:
    with pytest.raises(ServerError, match="Expected a folder to watch"):
        WatchedFolder(inbox / "none", inbox.parent / "out").prepare()
    with pytest.raises(ServerError, match="would be read as films"):
        WatchedFolder(inbox, inbox / "out").prepare()


def test_once_ends_when_all_is_answered(inbox: Path, stand_in: StandIn, png: bytes) -> None:
    now, rows = [0.0], []
    (inbox / "a.png").write_bytes(png)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    watch(
        watched(inbox),
        lambda: stand_in,
        tell=rows.append,
        interval=1.0,
        once=True,
        clock=lambda: now[0],
        sleep=sleep,
    )
    assert [row["file"] for row in rows] == ["a.png"]
    assert now[0] == 3.0


# The watched folder in a process of its own, with a model that takes its time and needs no start.
WATCHER = """
import sys, time
from pathlib import Path
from pneumo_core.bundle import load_bundle
from pneumo_core.inference.predict import Reading
from pneumo_core.server.watch import WatchedFolder, watch

class Slow:
    bundle = load_bundle(verify=False)

    def read_bytes(self, data):
        time.sleep(0.05)
        return Reading("ok", "Read.", "slow 1.0", 0.2, 0.8)

inbox, out, *once = sys.argv[1:]
folder = WatchedFolder(Path(inbox), Path(out), move=True, settle=0.1)
watch(folder, Slow, tell=lambda row: None, interval=0.05, once=bool(once))
"""


def test_killed_twice_each_film_is_answered_once(inbox: Path, png: bytes) -> None:
    out = inbox.parent / "out"
    command = [sys.executable, "-c", WATCHER, str(inbox), str(out)]

    def start(*options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([*command, *options], cwd=ROOT, stderr=subprocess.DEVNULL)

    def until(answered: int, process: subprocess.Popen[bytes]) -> None:
        end = time.monotonic() + 120
        while len(list(out.glob("*.json"))) < answered and time.monotonic() < end:
            assert process.poll() is None
            time.sleep(0.02)

    for batch in range(2):
        for i in range(6):
            (inbox / f"{batch}-{i}.png").write_bytes(png + bytes([batch, i]))
        process = start()
        until(6 * batch + 3, process)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert start("once").wait(timeout=120) == 0
    rows = [json.loads(path.read_text()) for path in out.glob("*.json")]
    assert sorted(row["file"] for row in rows) == [f"{b}-{i}.png" for b in (0, 1) for i in range(6)]
    assert len(list((out / "read").iterdir())) == 12
    assert list(inbox.iterdir()) == []
    assert list(out.glob(".*")) == []
