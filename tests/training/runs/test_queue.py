"""Runs as processes, with a stand-in for the training: started, queued, stopped, killed."""

import errno
import os
import shutil
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import psutil
import pytest

from pneumo_core.bundle.integrity import write_sums
from pneumo_core.config import Settings
from pneumo_core.errors import BundleError, TrainingError
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import queue
from pneumo_core.training.runs.queue import queue_lock, run_queued, runs_ahead
from pneumo_core.training.runs.run import create_run, list_runs
from pneumo_core.training.runs.status import RESTARTED

# Trains until a file "end" is in the run's folder, and sees a request to stop.
STAND_IN = """
import sys, time
from types import SimpleNamespace
from pneumo_core.config import load_settings
from pneumo_core.training.runs.run import find_run
from pneumo_core.training.runs.queue import run_queued

settings = load_settings()
run = find_run(settings.runs_dir, sys.argv[1])

def work(_report):
    run.update(phase="training", fold=0, epoch=0, step=1)
    print("training", flush=True)
    while not (run.folder / "end").exists():
        if run.requested("stop"):
            run.update(stopped_after={"fold": 0, "epoch": 0})
            break
        time.sleep(0.02)
    return SimpleNamespace(name="m")

run_queued(run, work, settings=settings, report=lambda *_: None)
"""
RECIPE = make_recipe("quick", backbone="cnn", epochs=4)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(queue, "COMMAND", (sys.executable, "-c", STAND_IN))
    made = Settings(
        models_dir=tmp_path / "models", runs_dir=tmp_path / "runs", cache_dir=tmp_path / "cache"
    )
    yield made
    for run in list_runs(made.runs_dir):
        if run.summary().state.live:
            run.cancel()


def start(settings, **choices):
    (settings.runs_dir.parent / "films").mkdir(exist_ok=True)
    recipe = replace(RECIPE, **choices)
    return queue.start_run(recipe, data=settings.runs_dir.parent / "films", settings=settings)


def state(run):
    return run.summary().state.name


def wait_for(question, seconds=300.0):
    limit = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


def training(run):
    return state(run) == "running" and run.status().phase == "training"


def test_a_run_is_a_process_of_its_own_session_and_ends_done(settings):
    run = start(settings)
    assert state(run) == "queued"
    wait_for(lambda: training(run))
    pid = run.status().pid
    assert pid != os.getpid()
    assert os.getsid(pid) == pid
    (run.folder / "end").touch()
    wait_for(lambda: state(run) == "done")
    assert run.summary().message == "Model m is written."
    assert run.log.read_text() == "training\n"


def test_the_second_waits_for_the_first_and_begins_though_the_first_is_killed(settings):
    first, second, third = start(settings), start(settings), start(settings)
    wait_for(lambda: training(first))
    wait_for(lambda: second.status().ahead == [first.id])
    wait_for(lambda: len(third.status().ahead) == 2)
    assert [state(run) for run in (first, second, third)] == ["running", "queued", "queued"]
    assert third.summary().message == "2 runs are before it."
    os.kill(first.status().pid, signal.SIGKILL)
    wait_for(lambda: training(second))
    assert state(first) == "interrupted"
    assert "Its process ended unexpectedly" in first.summary().message
    assert state(third) == "queued"
    # One that waits may be killed as well: the next does not wait for it.
    second.cancel()
    wait_for(lambda: training(third))
    assert state(second) == "cancelled"


def test_two_run_at_once_where_that_is_allowed(settings):
    both = replace(settings, runs_at_once=2)
    first, second = start(both), start(both)
    wait_for(lambda: training(first) and training(second))


def test_stop_lets_the_run_end_by_itself_with_its_model(settings):
    run = start(settings)
    wait_for(lambda: training(run))
    run.stop()
    wait_for(lambda: state(run) == "stopped")
    assert "best epoch so far is its model" in run.summary().remedy
    queue.resume_run(run, settings=settings)
    assert run.summary().state.live


def test_to_stop_a_run_that_has_trained_nothing_cancels_it(settings):
    first, second = start(settings), start(settings)
    wait_for(lambda: training(first))
    second.stop()
    assert state(second) == "cancelled"
    assert not psutil.pid_exists(second.status().pid)


def test_a_cancelled_run_goes_on_and_its_log_with_it(settings):
    run = start(settings)
    wait_for(lambda: training(run))
    with pytest.raises(TrainingError, match="is running"):
        queue.resume_run(run, settings=settings)
    run.cancel()
    assert state(run) == "cancelled"
    worked = run.status().worked_before
    queue.resume_run(run, settings=settings)
    assert state(run) in {"queued", "running"}
    wait_for(lambda: training(run))
    assert run.status().worked_before >= worked
    (run.folder / "end").touch()
    wait_for(lambda: state(run) == "done")
    assert run.log.read_text() == "training\n" * 2


def test_a_run_at_work_is_not_deleted_and_one_that_ended_is(settings):
    run = start(settings)
    with pytest.raises(TrainingError, match=r"is at work\. Cancel it"):
        queue.delete_run(run)
    run.cancel()
    queue.delete_run(run)
    assert list_runs(settings.runs_dir) == []
    assert [path.name for path in settings.runs_dir.iterdir()] == [".queue.lock"]


def test_two_runs_of_one_recipe_make_two_models(settings):
    first, second = start(settings), start(settings)
    names = [run.config()["bundle"] for run in (first, second)]
    assert names == ["cnn-quick", "cnn-quick-2"]


def test_runs_started_at_the_same_moment_get_different_names(settings):
    settings.runs_dir.parent.joinpath("films").mkdir()
    ready = threading.Barrier(4)

    def start_one(_):
        ready.wait()
        with queue_lock(settings.runs_dir):  # as the command line does
            return queue.create_named_run(RECIPE, data=settings.runs_dir, settings=settings)

    with ThreadPoolExecutor(4) as threads:
        names = {run.config()["bundle"] for run in threads.map(start_one, range(4))}
    assert names == {"cnn-quick", "cnn-quick-2", "cnn-quick-3", "cnn-quick-4"}


def test_a_name_that_another_run_will_write_is_refused_unless_it_may_be_replaced(settings):
    first = queue.create_named_run(RECIPE, data=settings.runs_dir, settings=settings, bundle="m")
    with pytest.raises(BundleError, match=rf"run {first.id} will write 'm'\. Choose another name"):
        queue.start_run(RECIPE, data=settings.runs_dir, bundle="m", settings=settings)
    name = partial(queue.free_bundle_name, RECIPE, settings, asked="m")
    first.update(state="interrupted")  # it can be resumed, so the name stays reserved
    with pytest.raises(BundleError, match="delete that run"):
        name()
    assert name(replace=True) == "m"
    first.update(state="done")
    assert name() == "m"


def test_the_name_of_a_model_is_refused_and_a_damaged_run_reserves_none(settings):
    (settings.models_dir / "m").mkdir(parents=True)
    with pytest.raises(BundleError, match=r"there is a model 'm' already\. Choose another name"):
        queue.free_bundle_name(RECIPE, settings, asked="m")
    run = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="cnn-quick")
    (run.folder / "config.json").write_text("{")
    assert queue.free_bundle_name(RECIPE, settings) == "cnn-quick"


def test_a_run_does_not_replace_a_model_that_took_its_name_meanwhile(settings):
    run = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="m")
    assert queue.bundle_name_of(run, settings) == ("m", "")
    (settings.models_dir / "m").mkdir(parents=True)
    assert queue.bundle_name_of(run, settings) == ("cnn-quick", "")
    assert run.config()["bundle"] == "cnn-quick"
    overwrites = create_run(
        settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="m", replace=True
    )
    assert queue.bundle_name_of(overwrites, settings) == ("m", "")


def test_a_resume_replaces_the_model_that_the_run_had_written(settings, tiny_bundle):
    shutil.copytree(tiny_bundle.path, settings.models_dir / "tiny")
    run = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="tiny")
    run.update(state="done", wrote={"name": "tiny", "digest": tiny_bundle.digest}, **RESTARTED)
    said = "It replaces the model that this run had written before."
    assert queue.bundle_name_of(run, settings) == ("tiny", said)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda models: (models / "active").write_text("tiny\n"), "it is in service"),
        (lambda models: (models / "tiny/README.md").write_text("mine"), "its files were changed"),
        (lambda models: write_sums_anew(models / "tiny"), "it was changed since"),
    ],
)
def test_it_stays_where_it_is_in_service_or_changed(settings, tiny_bundle, change, why):
    shutil.copytree(tiny_bundle.path, settings.models_dir / "tiny")
    run = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="tiny")
    run.update(state="done", wrote={"name": "tiny", "digest": tiny_bundle.digest})
    change(settings.models_dir)
    name, said = queue.bundle_name_of(run, settings)
    assert name == run.config()["bundle"] == "cnn-quick"
    assert said.startswith(f"tiny, which this run had written before, stays: {why}")


def write_sums_anew(path):
    (path / "README.md").write_text("mine")
    write_sums(path)


def test_a_run_that_another_process_works_on_is_refused(settings):
    run = start(settings)
    wait_for(lambda: training(run))
    with pytest.raises(TrainingError, match=rf"{run.id} is running"):
        run_queued(run, pytest.fail, settings=settings, report=lambda *_: None)
    assert training(run)


def test_a_damaged_run_holds_nobody_up(settings):
    run = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="m")
    other = create_run(settings.runs_dir, RECIPE, data=settings.runs_dir, bundle="m")
    (other.folder / "status.json").write_text("{")
    assert runs_ahead(run, settings.runs_dir) == []
    assert state(other) == "failed"


def test_a_folder_of_runs_that_cannot_be_written_is_told(settings, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(queue, "create_run", full)
    with pytest.raises(TrainingError, match=r"No space left on device\. Free some space"):
        start(settings)
