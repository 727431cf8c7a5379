"""What a job says of itself: `status.json` of its folder, written by its process, read by all."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE = "PNEUMO_JOB"  # names the job's folder to the process that does the work
_TRIES, _SECONDS_BETWEEN_TRIES = 5, 0.02
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
    write_json(folder / "status.json", asdict(replace(status, updated=now())))


def read_status(folder: Path) -> JobStatus:
    """A job's status; running where it says nothing yet, or nothing that can be read."""
    try:
        return JobStatus(**read_json(folder / "status.json"))
    except TypeError:  # missing, or of another version
        return JobStatus("running")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object at `path`; {} if it is missing or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object; readers see the old one or the new one, never half."""
    partial = path.with_suffix(f".{os.getpid()}-{time.monotonic_ns()}")
    try:
        partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        _put(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _put(partial: Path, path: Path) -> None:
    """Move a file over another. Windows refuses while somebody reads that one: for a moment."""
    for _ in range(_TRIES - 1):
        try:
            partial.replace(path)
        except PermissionError:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return
    partial.replace(path)


def now() -> str:
    """This moment, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
