"""The status of a job: `status.json` of its folder, written by its process, read by all."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pneumo_core.progress import Progress, Rate, eta
from pneumo_core.storage import read_json, utc_now, write_json

VARIABLE = "PNEUMO_JOB"  # names the job's folder to the process that does the work


@dataclass(frozen=True)
class Status:
    """The status of a job.

    state: "running", "done", "failed" (with the reason in `message`), "stopped" (by the person) or
    "interrupted" (its process ended without a final status); phase, done, total, words: the last
    progress report; message: for the person, at the end; started, updated: ISO 8601,
    UTC; seconds_left: of this phase, None where unknown.
    """

    state: str
    phase: str = ""
    done: int = 0
    total: int = 0
    words: str = ""
    message: str = ""
    started: str = ""
    updated: str = ""
    seconds_left: float | None = None


def write_status(folder: Path, status: Status) -> None:
    """Write a job's status with the current time."""
    write_json(folder / "status.json", asdict(replace(status, updated=utc_now())))


def read_status(folder: Path) -> Status:
    """A job's status; "running" where there is none yet, or none that can be read."""
    try:
        return Status(**read_json(folder / "status.json"))
    except TypeError:  # missing, or of another version
        return Status("running")


_SECONDS_BETWEEN_WRITES = 0.25
_LINES_OF_MESSAGE = 6


@dataclass
class _Writer:
    """Writes the status of the job in `folder`, a few times a second at most."""

    folder: Path
    status: Status = field(default_factory=lambda: Status("running", started=utc_now()))
    written: float = 0.0
    rate: Rate = field(default_factory=Rate)  # of the current phase
    lines: list[str] = field(default_factory=list)

    def report(self, phase: str, done: int, total: int, words: str = "") -> None:
        moment, fresh = time.monotonic(), phase != self.status.phase
        if phase == "epoch":  # a message between the steps of a training, not a phase
            self.status = replace(self.status, words=words)
        else:
            if fresh or done < self.status.done:
                self.rate = Rate()
            self.rate.add(moment, done)
            left = eta(self.rate, total - done) if total > 1 else None
            self.status = replace(
                self.status,
                phase=phase,
                done=done,
                total=total,
                words=words,
                seconds_left=None if left is None else round(left, 1),
            )
        if fresh or done >= total or moment - self.written > _SECONDS_BETWEEN_WRITES:
            self.write()
            self.written = moment

    def write(self) -> None:
        # The work matters more than its status: it reports a full disk itself.
        try:
            write_status(self.folder, self.status)
        except OSError:
            return

    def end(self, state: str, message: str) -> None:
        lines = "\n".join(self.lines[-_LINES_OF_MESSAGE:])
        message = message or lines or ("Stopped." if state == "stopped" else "")
        self.status = replace(
            self.status, state=state, message=message, words="", seconds_left=None
        )
        self.write()


_current: list[_Writer] = []  # of this process, if it is a job


def begin() -> bool:
    """Whether this process is a job; if so, its status is written from here on, and a request to
    end it raises KeyboardInterrupt, so that files are cleaned up.
    """
    folder = os.environ.pop(VARIABLE, "")  # what this process starts is not this job
    if not folder or not Path(folder).is_dir():
        return False
    _current[:] = [_Writer(Path(folder))]
    signal.signal(signal.SIGTERM, _interrupt)
    return True


def also_to_status(report: Progress) -> Progress:
    """`report`, which then also goes to the job's status."""
    if not _current:
        return report

    def both(phase: str, done: int, total: int, words: str = "") -> None:
        _current[0].report(phase, done, total, words)
        report(phase, done, total, words)

    return both


def note(text: str) -> None:
    """Remember a line printed for the person: the last ones become the job's message."""
    if _current:
        _current[0].lines.append(text)


def end(state: str, message: str = "") -> None:
    """Write how the job ended, with `message` or else the last lines printed for the person."""
    if _current:
        _current[0].end(state, message)


def _interrupt(_number: int, _frame: Any) -> None:
    raise KeyboardInterrupt
