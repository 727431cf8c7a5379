"""Counts at a threshold, and the rates made of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores
from pneumo_core.metrics.proportion import Estimate, proportion, wilson

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Confusion", "confusion", "wilson"]


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

    def rates(self, *, level: float = 0.95) -> dict[str, Estimate]:
        """Sensitivity, specificity, accuracy, PPV and NPV, each with Wilson's interval.

        The predictive values are those at the films' own prevalence; for another one see
        `predictive_values`.
        """
        shares = {
            "sensitivity": (self.tp, self.tp + self.fn),
            "specificity": (self.tn, self.tn + self.fp),
            "accuracy": (self.tp + self.tn, self.n),
            "ppv": (self.tp, self.tp + self.fp),
            "npv": (self.tn, self.tn + self.fn),
        }
        return {name: proportion(k, n, level=level) for name, (k, n) in shares.items()}

    def as_dict(self) -> dict[str, int]:
        """The four counts by name."""
        return {"tp": self.tp, "fp": self.fp, "tn": self.tn, "fn": self.fn}


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


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
