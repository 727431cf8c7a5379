"""The phases of a run around its training, as the run's status tells of them."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.training.runs.status import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.status import RunStatus

    Report = Callable[[str, int, int, str], None]


_GAIN = 0.3  # share of a new estimate in the figure that is told, about once a second


@dataclass(frozen=True)
class Ahead:
    """Seconds that follow a training: the answers to its held-out films, and all after these.

    `after` counts the trainings to come with their answers, `bundle`, which writes the model, and
    `robustness`, the suite at the end: 0 where it is not run.
    """

    answers: float
    after: float
    bundle: float
    robustness: float = 0.0

    @property
    def seconds(self) -> float:
        """All that follows the training."""
        return self.answers + self.after

    def facts(self) -> dict[str, Any]:
        """For the run's status; `of_phase` reads it there."""
        return {"ahead_of_training": asdict(self)}


def of_phase(status: RunStatus, phase: str, share: float, own: float | None) -> float | None:
    """Seconds to the end of the run from within `phase`, of which `share` (0..1) is done.

    own: seconds to the end of the phase at its pace so far, None before there is one. None where
    the training, and with it the most of the run, still lies ahead, or nothing is known.
    """
    try:
        ahead = Ahead(**status.ahead_of_training)
    except TypeError:
        return None
    if phase == "validation":
        return (ahead.answers * (1 - share) if own is None else own) + ahead.after
    if phase == "robustness":
        return ahead.robustness * (1 - share) if own is None else own
    if phase != "bundle":
        return None
    return ahead.robustness + ahead.bundle if share < 1 else ahead.robustness or None


def forget_robustness(run: Run) -> None:
    """Take the robustness suite out of the run's time left: it will not be run."""
    ahead = run.status().ahead_of_training
    if ahead:
        run.update(ahead_of_training={**ahead, "robustness": 0.0})


def steady(
    status: RunStatus, estimate: float | None, now: float, *, anew: bool = False
) -> dict[str, float | None]:
    """What the status is to say of the time left, at the moment `now` (Unix time).

    An `estimate` moves the figure that `status` told before, rather than replaces it, so that it
    falls without jumps; `anew`: it replaces it. Without an estimate the old figure runs down.
    """
    before = None if anew and estimate is not None else left_now(status, now)
    left = before if estimate is None else estimate
    if before is not None and estimate is not None:
        left = before + _GAIN * (estimate - before)
    return {"seconds_left": None if left is None else round(left, 1), "left_at": now}


def left_now(status: RunStatus, now: float | None = None) -> float | None:
    """Seconds to the end of the run at `now` (this moment if not said), by what its status told.

    None where nothing was told, and where the time that was told has run out: no figure is better
    than a wrong one.
    """
    left = status.seconds_left
    if left is None:
        return None
    now = time.time() if now is None else now
    rest = float(left) - max(0.0, now - float(status.left_at or now))
    return rest if rest > 0 else None


# What these took tells a later fold, or run, what they will take.
MEASURED = ("validation", "bundle", "robustness")


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
    status: RunStatus,
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
        facts["took"] = {**status.took, phase: round(spent * total / done, 1)}
    return facts


def forecast(spent: float, done: int, rest: int) -> float | None:
    """Seconds for `rest` at the pace at which `done` took `spent`; None before two are over."""
    return round(spent / done * rest, 1) if done > 0 and spent >= 2 else None
