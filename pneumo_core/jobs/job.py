"""A job: a command in a separate process, which outlives the screen and server that started it.

A job is a `python -m pneumo_core …` with a folder: `job.json` records what was started,
`status.json` its progress (written by `jobs.status`), `log.txt` its output. A training run
(`training.runs.run.Run`) is a job with a recipe.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.access import Right, recorded, require
from pneumo_core.config import ROOT, as_environment
from pneumo_core.errors import JobError
from pneumo_core.jobs.status import VARIABLE, Status, read_status, write_status
from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pneumo_core.config import Settings

_MOST_FINISHED = 20  # finished jobs of one kind
_SECONDS_TO_END = 10.0  # from the request to stop until it is killed
_INTERRUPTED = (
    "The work ended unexpectedly: its process was killed or the computer was restarted. Start it "
    "again."
)
PNEUMO = (sys.executable, "-m", "pneumo_core")  # and a command's name with its arguments
# Popen objects of this process's children: polled, or they stay behind as zombies.
_children: set[subprocess.Popen[bytes]] = set()


@dataclass(frozen=True)
class Job:
    """A job in `folder`, running or ended."""

    folder: Path

    @property
    def id(self) -> str:
        """The job's id: its folder's name."""
        return self.folder.name

    @property
    def log(self) -> Path:
        """The file with the output of its process."""
        return self.folder / "log.txt"

    def process(self) -> dict[str, Any]:
        """Its process, by "pid" and "created"; {} where none is known."""
        return read_json(self.folder / "job.json")

    def alive(self) -> bool:
        """Whether its process is running."""
        process = self.process()
        return process_alive(process.get("pid"), process.get("created"))

    def status(self) -> Status:
        """Its status; "interrupted" where the process ended without writing one."""
        # Checked first: a job that ends between the two lines has written its status by then.
        alive = self.alive()
        status = read_status(self.folder)
        if status.state != "running" or alive:
            return status
        if self.requested("stop"):
            return replace(status, state="stopped", message="Stopped.", seconds_left=None)
        return replace(status, state="interrupted", message=_INTERRUPTED, seconds_left=None)

    def request(self, what: str) -> None:
        """Leave a request ("stop") as a file in the job's folder."""
        (self.folder / what).touch()

    def requested(self, what: str) -> bool:
        """Whether a person requested `what`."""
        return (self.folder / what).exists()

    def stop(self) -> None:
        """Ask the job's processes to end; those that still run after ten seconds are killed.

        Returns when they are gone. A job that has ended stays as it is.
        """
        if self.alive():
            self.request("stop")
            self.end_process(patience=_SECONDS_TO_END)

    def end_process(self, *, patience: float) -> None:
        """End its processes, kill them after `patience` seconds; returns when they are gone."""
        process = self.process()
        end_process_group(process["pid"], process["created"], patience=patience)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its output, "" where there is none."""
        try:
            with self.log.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - 400 * lines))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def start_job(
    kind: str,
    arguments: Sequence[str],
    *,
    settings: Settings,
    key: str = "",
    right: Right = Right.TRAIN,
) -> Job:
    """Start `python -m pneumo_core ARGUMENTS` (the command's name first), or find it running.

    `kind` is the name under which `latest_job` finds it (lower case letters, digits, hyphens),
    `key` distinguishes jobs of one kind: one job of a kind and key runs at a time and is returned
    while it does. The job gets these settings and the current folder.
    Raises AccessRefused without the `right` that it asks for, JobError where the folder of jobs
    cannot be written.
    """
    from filelock import FileLock

    if not re.fullmatch(r"[a-z][a-z0-9-]*", kind):
        raise ValueError(f"Expected a kind of lower case letters. Received: kind={kind!r}")
    require(right, f"job.{kind}")
    try:
        settings.jobs_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.jobs_dir / ".lock"):
            running = latest_job(kind, settings=settings, key=key)
            if running is not None and running.status().state == "running":
                return running
            _remove_old(kind, settings.jobs_dir)
            with recorded(right, f"job.{kind}", _subject(arguments)):
                return _start(kind, list(arguments), settings, key)
    except OSError as error:
        raise JobError(
            f"Expected to start {kind} with its files in the folder of jobs, got: "
            f"{error.strerror or error}. Free some space, or set PNEUMO_JOBS to another folder."
        ) from error


def _subject(arguments: Sequence[str]) -> str:
    """What the job works on, for the audit log: of a path its last part alone."""
    paths = [word for word in arguments[1:] if not word.startswith("-")]
    return Path(paths[0]).name if paths else ""


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
    facts = {"kind": kind, "key": key, "arguments": arguments, "started": utc_now()}
    write_status(job.folder, Status("running", phase="starting", started=str(facts["started"])))
    process = start(
        [*PNEUMO, *arguments],
        settings=settings,
        log=job.log,
        environment={VARIABLE: str(job.folder.absolute())},
    )
    write_json(job.folder / "job.json", facts | process)  # last: a folder without it is no job yet
    return job


def _jobs(kind: str, jobs_dir: Path) -> Iterator[Job]:
    """Jobs of a kind, the latest first."""
    for folder in sorted(jobs_dir.glob(f"{kind}.*"), reverse=True):
        if (folder / "job.json").is_file():
            yield Job(folder)


def _remove_old(kind: str, jobs_dir: Path) -> None:
    """Remove the folders of all but the latest jobs that have ended."""
    ended = [job for job in _jobs(kind, jobs_dir) if job.status().state != "running"]
    for job in ended[_MOST_FINISHED:]:
        shutil.rmtree(job.folder, ignore_errors=True)


def start(
    command: Sequence[str],
    *,
    settings: Settings,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Start `command` with these settings in a session of its own, its output appended to `log`.

    Returns its "pid" and when it was "created" (see `process_created`), which together are unique.
    environment: variables to set beside this process's own and the settings.
    Raises OSError where it cannot be started.
    """
    _collect()
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            env={**os.environ, **as_environment(settings), **_for_python(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            **own_session(),
        )
    _children.add(child)
    return {"pid": child.pid, "created": process_created(child.pid)}


def _for_python() -> dict[str, str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def _collect() -> None:
    """Collect children of this process that have ended."""
    for child in list(_children):
        if child.poll() is not None:
            _children.discard(child)


def own_session() -> dict[str, Any]:
    """Options of subprocess.Popen for a process that survives the end of this terminal."""
    if sys.platform == "win32":
        # Neither Ctrl+C here nor closing this console's window reaches it.
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        return {"creationflags": flags}
    return {"start_new_session": True}


def process_created(pid: int) -> float | None:
    """When a process started, in seconds of a monotonic clock; None where there is no such process.

    Together with the pid it identifies a process: pids are reused.
    """
    import psutil

    try:
        # On Linux psutil adds the wall clock, which jumps when a laptop wakes up. Field 22 of
        # proc_pid_stat(5) counts from the boot; the name before it may hold spaces.
        after_name = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2]
        return int(after_name.split()[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError, AttributeError):
        with suppress(psutil.Error):
            return float(psutil.Process(pid).create_time())
    return None


def process_alive(pid: Any, created: Any) -> bool:
    """Whether the process `pid` that started at `created` (of `process_created`) is running.

    False for a zombie, for another process with the same pid, and for an invalid pid.
    """
    import psutil

    _collect()
    if not isinstance(pid, int) or not isinstance(created, int | float):
        return False
    try:
        if psutil.Process(pid).status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}:
            return False
    except (psutil.Error, ValueError):
        return False
    began = process_created(pid)
    return began is not None and abs(began - created) < 0.5


def end_process_group(pid: int, created: float, *, patience: float) -> None:
    """Ask a process and all its descendants to end; kill them after `patience` seconds.

    The process must lead a group of its own. Returns when they are gone.
    """
    if not process_alive(pid, created):
        return
    family = _family(pid)
    _signal(pid, family, signal.SIGTERM)
    if not _gone(family, patience):
        _signal(pid, family, getattr(signal, "SIGKILL", signal.SIGTERM))
        _gone(family, patience)
    _collect()


def _family(pid: int) -> list[tuple[int, float | None]]:
    """A process and all its descendants, each with its start time."""
    import psutil

    with suppress(psutil.Error):
        children = psutil.Process(pid).children(recursive=True)
        return [(one, process_created(one)) for one in (pid, *(child.pid for child in children))]
    return []


def _gone(family: list[tuple[int, float | None]], patience: float) -> bool:
    """Whether all end within `patience` seconds."""
    limit = time.monotonic() + patience
    while any(process_alive(pid, created) for pid, created in family):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _signal(pid: int, family: list[tuple[int, float | None]], number: int) -> None:
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
        return
    for one, created in family:  # Windows knows no process groups, and this ends them at once
        if process_alive(one, created):
            with suppress(OSError):
                os.kill(one, number)
