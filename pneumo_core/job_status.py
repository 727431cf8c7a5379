"""What a job says of itself: `status.json` of its folder, written by its process, read by all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "PNEUMO_JOB"  # names the job's folder to the process that does the work
State = Literal["running", "done", "failed", "stopped", "interrupted"]


@dataclass(frozen=True)
class JobStatus:
    """What a job says of itself.

    state: "running", "done", "failed" (with the reason in `message`), "stopped" (by hand) or
    "interrupted" (gone without a word); phase, done, total, words: the last progress report;
    message: what the person should read at the end; started, updated: ISO 8601, UTC;
    seconds_left: of this phase, None where unknown.
    """

    state: State
    phase: str = ""
    done: int = 0
    total: int = 0
    words: str = ""
    message: str = ""
    started: str = ""
    updated: str = ""
    seconds_left: float | None = None


def write_status(folder: Path, status: JobStatus) -> None:
    """Write a job's status, and when."""
    write_json(folder / "status.json", asdict(replace(status, updated=utc_now())))


def read_status(folder: Path) -> JobStatus:
    """A job's status; running where it says nothing yet, or nothing that can be read."""
    try:
        return JobStatus(**read_json(folder / "status.json"))
    except TypeError:  # missing, or of another version
        return JobStatus("running")
