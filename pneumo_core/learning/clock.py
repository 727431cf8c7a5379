"""How fast a training is and how long it will still take, from when its steps ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

_VALIDATION_COST = 0.4  # of a training film's time: no gradients
_VALIDATION_SHARE = 0.1  # of an epoch's time, until one was seen
_HELD_OUT = 0.25  # films held out for each that is trained on


@dataclass
class EpochClock:
    """Times one training of `epochs` epochs of `steps` steps of `batch` films.

    All times are seconds of one clock. An epoch's first step, which may compile and which waits
    for the first films, is no measure of speed.
    """

    epochs: int
    steps: int
    batch: int
    speed: float = field(default=math.nan, init=False)  # films a second in training
    epoch_seconds: float = field(default=math.nan, init=False)
    start: float = field(default=math.nan, init=False)  # seconds to the end of the first step
    _began: float = field(default=0.0, init=False)
    _first: float = field(default=math.nan, init=False)
    _trained: float = field(default=math.nan, init=False)
    _rest: float = field(default=math.nan, init=False)

    def begin_epoch(self, now: float) -> None:
        """An epoch begins."""
        self._began, self._first, self._trained = now, math.nan, math.nan

    def end_step(self, step: int, now: float) -> None:
        """Step `step` (1..steps) has ended."""
        if math.isnan(self._first):
            self._first = now
            if math.isnan(self.start):
                self.start = now - self._began
        elif step > 1 and now > self._first:
            self.speed = (step - 1) * self.batch / (now - self._first)

    def end_training(self, now: float) -> None:
        """The epoch's last step has ended; films held out come next."""
        self._trained = now

    def end_epoch(self, now: float) -> float:
        """The epoch has ended; how many seconds it took."""
        self.epoch_seconds = now - self._first + self.batch / self.speed
        self._rest = now - self._trained
        return now - self._began

    def left(self, epoch: int, step: int) -> float | None:
        """Seconds to the end of this training, if it does not end early.

        `epoch` epochs and `step` steps are done. None if unknown.
        """
        left = self._an_epoch * (self.epochs - epoch - step / max(1, self.steps))
        return round(left, 1) if math.isfinite(left) else None

    @property
    def training(self) -> float:
        """Seconds of a whole training that does not end early; NaN if unknown."""
        return self.start + self.epochs * self._an_epoch

    @property
    def answer(self) -> float:
        """Seconds in which the network answers to a film, as in validation; NaN if unknown."""
        if not math.isfinite(self._rest):
            return _VALIDATION_COST / self.speed
        return min(_VALIDATION_COST / self.speed, self._rest / self._held_out)

    @property
    def _an_epoch(self) -> float:
        if math.isfinite(self.epoch_seconds):
            return self.epoch_seconds
        return self.steps * self.batch / self.speed * (1 + _VALIDATION_SHARE)

    @property
    def _held_out(self) -> float:
        return _HELD_OUT * self.steps * self.batch

    def pace(self) -> dict[str, float] | None:
        """What the estimate of a later run may go by (see `pace.Pace`); None if unknown."""
        if not math.isfinite(self.speed + self.start + self._rest) or not self._held_out:
            return None
        save = self._rest - self.answer * self._held_out
        parts = {"train": 1 / self.speed, "validation": self.answer}
        return {**parts, "start": self.start, "save": save}
