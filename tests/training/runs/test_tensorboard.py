"""TensorBoard: found, started and ended through its own manager, which is replaced here."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from tensorboard import manager, version

from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from pneumo_core.training.runs import tensorboard

# Called "tensorboard" by an argument, as the process of the real one is.
STAND_IN = (sys.executable, "-c", "input()", "tensorboard")


@pytest.fixture
def settings(tmp_path, monkeypatch):
    records = tmp_path / "records"
    records.mkdir()
    monkeypatch.setattr(manager, "_get_info_dir", lambda: str(records))
    return Settings(runs_dir=tmp_path / "runs")


@pytest.fixture
def running(settings, tmp_path):
    """A stand-in for a TensorBoard of these runs, with the record that the real one writes."""
    with subprocess.Popen(STAND_IN, stdin=subprocess.PIPE) as child:
        info = manager.TensorBoardInfo(
            version=version.VERSION,
            start_time=int(time.time()),
            pid=child.pid,
            port=7007,
            path_prefix="",
            logdir=str(settings.runs_dir),
            db="",
            cache_key="k",
        )
        record = tmp_path / "records" / f"pid-{child.pid}.info"
        record.write_text(manager._info_to_string(info))
        yield SimpleNamespace(child=child, record=record)
        child.kill()


def test_one_that_runs_is_found_and_ended(settings, running, monkeypatch):
    monkeypatch.setattr(manager, "start", pytest.fail)
    assert tensorboard.find_board(settings) == "http://localhost:7007"
    assert tensorboard.start_board(settings) == "http://localhost:7007"
    other = Settings(runs_dir=settings.runs_dir / "others")
    assert tensorboard.find_board(other) is None
    tensorboard.stop_board(settings)
    assert tensorboard.find_board(settings) is None


def test_the_record_of_one_that_was_killed_is_removed(settings, running):
    running.child.kill()
    running.child.wait()
    assert tensorboard.find_board(settings) is None
    assert not running.record.exists()


def test_it_is_started_on_this_machine_alone(settings, monkeypatch):
    asked = []
    info = SimpleNamespace(port=7007)

    def start(arguments, **_):
        asked.append(arguments)
        return manager.StartLaunched(info=info)

    monkeypatch.setattr(manager, "start", start)
    assert tensorboard.start_board(settings) == "http://localhost:7007"
    assert json.dumps(["--logdir", str(settings.runs_dir)])[1:-1] in json.dumps(asked[0])
    assert '"--host", "localhost"' in json.dumps(asked[0])


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (manager.StartFailed(1, "", "Trace:\nno such flag"), "it did not: no such flag"),
        (manager.StartExecFailed(OSError("no such program"), None), "no such program"),
        (manager.StartTimedOut(1), "it did not answer within two minutes"),
    ],
)
def test_why_it_did_not_start_is_told(settings, monkeypatch, made, words):
    monkeypatch.setattr(manager, "start", lambda *_, **__: made)
    with pytest.raises(TrainingError, match=words):
        tensorboard.start_board(settings)


def test_without_tensorboard_the_way_to_it_is_told(settings, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert tensorboard.find_board(settings) is None
    with pytest.raises(TrainingError, match="Expected TensorBoard to be installed"):
        tensorboard.start_board(settings)


def test_a_board_that_nobody_looks_at_ends(monkeypatch):
    ended = []
    monkeypatch.setattr(tensorboard, "find_board", lambda _: None if ended else "http://x:1")
    monkeypatch.setattr(tensorboard, "stop_board", ended.append)
    monkeypatch.setattr(tensorboard, "_seen", tensorboard.time.monotonic() - 1801)
    tensorboard._watching.acquire()
    tensorboard._end_unseen("settings")
    assert ended == ["settings"]
    assert not tensorboard._watching.locked()
