"""A run's turn: one a machine trains, the others wait; and how a run's process has its last word.

The queue is nothing but the runs' folders. Each waiting process looks for itself, under a lock
that the system takes back from the dead, so neither a page nor a server nor the run before it
need be there for the next one to begin.
"""

from __future__ import annotations

import os
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.errors import PneumoError, TrainingError
from pneumo_core.learning.failures import explain
from pneumo_core.learning.phases import AFRESH, also_to_status
from pneumo_core.learning.runs import CANCEL, Run, list_runs
from pneumo_core.learning.states import LIVE
from pneumo_core.learning.telling import seconds_worked
from pneumo_core.storage import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from filelock import BaseFileLock

    from pneumo_core.config import Settings

    Report = Callable[[str, int, int, str], None]

SECONDS_BETWEEN_LOOKS = 0.5
_RESERVE = "reserve"  # room on a full disk for the run's last words
_RESERVED_BYTES = 64 * 2**10
_carried: set[Path] = set()


def queue_lock(runs_dir: Path) -> BaseFileLock:
    """Held while a run is started or takes its turn, for a moment only."""
    from filelock import FileLock

    runs_dir.mkdir(parents=True, exist_ok=True)
    return FileLock(runs_dir / ".queue.lock")


def runs_ahead(run: Run, runs_dir: Path) -> list[Run]:
    """Runs that train, and those that have waited for longer than `run`, on this machine."""
    own = run.status()
    ahead = []
    for other in list_runs(runs_dir):
        if other.id == run.id:
            continue
        try:
            status = other.status()
        except TrainingError:  # damaged: it holds nobody up
            continue
        if status.get("host") != own.get("host"):
            continue
        trains = status["state"] in {"running", "stopping"}
        before = (status.get("queued", ""), other.id) < (own.get("queued", ""), run.id)
        if trains or (status["state"] == "queued" and before):
            ahead.append(other)
    return ahead


@contextmanager
def carrying(run: Run, *, settings: Settings, report: Report) -> Iterator[Report]:
    """Everything around the training of `run` in this process: its turn first, its last word after.

    Gives a `report` of which the run's status hears too. Raises TrainingError, in words, for
    whatever ended the training, and where another process carries the run already;
    KeyboardInterrupt passes.
    """
    if run.folder in _carried:  # an outer caller does it
        yield report
        return
    _claim(run, settings)
    _carried.add(run.folder)
    try:
        _wait(run, settings, report)
        (run.folder / _RESERVE).write_bytes(b"\0" * _RESERVED_BYTES)
        yield also_to_status(run, report)
    except KeyboardInterrupt:
        run.update(state="interrupted", message="Stopped by hand; it can be resumed.")
        raise
    except Exception as error:
        raise _last_word(run, error) from error
    finally:
        _carried.discard(run.folder)
        (run.folder / _RESERVE).unlink(missing_ok=True)


def _claim(run: Run, settings: Settings) -> None:
    """Make this process the run's own. Raises TrainingError where another one is."""
    with queue_lock(settings.runs_dir):
        status = run.status()
        if status["state"] in LIVE and status.get("pid") != os.getpid():
            raise TrainingError(
                f"Expected a run that has ended; {run.id} is {status['state']}. "
                "Wait for it, or stop it first."
            )
        worked = seconds_worked(status)
        facts = {"worked_before": worked, "message": "", "failure": "", **AFRESH}
        run.update(state="queued", phase="waiting", **facts)


def _wait(run: Run, settings: Settings, report: Report) -> None:
    """Return when it is this run's turn, its state "running"."""
    told: list[str] = []
    while True:
        with queue_lock(settings.runs_dir):
            if run.asked(CANCEL):
                raise KeyboardInterrupt
            ahead = [other.id for other in runs_ahead(run, settings.runs_dir)]
            if len(ahead) < settings.runs_at_once:
                run.update(state="running", phase="starting", began=utc_now(), ahead=[])
                return
            if ahead != told:
                run.update(ahead=ahead)
        if ahead != told:
            report("waiting", 0, 1, f"waiting for {', '.join(ahead)} to end")
            told = ahead
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _last_word(run: Run, error: Exception) -> PneumoError:
    """Write down why the run ended; the error that says it."""
    failure = explain(error, Path(run.config()["data"]))
    (run.folder / _RESERVE).unlink(missing_ok=True)
    with suppress(OSError):  # a disk too full even for this: its process is gone, which is seen
        run.update(state="failed", failure=failure.kind, message=failure.words)
        if failure.kind == "unforeseen":
            trace = "".join(traceback.format_exception(error))
            (run.folder / "trace.txt").write_text(trace, "utf-8")
    if isinstance(error, PneumoError) and failure.words == str(error):
        return error
    return TrainingError(failure.words)
