"""Progress of long work: the one callable that reports it, and the time left at its rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

MEMORY_SECONDS = 30.0  # time constant of the exponential mean: older pace fades out
SECONDS_BEFORE_FORECAST = 2.0


class Progress(Protocol):
    """Receives the progress of long work.

    phase: short name of the current step ("index"); done of total: how much of it is done; message:
    what a person may read, "" where the counts say it all.
    """

    def __call__(self, phase: str, done: int, total: int, message: str = "", /) -> None:
        """Receive one report."""


def silent(_phase: str, _done: int, _total: int, _message: str = "", /) -> None:
    """Progress that nobody follows."""


@dataclass
class Rate:
    """Exponential mean of a measured rate, in units a second.

    A unit counts less the longer ago it was done (time constant `MEMORY_SECONDS`), so the rate
    follows a change of pace without jumping.
    """

    units: float = 0.0
    seconds: float = 0.0
    spent: float = 0.0  # all time measured, none of it faded
    _last: tuple[float, float] | None = None

    def start(self, now: float, done: float = 0.0) -> None:
        """Measure from here on; what was done before, and the time since then, do not count."""
        self._last = (now, done)

    def add(self, now: float, done: float) -> None:
        """At `now` (seconds of any clock) `done` units are done in all."""
        if self._last is None:
            return self.start(now, done)
        elapsed, step = now - self._last[0], done - self._last[1]
        fade = math.exp(-elapsed / MEMORY_SECONDS)
        self.units, self.seconds = self.units * fade + step, self.seconds * fade + elapsed
        self.spent += elapsed
        self._last = (now, done)
        return None

    @property
    def value(self) -> float:
        """Units a second; NaN before anything was measured."""
        return self.units / self.seconds if self.units > 0 and self.seconds > 0 else math.nan


def eta(rate: Rate, left: float) -> float | None:
    """Seconds that `left` units take at `rate`; None before two seconds were measured."""
    if rate.spent < SECONDS_BEFORE_FORECAST or not math.isfinite(rate.value):
        return None
    return max(0.0, left) / rate.value
