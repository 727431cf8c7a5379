"""The progress of a run in its status: the current phase, and the time left of the whole run."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from pneumo_core.progress import Rate, eta
from pneumo_core.training.runs.status import PHASES, STOP

if TYPE_CHECKING:
    from pneumo_core.progress import Progress
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.status import RunStatus

_SMOOTHING = 0.3  # share of a new estimate in the time left that is shown, about once a second
# The measured time of these phases predicts theirs in a later fold or run.
MEASURED = ("validation", "bundle", "robustness")


@dataclass(frozen=True)
class RemainingPhases:
    """Seconds that follow a training: the predictions on its held-out images, and all after these.

    `after` counts the trainings to come with their predictions, `bundle`, which writes the model,
    and `robustness`, the suite at the end: 0 where it is not run.
    """

    answers: float
    after: float
    bundle: float
    robustness: float = 0.0

    @classmethod
    def of(cls, status: RunStatus) -> RemainingPhases | None:
        """As a run's status has them under `ahead_of_training`; None before they are known."""
        try:
            return cls(**status.ahead_of_training)
        except TypeError:
            return None

    @property
    def seconds(self) -> float:
        """All that follows the training."""
        return self.answers + self.after

    def facts(self) -> dict[str, Any]:
        """For the run's status."""
        return {"ahead_of_training": asdict(self)}

    def left(self, phase: str, share: float, own: float | None) -> float | None:
        """Seconds to the end of the run from within `phase`, of which `share` (0..1) is done.

        own: seconds to the end of the phase at its rate so far, None before there is one. None
        where the training, most of the run, is still to come, or nothing is known.
        """
        if phase == "validation":
            return (self.answers * (1 - share) if own is None else own) + self.after
        if phase == "robustness":
            return self.robustness * (1 - share) if own is None else own
        if phase != "bundle":
            return None
        return self.robustness + self.bundle if share < 1 else self.robustness or None


def forget_robustness(run: Run) -> None:
    """Take the robustness suite out of the run's time left: it will not be run."""
    if ahead := run.status().ahead_of_training:
        run.update(ahead_of_training={**ahead, "robustness": 0.0})


def smoothed(
    status: RunStatus, estimate: float | None, now: float, *, restart: bool = False
) -> dict[str, float | None]:
    """The time left as the status is to have it, at the moment `now` (Unix time).

    An `estimate` moves the figure that `status` has, rather than replaces it, so that it falls
    steadily; `restart`: it replaces it. Without an estimate the old figure runs down.
    """
    before = None if restart and estimate is not None else time_left(status, now)
    left = before if estimate is None else estimate
    if before is not None and estimate is not None:
        left = before + _SMOOTHING * (estimate - before)
    return {"seconds_left": None if left is None else round(left, 1), "left_at": now}


def time_left(status: RunStatus, now: float | None = None) -> float | None:
    """Seconds to the end of the run at `now` (this moment by default), by its status.

    None where it has no figure, and where that has run out: none is better than a wrong one.
    """
    if status.seconds_left is None:
        return None
    now = time.time() if now is None else now
    rest = status.seconds_left - max(0.0, now - (status.left_at or now))
    return rest if rest > 0 else None


def also_to_status(run: Run, report: Progress) -> Progress:
    """`report`, which then also goes to the run's status, once a second.

    The reports of the training itself do not: `progress_callback` writes more than they say.
    """
    written, phases = 0.0, dict[str, _Phase]()

    def both(phase: str, done: int, total: int, message: str = "") -> None:
        nonlocal written
        moment = time.monotonic()
        if phase not in {"train", "epoch"}:
            begins = phase not in phases or done < phases[phase].done
            if begins:
                phases[phase] = _Phase(done)
            phases[phase].add(moment, done, total)
            if begins or moment - written >= 1 or done >= total:
                written = moment
                facts = phases[phase].facts(phase, run.status(), begins=begins)
                if run.requested(STOP):  # it is cut short, and says nothing of a later one
                    facts.pop("took", None)
                run.update(phase=PHASES.get(phase, phase), words=message, **facts)
        report(phase, done, total, message)

    return both


@dataclass
class _Phase:
    """Measures one phase from its first report, at which `before` was done."""

    before: int
    rate: Rate = field(default_factory=Rate)
    done: int = 0
    total: int = 1

    def add(self, moment: float, done: int, total: int) -> None:
        self.rate.add(moment, done)
        self.done, self.total = done, total

    def facts(self, phase: str, status: RunStatus, *, begins: bool) -> dict[str, Any]:
        """How far the phase is, the time left of the whole run, and what the phase took at last."""
        own, remaining = eta(self.rate, self.total - self.done), RemainingPhases.of(status)
        share = self.done / max(1, self.total)
        left = None if remaining is None else remaining.left(phase, share, own)
        facts: dict[str, Any] = {"done": self.done, "total": self.total}
        facts |= smoothed(status, left, time.time(), restart=begins)
        measured = self.done - self.before
        if phase in MEASURED and measured > 0 and self.done >= self.total:
            whole = self.rate.spent * self.total / measured
            facts["took"] = {**status.took, phase: round(whole, 1)}
        return facts
