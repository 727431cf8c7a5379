"""The states of a run, each with its sign, its words and what a person can do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class RunState:
    """One state: `live` while a process waits or works, `resumable` where one may go on."""

    name: str
    sign: str
    words: str
    remedy: str
    live: bool = False
    resumable: bool = False


_LISTED = (
    RunState(
        "queued",
        "◷",
        "waiting for its turn",
        "It starts by itself when the run before it has ended.",
        live=True,
    ),
    RunState("running", "▶", "running", "", live=True),
    RunState(
        "stopping",
        "◼",
        "stopping",
        "It ends after this step, with the best model so far.",
        live=True,
    ),
    RunState(
        "done", "✓", "done", "Look at its figures, then compare it or put its model in service."
    ),
    RunState(
        "stopped",
        "◼",
        "stopped by hand",
        "The best epoch so far is its model. To learn more, start a new run with more epochs.",
    ),
    RunState(
        "cancelled",
        "✕",
        "cancelled",
        "Resume it to go on after its last finished epoch, or delete it.",
        resumable=True,
    ),
    RunState(
        "failed",
        "!",
        "failed",
        "Mend the cause, then resume it: it goes on after its last finished epoch.",
        resumable=True,
    ),
    RunState(
        "interrupted",
        "…",
        "interrupted",
        "Resume it to go on after its last finished epoch, or delete it.",
        resumable=True,
    ),
)
# A run that waits for nobody: queued, its process on the way.
STARTING = RunState("queued", "◷", "starting", "", live=True)
STATES = {state.name: state for state in _LISTED}
LIVE = frozenset(state.name for state in _LISTED if state.live)


def settled(
    claimed: Any,
    *,
    alive: bool,
    asked: frozenset[str],
    stopped: bool,
    delivered: bool = False,
) -> str:
    """The state of a run, from what its process last claimed and what is seen from outside.

    `alive`: its process is there; `asked`: which of "stop" and "cancel" a person asked for;
    `stopped`: the training ended because of it; `delivered`: the model is written, and what may
    follow, the robustness suite, can be had later. A process that died in mid-word claims "running"
    or "queued" for ever: that is told apart here, so no process need be there to correct it.
    """
    if claimed == "done" or (delivered and not alive):
        return "stopped" if stopped else "done"
    if claimed == "failed":
        return "failed"
    if alive and claimed in LIVE:
        return "stopping" if claimed == "running" and "stop" in asked else str(claimed)
    return "cancelled" if "cancel" in asked else "interrupted"
