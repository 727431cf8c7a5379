"""How long the whole run will still take: what lies ahead of its training, and one steady figure.

A run reads its films, trains its networks, lets each answer to the films it had not seen, writes
the model, and runs the robustness suite where the recipe asks for it. What is behind is measured;
what is ahead goes by it, or by an earlier run.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.learning.runs import Run

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


def of_phase(
    status: Mapping[str, Any], phase: str, share: float, own: float | None
) -> float | None:
    """Seconds to the end of the run from within `phase`, of which `share` (0..1) is done.

    own: seconds to the end of the phase at its pace so far, None before there is one. None where
    the training, and with it the most of the run, still lies ahead, or nothing is known.
    """
    try:
        ahead = Ahead(**(status.get("ahead_of_training") or {}))
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
    ahead = run.status().get("ahead_of_training")
    if ahead:
        run.update(ahead_of_training={**ahead, "robustness": 0.0})


def steady(
    status: Mapping[str, Any], estimate: float | None, now: float, *, anew: bool = False
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


def left_now(status: Mapping[str, Any], now: float | None = None) -> float | None:
    """Seconds to the end of the run at `now` (this moment if not said), by what its status told.

    None where nothing was told, and where the time that was told has run out: no figure is better
    than a wrong one.
    """
    left = status.get("seconds_left")
    if left is None:
        return None
    now = time.time() if now is None else now
    rest = float(left) - max(0.0, now - float(status.get("left_at") or now))
    return rest if rest > 0 else None
