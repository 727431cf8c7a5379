import errno
import os
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.training.hardware import memory_now, ran_out
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.queue import run_queued
from pneumo_core.training.runs.run import create_run
from pneumo_core.training.runs.status import (
    CANCEL,
    RunStatus,
    explain,
    killed_message,
    summary_of,
)

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/somewhere/secret/best.weights.h5")


class ResourceExhaustedError(Exception):
    """Named like TensorFlow's."""


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), "memory", "a smaller batch or a smaller image size"),
        (ResourceExhaustedError("OOM when allocating"), "memory", "Expected the training to fit"),
        (ResourceExhaustedError("t.v2; No space left on device"), "disk", "the disk is full"),
        (ImportError("x.so: failed to map segment from"), "memory", "Expected the training"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory"), "memory", "Expected the training"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory", "Expected the training"),
        (FULL, "disk", "the disk is full. Free some space, then resume."),
        (caused(ValueError("h5"), FULL), "disk", "the disk is full"),
        (caused(DataSetError("Expected to write 3 MB"), FULL), "disk", "the disk is full"),
        (DataSetError("Expected a folder of films."), "data", "Expected a folder of films."),
        (
            FileNotFoundError(errno.ENOENT, "gone", "/secret"),
            "data",
            "their files is missing",
        ),
        (TrainingError("The loss became NaN before."), "nan", "The loss became NaN before."),
        (TrainingError("Expected --weights to fit."), "told", "Expected --weights to fit."),
        (KeyError("secret"), "unforeseen", "An unexpected error occurred (KeyError); trace.txt"),
    ],
)
def test_what_ends_a_training_has_a_kind_and_words(error, kind, words):
    failure = explain(error)
    assert failure.kind == kind
    assert words in failure.message
    assert "secret" not in failure.message
    assert failure.resumable is (kind != "nan")


def test_films_that_vanished_are_told_whatever_stumbled_over_it(tmp_path):
    failure = explain(DataSetError("Expected readable films."), tmp_path / "secret" / "films")
    assert failure.kind == "data"
    assert "the folder of films 'films' where the run found it; it is missing" in failure.message
    assert "secret" not in failure.message
    assert explain(FULL, tmp_path / "gone").kind == "disk"
    assert explain(DataSetError("Expected films."), tmp_path).message == "Expected films."


def memory(left, ended=0):
    return {"process": 1, "left": left, "limit": 1000, "ended": ended}


@pytest.mark.parametrize(
    ("last_word", "ended", "out"),
    [
        (memory(left=400), 0, False),
        (memory(left=49), 0, True),  # as good as none left when it last spoke
        (memory(left=400, ended=2), 2, False),  # others were ended long before
        (memory(left=400, ended=2), 3, True),
        ({}, 5, False),
    ],
)
def test_a_silent_death_for_want_of_memory_is_told_from_others(last_word, ended, out):
    assert ran_out(last_word, ended) is out
    words = killed_message(last_word, ended)
    assert ("memory ran out" in words) is out
    assert "Resume it" in words or "resume" in words


def test_memory_is_measured_in_bytes():
    facts = memory_now()
    assert 2**20 < facts["process"] < facts["limit"]
    assert 0 < facts["left"] <= facts["limit"]
    assert facts["ended"] >= 0


@pytest.fixture
def settings(tmp_path):
    return Settings(runs_dir=tmp_path / "runs")


@pytest.fixture
def run(settings):
    recipe = make_recipe("quick", backbone="cnn")
    return create_run(settings.runs_dir, recipe, data=settings.runs_dir.parent, bundle="m")


def carry(run, settings, error):
    def work(_report):
        raise error

    run_queued(run, work, settings=settings, report=lambda *_: None)


@pytest.mark.parametrize(
    ("error", "kind", "raised"),
    [
        (FULL, "disk", TrainingError),
        (MemoryError(), "memory", TrainingError),
        (DataSetError("Expected films."), "data", DataSetError),
        (ZeroDivisionError("1/0"), "unforeseen", TrainingError),
    ],
)
def test_a_run_ends_with_what_the_person_should_read(run, settings, error, kind, raised):
    with pytest.raises(raised):
        carry(run, settings, error)
    status = run.status()
    assert (status.state, status.failure) == ("failed", kind)
    assert status.message == explain(error).message
    summary = summary_of(status)
    assert (summary.message, summary.remedy) == (explain(error).message, "")
    assert summary.resumable
    assert (run.folder / "trace.txt").exists() is (kind == "unforeseen")
    assert not (run.folder / "reserve").exists()


def test_on_a_full_disk_the_last_word_takes_the_room_kept_for_it(run, settings, monkeypatch):
    kept = run.folder / "reserve"

    def room_or_not(path, content):
        if kept.exists():
            raise FULL
        written.append(content)

    def work(_report):
        assert kept.stat().st_size == 2**16
        monkeypatch.setattr("pneumo_core.training.runs.run.write_json", room_or_not)
        run.update(epoch=1)

    written = []
    with pytest.raises(TrainingError, match="the disk is full"):
        run_queued(run, work, settings=settings, report=lambda *_: None)
    assert written[-1]["failure"] == "disk"


def test_a_run_ended_by_hand_can_be_resumed(run, settings):
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, KeyboardInterrupt())
    assert run.status().state == "interrupted"
    assert summary_of(run.status()).message == "Stopped by hand; it can be resumed."


def test_a_run_cancelled_before_its_turn_never_begins(run, settings):
    run.request(CANCEL)
    with pytest.raises(KeyboardInterrupt):
        carry(run, settings, AssertionError("it began"))
    assert run.status().state == "cancelled"


def test_the_phases_before_and_after_the_training_are_in_the_status(run, settings):
    heard = []

    def work(report):
        report("decode", 30, 30, "")
        assert run.status().phase == "decoding the films"
        assert (run.status().done, run.status().total) == (30, 30)
        report("train", 1, 9, "loss 1")
        assert run.status().phase == "decoding the films"
        return SimpleNamespace(name="m")

    run_queued(run, work, settings=settings, report=lambda *facts: heard.append(facts))
    assert (run.status().state, run.status().message) == ("done", "Model m is written.")
    assert not (run.folder / "reserve").exists()
    assert heard == [("decode", 30, 30, ""), ("train", 1, 9, "loss 1")]


def test_waiting_is_not_counted_as_work():
    status = RunStatus(
        "running",
        worked_before=60.0,
        began="2026-01-01T10:00:00+00:00",
        updated="2026-01-01T10:00:30+00:00",
    )
    assert status.seconds_worked == 90
    assert replace(status, phase="waiting").seconds_worked == 60
    assert RunStatus("running").seconds_worked == 0
