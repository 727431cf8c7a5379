"""Counts at a threshold, and an interval for a proportion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    import numpy.typing as npt


@dataclass(frozen=True)
class Confusion:
    """Films by truth and call; the positive class is pneumonia. A share of nothing is NaN."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def n(self) -> int:
        """All films."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def sensitivity(self) -> float:
        """Share of the pneumonia films that are called positive, 0 … 1."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        """Share of the normal films that are called negative, 0 … 1."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def accuracy(self) -> float:
        """Share of all films that are called rightly, 0 … 1."""
        return _ratio(self.tp + self.tn, self.n)


def confusion(y: npt.ArrayLike, p: npt.ArrayLike, threshold: float) -> Confusion:
    """Count films; positive where p >= threshold.

    y: 0 or 1 (N,); p: finite scores (N,). One class alone is fine. Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p)
    if math.isnan(threshold):
        raise ValueError("Expected a threshold, got NaN.")
    called = scores >= threshold
    return Confusion(
        tp=int(np.count_nonzero(called & positive)),
        fp=int(np.count_nonzero(called & ~positive)),
        tn=int(np.count_nonzero(~called & ~positive)),
        fn=int(np.count_nonzero(~called & positive)),
    )


def wilson(k: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Score interval (low, high) for k successes in n trials, within 0 … 1.

    No trials say nothing: (0, 1). Raises ValueError unless 0 <= k <= n.

    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    JASA 22, 209-212.
    """
    z = normal_quantile(level)
    if not 0 <= k <= n < math.inf:
        raise ValueError(f"Expected 0 <= k <= n, got k={k} and n={n}.")
    if n == 0:
        return 0.0, 1.0
    centre = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    # At the ends the bound is exact; arithmetic would leave it a rounding error away.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return low, high


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
