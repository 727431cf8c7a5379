"""The phases of a run around its training, as the run's status tells of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.learning.remaining import of_phase, steady

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.learning.runs import Run

    Report = Callable[[str, int, int, str], None]

PHASES = {
    "index": "reading the films",
    "decode": "decoding the films",
    "machine": "starting",
    "validation": "reading the validation films",
    "bundle": "making the model",
    "familiar": "making the model",
    "robustness": "measuring robustness",
}
# As the status has them: what a stop ends once a network is trained.
AFTER_TRAINING = frozenset({PHASES["validation"], PHASES["robustness"]})
# Laid over the status of a run that begins anew: how far it was before says nothing then.
AFRESH: dict[str, Any] = dict.fromkeys(
    ("step", "films_per_second", "learning_rate", "loss", "memory", "seconds_left"), None
) | {"words": "", "done": 0, "total": 0, "delivered": None, "stopped_after": None}
MEASURED = (
    "validation",
    "bundle",
    "robustness",
)  # what they took tells a later fold, or run, what they will take


def has_learnt(status: dict[str, Any]) -> bool:
    """Whether a run with this status, at work, has learnt something that a stop would keep."""
    return status.get("step") is not None or status.get("phase") in AFTER_TRAINING


def also_to_status(run: Run, report: Report) -> Report:
    """`report`, of which the status hears too, once a second; the training itself tells more."""
    told, clocks = 0.0, dict[str, _PhaseClock]()

    def both(phase: str, done: int, total: int, words: str) -> None:
        nonlocal told
        moment = time.monotonic()
        if phase not in {"train", "epoch"}:
            begins = phase not in clocks or done < clocks[phase].done
            if begins:
                clocks[phase] = _PhaseClock(moment, done)
            clocks[phase].done = done
            if begins or moment - told >= 1 or done >= total:
                told = moment
                facts = _facts(run.status(), phase, clocks[phase], total, moment, begins=begins)
                run.update(phase=PHASES.get(phase, phase), words=words, **facts)
        report(phase, done, total, words)

    return both


@dataclass
class _PhaseClock:
    """When a phase began, how much was done by then, and how much is done now."""

    began: float
    before: int
    done: int = 0


def _facts(  # noqa: PLR0913 - what a report says
    status: dict[str, Any],
    phase: str,
    clock: _PhaseClock,
    total: int,
    moment: float,
    *,
    begins: bool,
) -> dict[str, Any]:
    """How far the phase is, the time left of the whole run, and what the phase took once over."""
    spent, done = moment - clock.began, clock.done - clock.before
    own = forecast(spent, done, total - clock.done)
    left = of_phase(status, phase, clock.done / max(1, total), own)
    facts: dict[str, Any] = {"done": clock.done, "total": total}
    facts |= steady(status, left, time.time(), anew=begins)
    if phase in MEASURED and done > 0 and clock.done >= total:
        facts["took"] = {**(status.get("took") or {}), phase: round(spent * total / done, 1)}
    return facts


def forecast(spent: float, done: int, rest: int) -> float | None:
    """Seconds for `rest` at the pace at which `done` took `spent`; None before two are over."""
    return round(spent / done * rest, 1) if done > 0 and spent >= 2 else None
