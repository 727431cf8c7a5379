"""The phases of a run around its training, as the run's status tells of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.learning.runs import Run

    Report = Callable[[str, int, int, str], None]

PHASES = {
    "index": "reading the films",
    "decode": "decoding the films",
    "machine": "starting",
    "stress": "disturbing the films held out",
    "bundle": "making the model",
}


def also_to_status(run: Run, report: Report) -> Report:
    """`report`, of which the status hears too, once a second; the training itself tells more."""
    told, began = 0.0, ("", 0.0, 0)  # of this phase: its name, when, and how much was done by then

    def both(phase: str, done: int, total: int, words: str) -> None:
        nonlocal told, began
        moment = time.monotonic()
        if phase not in {"train", "epoch"}:
            if phase != began[0] or done < began[2]:
                began = (phase, moment, done)
            if moment - told >= 1 or done >= total:
                told = moment
                left = forecast(moment - began[1], done - began[2], total - done)
                facts = {"words": words, "done": done, "total": total, "seconds_left": left}
                run.update(phase=PHASES.get(phase, phase), **facts)
        report(phase, done, total, words)

    return both


def forecast(spent: float, done: int, rest: int) -> float | None:
    """Seconds for `rest` at the pace at which `done` took `spent`; None before two are over."""
    return round(spent / done * rest, 1) if done > 0 and spent >= 2 else None
