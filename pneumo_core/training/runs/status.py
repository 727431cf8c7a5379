"""The status of a run: what `status.json` holds, the state it adds up to, and why a run failed."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pneumo_core.container import ended_for_memory
from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.jobs.status import Status
from pneumo_core.training.hardware import ran_out

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class RunState:
    """One state: `live` while a process waits or works, `resumable` where the run may go on."""

    name: str
    sign: str
    words: str
    remedy: str
    live: bool = False
    resumable: bool = False


_RESUME = "Resume it to continue after its last finished epoch, or delete it."
_LISTED = (
    RunState("queued", "◷", "queued", "It starts when the run before it ends.", live=True),
    RunState("running", "▶", "running", "", live=True),
    RunState(
        "stopping",
        "◼",
        "stopping",
        "It ends after this step and makes its model: about half a minute.",
        live=True,
    ),
    RunState(
        "done", "✓", "done", "See its figures, compare it, or choose its model on the Models page."
    ),
    RunState(
        "stopped",
        "◼",
        "stopped by hand",
        "The best epoch so far is its model. Resume it to train to the planned end: the new "
        "model then replaces this one, or is saved beside it if this one is in service.",
        resumable=True,
    ),
    RunState("cancelled", "✕", "cancelled", _RESUME, resumable=True),
    RunState(
        "failed",
        "!",
        "failed",
        "Fix the cause, then resume it: it continues after its last finished epoch.",
        resumable=True,
    ),
    RunState("interrupted", "…", "interrupted", _RESUME, resumable=True),
)
# A run that waits for no other: queued, its process on the way.
STARTING = RunState("queued", "◷", "starting", "", live=True)
STATES = {state.name: state for state in _LISTED}
LIVE = frozenset(state.name for state in _LISTED if state.live)
# In a fold's folder, after every epoch: see `closeup.Closeup`.
CLOSEUP, CLOSEUP_MAPS = "closeup.json", "closeup.npz"
NETWORK = "network.keras"  # there as well, once it is trained
STOP, CANCEL = REQUESTS = ("stop", "cancel")  # files by which a person requests the end of a run

# Phase as reported → phase as `status.json` has it.
PHASES = {
    "index": "reading the films",
    "copies": "looking for copies",
    "decode": "decoding the films",
    "machine": "starting",
    "features": "computing the features of the frozen blocks, once",
    "validation": "reading the validation films",
    "bundle": "making the model",
    "familiar": "making the model",
    "robustness": "measuring robustness",
}
# What a stop ends once a network is trained.
AFTER_TRAINING = frozenset({PHASES["validation"], PHASES["robustness"]})
# Laid over the status of a run that begins again: its progress before says nothing then.
RESTARTED: dict[str, Any] = dict.fromkeys(
    ("step", "films_per_second", "learning_rate", "loss", "memory", "gpu_use", "seconds_left")
) | {"words": "", "done": 0, "total": 0, "delivered": None, "stopped_after": None}


@dataclass(frozen=True)
class RunStatus(Status):
    """The status of a run: the keys of `status.json`.

    Process: pid, created (see `jobs.job.process_created`) and host.
    Times: queued and began (ISO 8601, UTC) of the last start, worked_before (seconds of work before
    it), seconds (of training) and trained (date of its end), left_at (Unix time of seconds_left).
    Queue: ahead, the ids of the runs before it. End: failure (kind of `Failure`), note (a warning),
    stopped_after (where the person stopped it), delivered (name of the bundle written), wrote (name
    and digest of the last one, also before a resume), figures (metrics of the bundle by name).
    Training: fold (from 0) of `fits` trainings; epoch of epochs and step of steps done; loss,
    learning_rate, films_per_second, memory (bytes by kind) and gpu_use (share of the time that
    each GPU works) now; last: metrics of the last epoch.
    For later estimates: pace, took (seconds by phase), ahead_of_training (`RemainingPhases`).
    machine, trained_on: hardware and versions; data_hash: of the images; unreadable: left out;
    left_out: what else of the folders is not used (what, why, count); warnings: of the sources;
    parent: the model it starts from, and how many films that one knows.
    """

    pid: int | None = None
    created: float | None = None
    host: str = ""
    queued: str = ""
    began: str = ""
    worked_before: float = 0.0
    seconds: float = 0.0
    trained: str = ""
    left_at: float | None = None
    ahead: list[str] = field(default_factory=list)
    failure: str = ""
    note: str = ""
    stopped_after: dict[str, int] | None = None
    delivered: str | None = None
    wrote: dict[str, str] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    fold: int = 0
    fits: int = 1
    epoch: int = 0
    epochs: int = 0
    step: int | None = None
    steps: int = 0
    loss: float | None = None
    learning_rate: float | None = None
    films_per_second: float | None = None
    memory: dict[str, int] = field(default_factory=dict)
    gpu_use: list[float] = field(default_factory=list)
    last: dict[str, float | None] = field(default_factory=dict)
    pace: dict[str, Any] = field(default_factory=dict)
    took: dict[str, float] = field(default_factory=dict)
    ahead_of_training: dict[str, float] = field(default_factory=dict)
    machine: str = ""
    trained_on: dict[str, Any] = field(default_factory=dict)
    data_hash: str = ""
    unreadable: list[str] = field(default_factory=list)
    left_out: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    parent: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> RunStatus:
        """From the content of `status.json`; keys of other versions are left out."""
        names = {one.name for one in fields(cls)}
        known = {k: v for k, v in facts.items() if k in names and v is not None}
        return cls(**{"state": "", **known})

    @property
    def has_trained(self) -> bool:
        """Whether the run, at work, has trained something that a stop would keep."""
        return self.step is not None or self.phase in AFTER_TRAINING

    @property
    def seconds_worked(self) -> float:
        """Seconds that processes have worked on the run, waiting not counted."""
        if not self.began or not self.updated or self.phase == "waiting":
            return self.worked_before
        spent = datetime.fromisoformat(self.updated) - datetime.fromisoformat(self.began)
        return self.worked_before + max(0.0, spent.total_seconds())


def resolve_state(
    claimed: str,
    *,
    alive: bool,
    requested: frozenset[str],
    stopped: bool,
    delivered: bool = False,
) -> str:
    """The state of a run, from what its process last claimed and what is seen from outside.

    `alive`: its process is there; `requested`: which of "stop" and "cancel" a person requested;
    `stopped`: the training ended because of it; `delivered`: the model is written, and what may
    follow, the robustness suite, can be run later. A process that was killed claims "running" or
    "queued" for ever; that is corrected here, so no other process need be there to do so.
    """
    if claimed == "done" or (delivered and not alive):
        return "stopped" if stopped else "done"
    if claimed == "failed":
        return "failed"
    if alive and claimed in LIVE:
        return "stopping" if claimed == "running" and "stop" in requested else claimed
    return "cancelled" if "cancel" in requested else "interrupted"


@dataclass(frozen=True)
class RunSummary:
    """A run in brief: its state, what happened in one or two sentences, what to do now."""

    state: RunState
    message: str
    remedy: str
    resumable: bool


def summary_of(status: RunStatus) -> RunSummary:
    """The summary of a status of `Run.status`."""
    state, message, remedy = STATES[status.state], status.message, STATES[status.state].remedy
    failure = Failure(status.failure or "unforeseen", message)
    resumable = state.resumable and (state.name != "failed" or failure.resumable)
    if state.name == "interrupted" and not message:
        message, remedy = killed_message(status.memory, ended_for_memory()), ""
    if state.name in {"failed", "interrupted"} and message:
        remedy = ""  # the message says what to do
    if state.name == "queued" and not status.ahead:
        return RunSummary(STARTING, "Its process is starting.", "", resumable=False)
    if state.name == "queued":
        count = len(status.ahead)
        message = f"{'1 run is' if count == 1 else f'{count} runs are'} before it."
    if state.name == "cancelled":
        kept = _EPOCHS_SAVED if status.epoch or status.fold else _NOTHING_SAVED
        message = f"Cancelled by hand. {kept}"
        remedy = remedy if status.epoch or status.fold else _FROM_THE_START
    return RunSummary(state, message, remedy, resumable)


_NOTHING_SAVED = "No epoch was finished."
_FROM_THE_START = "Resume it to begin again, or delete it."
_EPOCHS_SAVED = "The finished epochs are kept."


@dataclass(frozen=True)
class Failure:
    """`kind`: "memory", "disk", "data", "nan", "told" (raised by our own code) or "unforeseen"."""

    kind: str
    message: str

    @property
    def resumable(self) -> bool:
        """Whether the outcome may differ after a resume: a loss that became NaN does so again."""
        return self.kind != "nan"


# JAX's XlaRuntimeError, CUDA's own, and a library that finds no room to be loaded into.
_OUT_OF_MEMORY = ("RESOURCE_EXHAUSTED", "CUDA_ERROR_OUT_OF_MEMORY", "failed to map segment")
_SMALLER = (
    "Close other programs and resume, or start a new run with a smaller batch or a smaller image "
    f"size. {_EPOCHS_SAVED}"
)
_MEMORY = Failure(
    "memory", f"Expected the training to fit into memory; there was not enough. {_SMALLER}"
)
_DISK = Failure(
    "disk",
    "Expected room on the disk for the run; the disk is full. Free some space, then resume. "
    f"{_EPOCHS_SAVED}",
)
_KILLED_FOR_MEMORY = f"The system ended its process, most likely because memory ran out. {_SMALLER}"
_KILLED = (
    "Its process ended unexpectedly: it was killed, or the computer was switched off. Resume it: "
    f"it continues after its last finished epoch. {_EPOCHS_SAVED}"
)


def explain(error: BaseException, data: Path | None = None) -> Failure:
    """What an exception that ended a training means; `data` is the run's folder of films."""
    if shortage := next(filter(None, map(_shortage, _chain(error))), None):
        return shortage
    if data is not None and not data.is_dir():
        return Failure("data", folder_missing(data))
    if isinstance(error, PneumoError):
        return Failure(_kind_of(error), str(error))
    if isinstance(error, FileNotFoundError):
        return Failure(
            "data",
            "Expected the folder of films and the folder of runs to stay where they are; one of "
            f"their files is missing. Restore it, then resume. {_EPOCHS_SAVED}",
        )
    return Failure(
        "unforeseen",
        f"An unexpected error occurred ({type(error).__name__}); trace.txt in the run's folder has "
        f"its trace. {_EPOCHS_SAVED}",
    )


def folder_missing(data: Path) -> str:
    """Message for a folder of films that is no longer there; for pages, without its path."""
    return (
        f"Expected the folder of films {data.name!r} where the run found it; it is missing. "
        f"Restore it and resume, or start a new run. {_EPOCHS_SAVED}"
    )


def killed_message(memory: Mapping[str, int], ended: int) -> str:
    """Message for a run whose process ended without one.

    memory: the last that its status says (see `hardware.memory_now`); ended: processes that the
    system has ended for want of memory by now.
    """
    return _KILLED_FOR_MEMORY if ran_out(dict(memory), ended) else _KILLED


def _shortage(error: BaseException) -> Failure | None:
    """What the system lacked, if that is what the error says."""
    number, words = getattr(error, "errno", None), str(error)
    # First: TensorFlow reports a full disk as an exhausted resource, too.
    if number in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in words:
        return _DISK
    exhausted = isinstance(error, MemoryError) or number == errno.ENOMEM
    if exhausted or type(error).__name__ == "ResourceExhaustedError":
        return _MEMORY
    return _MEMORY if any(sign in words for sign in _OUT_OF_MEMORY) else None


def _kind_of(error: PneumoError) -> str:
    if isinstance(error, DataSetError):
        return "data"
    return "nan" if "NaN" in str(error) or "not numbers" in str(error) else "told"


def _chain(error: BaseException | None) -> list[BaseException]:
    """The error and what it was raised from."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found
