"""Trainings that are really ended: by kill -9, by a full disk, by films that break or vanish."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pneumo_core import container
from pneumo_core.config import ROOT, Settings
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.queue import run_queued
from pneumo_core.training.runs.run import create_run, list_runs
from pneumo_core.training.runs.status import summary_of
from pneumo_core.training.train import train
from tests.training import tiny_training

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("quick_training")]

# Imports Keras once: the part that is killed is a fork, made before TensorFlow has threads.
CHILD = """
import json, os, signal, subprocess, sys
from pathlib import Path
import numpy as np
import pytest
from tests.conftest import train_quickly
from tests.training.tiny_training import films, tiny_recipe, train
from pneumo_core.config import Settings
from pneumo_core.errors import TrainingError
from types import SimpleNamespace
from pneumo_core.training import callbacks
from pneumo_core.training.runs import progress_callback
from pneumo_core.training.runs.run import create_run
from pneumo_core.training.runs.queue import run_queued

callbacks.SECONDS_BETWEEN_BACKUPS = callbacks._SHARE = 0
callbacks.SECONDS_BETWEEN_STEPS = progress_callback.SECONDS_BETWEEN_REPORTS = 0
train_quickly(pytest.MonkeyPatch())
room, disk = map(Path, sys.argv[1:])

def carry(run, report):
    def work(_report):
        reports = progress_callback.EpochReport(
            run, tiny_recipe(), "fold 1 of 1", films=48, report=report
        )
        logits.append(train(run.folder / "fold-0", reports))
        return SimpleNamespace(name="m")

    logits = []
    settings = Settings(runs_dir=run.folder.parent)
    run_queued(run, work, settings=settings, report=lambda *_: None)
    return logits[0]

def report(phase, done, total, words=""):
    if (phase, done) == ("train", 8):  # of 3 epochs of 3 steps
        os.kill(os.getpid(), signal.SIGKILL)

if not (child := os.fork()):
    carry(create_run(room / "runs", tiny_recipe(), data=room, bundle="m"), report)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

def mount(*options):
    subprocess.run(["mount", "-t", "tmpfs", *options, "tmpfs", str(disk)], check=True)

def fill(phase, done, total, words=""):
    if (phase, done) == ("epoch", 2):
        with (disk / "filler").open("wb") as file:
            try:
                while True:
                    file.write(bytes(2**12)) and file.flush()
            except OSError:
                pass

if not os.environ["MAY_MOUNT"]:
    sys.exit()
mount("-o", "size=64m")
run = create_run(disk / "runs", tiny_recipe(), data=disk, bundle="m")
try:
    carry(run, fill)
except TrainingError as error:
    full = run.status()
    files = sorted(path.name for path in (run.folder / "fold-0").iterdir())
    (disk / "filler").unlink()
    logits = carry(run, lambda *_: None)
    history = (run.folder / "fold-0" / "history.csv").read_text()
    facts = [str(error), full.state, full.failure, full.message, files, history]
    print(json.dumps([*facts, logits.tolist()]), flush=True)
"""


def may_mount():
    """Whether this person may mount in a name space of his own."""
    if shutil.which("unshare") is None:
        return False
    command = "unshare -rm mount -t tmpfs tmpfs /tmp"
    return not subprocess.run(command.split(), check=False, capture_output=True).returncode


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """What became of both trainings: (rooms, exit code of the killed one, output of the other)."""
    rooms = tmp_path_factory.mktemp("rooms")
    (rooms / "killed").mkdir()
    (rooms / "full").mkdir()
    before = ["unshare", "-rm"] if may_mount() else []
    child = subprocess.run(
        [*before, sys.executable, "-c", CHILD, str(rooms / "killed"), str(rooms / "full")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "MAY_MOUNT": "yes" if before else ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert child.returncode == 0, child.stderr[-2000:]
    code, *told = child.stdout.splitlines()
    return rooms, int(code), told


def test_kill_9_in_mid_epoch_is_seen_and_costs_the_epoch_alone(ended, undisturbed, monkeypatch):
    rooms, code, _ = ended
    assert code == -signal.SIGKILL
    (run,) = list_runs(rooms / "killed" / "runs")
    status = run.status()
    assert (status.state, status.epoch, status.step) == ("interrupted", 2, 2)
    summary = summary_of(status)
    assert summary.message.startswith("Its process ended unexpectedly: it was killed, or")
    assert summary.resumable

    # As the kernel counts those that it ends for want of memory.
    (rooms / "memory.events").write_text(f"oom_kill {status.memory['ended'] + 1}\n")
    monkeypatch.setattr(container, "CGROUP", rooms)
    assert "most likely because memory ran out. Close other programs" in summary_of(status).message

    began = []
    logits = tiny_training.train(run.folder / "fold-0", tiny_training.note_epochs(began))
    assert began == [2]
    np.testing.assert_allclose(logits, undisturbed[0], atol=1e-3)


def test_a_disk_that_fills_up_is_told_and_the_run_goes_on_when_there_is_room(ended, undisturbed):
    _, _, told = ended
    if not told:
        pytest.skip("A disk of one's own to fill needs `unshare -rm`, which is not allowed here.")
    raised, state, kind, message, files, history, logits = json.loads(told[-1])
    assert (state, kind) == ("failed", "disk")
    assert raised == message
    assert message.startswith("Expected room on the disk for the run; the disk is full. Free some")
    assert "backup" in files
    assert not [name for name in files if "partial" in name]
    assert [row.split(",")[0] for row in history.splitlines()] == ["epoch", "0", "1", "2"]
    np.testing.assert_allclose(logits, undisturbed[0], atol=1e-3)


@pytest.fixture
def settings(tmp_path):
    return Settings(
        models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache"
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo") / "films"
    write_demo_data(folder, films=40, seed=1)
    return folder


@pytest.fixture
def run(demo, tmp_path, settings):
    shutil.copytree(demo, tmp_path / "films")
    recipe = make_recipe("quick", backbone="cnn", size=64, precision="float32")
    return create_run(settings.runs_dir, recipe, data=tmp_path / "films", bundle="m")


def carry(run, settings, report):
    run_queued(
        run,
        lambda told: train(run, settings=settings, report=told),
        settings=settings,
        report=report,
    )


def stop_at(phase, then=None):
    """A report that calls `then` when `phase` is done, or else stops the run by hand."""

    def report(name, done, total, _words=""):
        if name == phase and done == total:
            if then is None:
                raise KeyboardInterrupt
            then()

    return report


def test_a_broken_film_is_named_and_left_out(run, settings):
    film = min(settings.runs_dir.parent.glob("films/**/train/**/*.jpeg"))
    film.write_bytes(film.read_bytes()[:200])
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, stop_at("machine"))
    assert [Path(name).name for name in run.status().unreadable] == [film.name]


def test_a_film_that_breaks_after_it_was_seen_is_named(run, settings):
    film = min(settings.runs_dir.parent.glob("films/**/train/**/*.jpeg"))
    with pytest.raises(DataSetError, match=rf"Expected .*{film.name} as it was indexed, got"):
        carry(run, settings, stop_at("index", then=lambda: film.write_bytes(b"no film")))
    assert (run.status().state, run.status().failure) == ("failed", "data")
    assert str(settings.runs_dir.parent) not in run.status().message


def test_films_that_vanish_are_asked_for_and_then_the_run_goes_on(run, settings):
    films, elsewhere = Path(run.config()["data"]), settings.runs_dir.parent / "elsewhere"
    with pytest.raises(TrainingError, match=r"it is missing\. Restore it and"):
        carry(run, settings, stop_at("index", then=lambda: films.rename(elsewhere)))
    assert (run.status().state, run.status().failure) == ("failed", "data")
    assert summary_of(run.status()).resumable
    elsewhere.rename(films)
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, stop_at("machine"))
    assert run.status().state == "interrupted"
    assert run.status().failure == ""


def test_memory_that_runs_out_is_told_and_then_the_run_goes_on(run, settings):
    with pytest.raises(TrainingError, match=r"fit into memory; there was not enough\. Close other"):
        carry(run, settings, stop_at("index", then=lambda: np.empty(2**60, np.uint8)))
    assert (run.status().state, run.status().failure) == ("failed", "memory")
    assert summary_of(run.status()).resumable
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, stop_at("machine"))
