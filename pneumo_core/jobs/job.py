"""Long work as a process of its own: started from a screen, it outlives the screen and its server.

A job is a `python -m pneumo_core …` in a folder: `job.json` says what was started, `status.json`
what it tells of itself (`cli.as_job` writes it), `log.txt` what it printed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pneumo_core.config import ROOT, as_environment
from pneumo_core.errors import JobError
from pneumo_core.jobs.process import end_process_group, own_session, process_alive, process_created
from pneumo_core.jobs.status import VARIABLE, JobStatus, read_status, write_status
from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pneumo_core.config import Settings

__all__ = ["Job", "JobStatus", "latest_job", "process_alive", "start_job", "write_status"]

_KEPT = 20  # finished jobs of one kind
_SECONDS_TO_END = 10.0  # from the request to stop to the end by force
_INTERRUPTED = "The work ended without a word: the process was killed or the computer restarted."
# Popen objects of this process's jobs: asked for their end, or they stay behind as zombies.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Job:
    """A job in `folder`, running or ended."""

    folder: Path

    @property
    def id(self) -> str:
        """The job's id: its folder's name."""
        return self.folder.name

    def status(self) -> JobStatus:
        """How it stands; an ended process that said nothing of its end is "interrupted"."""
        # Alive is asked first: a job that ends between the two questions has said so by then.
        alive = self._alive()
        status = read_status(self.folder)
        if status.state != "running" or alive:
            return status
        if (self.folder / "stop").exists():
            return replace(status, state="stopped", message="Stopped.", seconds_left=None)
        return replace(status, state="interrupted", message=_INTERRUPTED, seconds_left=None)

    def stop(self) -> None:
        """Ask the job's processes to end; those still there after ten seconds are ended by force.

        Returns when they are gone. A job that has ended stays as it is.
        """
        if not self._alive():
            return
        (self.folder / "stop").touch()
        facts = read_json(self.folder / "job.json")
        end_process_group(facts["pid"], facts["created"], patience=_SECONDS_TO_END)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of what it printed, "" where it printed nothing."""
        try:
            with (self.folder / "log.txt").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 400 * lines))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def _alive(self) -> bool:
        facts = read_json(self.folder / "job.json")
        child = _children.get(facts.get("pid", 0))
        if child is not None and child.poll() is not None:
            _children.pop(child.pid, None)
        return process_alive(facts.get("pid"), facts.get("created"))


def start_job(kind: str, arguments: Sequence[str], *, settings: Settings, key: str = "") -> Job:
    """Start `python -m pneumo_core ARGUMENTS` (the command's name first), or find it running.

    `kind` is the name under which `latest_job` finds it (lower case letters, digits, hyphens),
    `key` tells jobs of one kind apart: of one kind and key one job runs at a time, and while it
    does, it is what is returned. The job has these settings and this current folder.
    Raises JobError where the folder of jobs cannot be written.
    """
    from filelock import FileLock

    if not re.fullmatch(r"[a-z][a-z0-9-]*", kind):
        raise ValueError(f"Expected a kind of lower case letters. Received: kind={kind!r}")
    try:
        settings.jobs_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.jobs_dir / ".lock"):
            running = latest_job(kind, settings=settings, key=key)
            if running is not None and running.status().state == "running":
                return running
            _forget_old(kind, settings.jobs_dir)
            return _start(kind, list(arguments), settings, key)
    except OSError as error:
        raise JobError(
            f"Expected to start {kind} with its notes in the folder of jobs, got: "
            f"{error.strerror or error}. Free some space, or set PNEUMO_JOBS to another folder."
        ) from error


def latest_job(kind: str, *, settings: Settings, key: str = "") -> Job | None:
    """The job of this kind and key that was started last, running or ended, if there is one."""
    for job in _jobs(kind, settings.jobs_dir):
        if read_json(job.folder / "job.json").get("key") == key:
            return job
    return None


def _start(kind: str, arguments: list[str], settings: Settings, key: str) -> Job:
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    job = Job(settings.jobs_dir / f"{kind}.{stamp}-{secrets.token_hex(2)}")
    job.folder.mkdir()
    started = utc_now()
    write_status(job.folder, JobStatus("running", phase="starting", started=started))
    with (job.folder / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "pneumo_core", *arguments],
            env={**os.environ, **as_environment(settings), **_surroundings(job.folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            **own_session(),
        )
    _children[child.pid] = child
    facts = {"kind": kind, "key": key, "arguments": arguments, "started": started}
    # Written last: a folder without it is no job yet.
    write_json(
        job.folder / "job.json",
        facts | {"pid": child.pid, "created": process_created(child.pid)},
    )
    return job


def _surroundings(folder: Path) -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {
        VARIABLE: str(folder.absolute()),
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
    }


def _jobs(kind: str, jobs_dir: Path) -> Iterator[Job]:
    """Jobs of a kind, the latest first."""
    for folder in sorted(jobs_dir.glob(f"{kind}.*"), reverse=True):
        if (folder / "job.json").is_file():
            yield Job(folder)


def _forget_old(kind: str, jobs_dir: Path) -> None:
    """Remove the notes of jobs that ended long ago."""
    ended = [job for job in _jobs(kind, jobs_dir) if job.status().state != "running"]
    for job in ended[_KEPT:]:
        shutil.rmtree(job.folder, ignore_errors=True)
