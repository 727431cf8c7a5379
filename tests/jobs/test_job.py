"""Jobs are real processes: started, watched, stopped, killed, and told from others of their pid."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from pneumo_core.config import Settings
from pneumo_core.errors import JobError
from pneumo_core.jobs import job
from pneumo_core.jobs import status as as_job
from pneumo_core.jobs.job import (
    Job,
    latest_job,
    own_session,
    process_alive,
    process_created,
    start_job,
)
from pneumo_core.jobs.status import Status, write_status


@pytest.fixture
def settings(tmp_path):
    return replace(Settings(), cache_dir=tmp_path / "cache", jobs_dir=tmp_path / "jobs")


def wait(job, *, until):
    """The first status that `until` holds for."""
    limit = time.monotonic() + 300
    while not until(status := job.status()):
        assert time.monotonic() < limit, (status, job.log_tail())
        time.sleep(0.05)
    return status


def ended(status):
    return status.state != "running"


def counting(status):
    return status.phase == "films" and status.done > 0


def demo(settings, tmp_path, *, films=5000, key=""):
    return start_job(
        "demo-data",
        ["demo-data", str(tmp_path / "films"), "--films", str(films)],
        settings=settings,
        key=key,
    )


def pid_of(job):
    return json.loads((job.folder / "job.json").read_text("utf-8"))["pid"]


def test_a_job_is_done(settings, tmp_path):
    job = demo(settings, tmp_path, films=20)
    status = wait(job, until=ended)
    assert (status.state, status.phase, status.done, status.total) == ("done", "films", 20, 20)
    assert status.started < status.updated
    assert status.seconds_left is None
    assert len(list((tmp_path / "films").rglob("*.jpeg"))) == 20
    assert (
        job.log_tail(1) == f"20 synthetic films are in {tmp_path / 'films'}. They show no patient."
    )
    assert latest_job("demo-data", settings=settings) == job


def test_a_job_is_seen_at_work_and_is_the_only_one_of_its_kind_and_key(settings, tmp_path):
    job = demo(settings, tmp_path)
    try:
        status = wait(job, until=counting)
        assert (status.state, status.total) == ("running", 5000)
        assert 0 < status.done < 5000
        assert demo(settings, tmp_path / "other") == job
        assert latest_job("demo-data", settings=settings, key="another") is None
        another = start_job("demo-data", ["models", "--help"], settings=settings, key="another")
        assert another != job
        assert wait(another, until=ended).state == "done"
        # A process group of its own: what ends this one's does not end it.
        assert os.getpgid(pid_of(job)) == pid_of(job) != os.getpgid(0)
    finally:
        job.stop()
    stopped = job.status()
    assert (stopped.state, stopped.message) == ("stopped", "Stopped.")
    assert demo(settings, tmp_path, films=1) != job


def test_a_killed_job_is_interrupted(settings, tmp_path):
    job = demo(settings, tmp_path)
    wait(job, until=counting)
    os.kill(pid_of(job), signal.SIGKILL)
    status = wait(job, until=ended)
    assert status.state == "interrupted"
    assert "killed or the computer was restarted" in status.message
    assert status.done > 0
    job.stop()
    assert job.status().state == "interrupted"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["index", "nowhere"], "Expected a folder of films, got nowhere, which is no folder."),
        (["train", "nowhere"], "Invalid value: there is no folder nowhere."),
        (["no-such-command"], "No such command 'no-such-command'."),
    ],
)
def test_a_failed_job_says_what_the_command_said(settings, arguments, words):
    job = start_job("try", arguments, settings=settings)
    status = wait(job, until=ended)
    assert (status.state, status.message) == ("failed", words)
    assert job.log_tail(1) == f"Error: {words}"


def test_a_stubborn_job_is_ended_by_force(settings, tmp_path, monkeypatch):
    monkeypatch.setattr("pneumo_core.jobs.job._SECONDS_TO_END", 0.5)
    folder = settings.jobs_dir / "stubborn.1"
    folder.mkdir(parents=True)
    code = "import signal,time; signal.signal(15, 1); print(1, flush=True); time.sleep(3600)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    ) as child:
        assert child.stdout.readline() == b"1\n"
        write_status(folder, Status("running"))
        facts = {"key": "", "pid": child.pid, "created": process_created(child.pid)}
        (folder / "job.json").write_text(json.dumps(facts), "utf-8")
        job = latest_job("stubborn", settings=settings)
        assert job.status().state == "running"
        job.stop()
        # This process has not asked for its child's end: it is a zombie, and no job at work.
        assert job.status().state == "stopped"
        assert not process_alive(child.pid, facts["created"])
    assert child.returncode == -signal.SIGKILL


def test_another_process_of_the_same_pid_is_not_the_job(settings):
    folder = settings.jobs_dir / "old.1"
    folder.mkdir(parents=True)
    write_status(folder, Status("running", phase="train"))
    here = {"key": "", "pid": os.getpid(), "created": process_created(os.getpid())}
    (folder / "job.json").write_text(json.dumps(here), "utf-8")
    assert Job(folder).status().state == "running"
    (folder / "job.json").write_text(json.dumps(here | {"created": here["created"] - 5}), "utf-8")
    assert Job(folder).status().state == "interrupted"
    Job(folder).stop()  # must not end this process


def test_a_damaged_status_is_not_the_end(settings):
    folder = settings.jobs_dir / "odd.1"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text("{", "utf-8")
    (folder / "job.json").write_text("[]", "utf-8")
    assert Job(folder).status().state == "interrupted"
    assert Job(folder).log_tail() == ""


def test_old_jobs_are_forgotten(settings):
    for number in range(25):
        folder = settings.jobs_dir / f"try.2000{number:02d}"
        folder.mkdir(parents=True)
        write_status(folder, Status("done"))
        (folder / "job.json").write_text('{"key": "", "pid": 1, "created": 0}', "utf-8")
    job = start_job("try", ["--help"], settings=settings)
    left = sorted(path.name for path in settings.jobs_dir.glob("try.*"))
    assert left == [*(f"try.2000{number:02d}" for number in range(5, 25)), job.id]
    wait(job, until=ended)


def test_a_folder_that_cannot_be_written_is_said(settings, tmp_path):
    (tmp_path / "jobs").write_text("a file", "utf-8")
    with pytest.raises(JobError, match=r"Expected to start try .* set PNEUMO_JOBS to another"):
        start_job("try", ["--help"], settings=settings)


def test_a_kind_is_a_plain_name(settings):
    with pytest.raises(ValueError, match=r"kind='\.\./x'"):
        start_job("../x", [], settings=settings)


@pytest.fixture
def writer(tmp_path, monkeypatch):
    monkeypatch.setattr(as_job, "_current", [])
    clock = [100.0]
    monkeypatch.setattr("pneumo_core.jobs.status.time.monotonic", lambda: clock[0])
    monkeypatch.setenv("PNEUMO_JOB", str(tmp_path))
    handler = signal.getsignal(signal.SIGTERM)
    assert as_job.begin()
    signal.signal(signal.SIGTERM, handler)
    assert "PNEUMO_JOB" not in os.environ
    said = []
    report = as_job.also_to_status(lambda *words: said.append(words))
    return report, clock, said


def written(tmp_path):
    return json.loads((tmp_path / "status.json").read_text("utf-8"))


def test_progress_is_written_a_few_times_a_second_with_the_time_left(writer, tmp_path):
    report, clock, said = writer
    report("index", 10, 100, "")
    assert written(tmp_path)["done"] == 10
    assert written(tmp_path)["seconds_left"] is None
    clock[0] += 0.1
    report("index", 20, 100, "")
    assert written(tmp_path)["done"] == 10  # too soon
    clock[0] += 4.0
    report("index", 51, 100, "")
    # 41 films in 4.1 seconds, the first ten of them, fast, some time ago: 9.7 films a second.
    assert (written(tmp_path)["done"], written(tmp_path)["seconds_left"]) == (51, 5.0)
    report("index", 100, 100, "")
    assert (written(tmp_path)["done"], written(tmp_path)["seconds_left"]) == (100, 0.0)
    report("train", 5, 50, "loss 1")
    report("epoch", 1, 5, "epoch 1: auc 0.9")
    clock[0] += 1
    report("train", 6, 50, "loss 0.9")
    assert (written(tmp_path)["phase"], written(tmp_path)["total"]) == ("train", 50)
    assert len(said) == 7


def test_the_last_words_said_are_the_message_of_the_end(writer, tmp_path):
    report, _, _ = writer
    report("evaluate", 1, 1, "x")
    for number in range(8):
        as_job.note(f"Not read: film {number}")
    as_job.end("done")
    end = written(tmp_path)
    assert end["state"] == "done"
    assert end["message"].splitlines() == [f"Not read: film {n}" for n in range(2, 8)]


@pytest.mark.parametrize(
    ("pid", "created"), [(None, None), ("1", 1.0), (2**22 + 1, 1.0), (-1, 1.0)]
)
def test_what_is_no_process_is_not_alive(pid: Any, created: Any) -> None:
    assert not process_alive(pid, created)


def test_a_process_is_told_by_pid_and_beginning() -> None:
    created = process_created(os.getpid())
    assert created is not None
    assert process_alive(os.getpid(), created)
    assert not process_alive(os.getpid(), created - 5)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no sessions on Windows")
def test_a_session_of_its_own() -> None:
    code = "import os; print(os.getsid(0))"
    child = subprocess.run(
        [sys.executable, "-c", code], **own_session(), capture_output=True, text=True, check=True
    )
    assert int(child.stdout) != os.getsid(0)


def test_on_windows_no_console_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.sys, "platform", "win32")
    monkeypatch.setattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200, raising=False)
    monkeypatch.setattr(subprocess, "CREATE_NO_WINDOW", 0x8000000, raising=False)
    assert own_session() == {"creationflags": 0x8000200}
