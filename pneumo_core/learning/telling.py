"""A run in words: how long it took and takes, how it stands, what a person can do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import TrainingError
from pneumo_core.learning.failures import Failure, in_silence
from pneumo_core.learning.states import STARTING, STATES, RunState
from pneumo_core.training.hardware import ended_for_memory

if TYPE_CHECKING:
    from pneumo_core.learning.runs import Run


@dataclass(frozen=True)
class Standing:
    """How a run stands: its state, what happened in one or two sentences, what to do now."""

    state: RunState
    message: str
    remedy: str
    resumable: bool


def standing(run: Run) -> Standing:
    """How `run` stands now; a run whose files are damaged has failed, and says so."""
    try:
        status = run.status()
    except TrainingError as error:
        return Standing(STATES["failed"], str(error), "Delete it.", resumable=False)
    return standing_of(status)


def standing_of(status: dict[str, Any]) -> Standing:
    """The same, from a status of `Run.status`."""
    state = STATES[status["state"]]
    message, remedy = str(status.get("message") or ""), state.remedy
    failure = Failure(status.get("failure") or "unforeseen", message)
    resumable = state.resumable and (state.name != "failed" or failure.resumable)
    if state.name == "interrupted" and not message:
        message, remedy = in_silence(status, ended_for_memory()), ""
    if state.name in {"failed", "interrupted"} and message:
        remedy = ""  # the message says what to do
    if state.name == "queued" and not status.get("ahead"):
        return Standing(STARTING, "Its process is starting.", "", resumable=False)
    if state.name == "queued":
        ahead = status["ahead"]
        message = f"{'1 run is' if len(ahead) == 1 else f'{len(ahead)} runs are'} before it."
    if state.name == "cancelled":
        message = "Cancelled by hand. What its finished epochs learnt is kept."
    return Standing(state, message, remedy, resumable)


def seconds_worked(status: dict[str, Any]) -> float:
    """Seconds that processes have worked on the run, waiting not counted."""
    before = float(status.get("worked_before") or 0.0)
    began, updated = status.get("began"), status.get("updated")
    if not began or not updated or status.get("phase") == "waiting":
        return before
    spent = datetime.fromisoformat(updated) - datetime.fromisoformat(began)
    return before + max(0.0, spent.total_seconds())


def lasting(seconds: float) -> str:
    """A time as a person says it: "40 s", "3 min", "1 h 20 min", "2 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        rest = rest if hours < 10 else 0
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 60 / 24)} days"
