"""Confusion counts at a threshold, their rates, and thresholds chosen by a rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.intervals import Estimate, proportion, wilson
from pneumo_core.metrics.validation import labels_and_scores, share

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
        """Share of all films that are classified correctly, 0 … 1."""
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

    def to_dict(self) -> dict[str, int]:
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


# 0.07 · 100 is 7.000000000000001: such a share asks for 7 films, not 8.
SLACK = 1e-9


def threshold_at_sensitivity(y: npt.ArrayLike, p: npt.ArrayLike, s: float) -> float:
    """The largest threshold whose sensitivity is at least s; it is one of the positives' scores.

    y: 0 or 1 (N,), both present; p: finite scores (N,); s: above 0, at most 1. Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True)
    share(s, "a sensitivity")
    found = np.sort(scores[positive])[::-1]
    return float(found[math.ceil(s * found.size - SLACK) - 1])


def threshold_at_specificity(y: npt.ArrayLike, p: npt.ArrayLike, s: float) -> float:
    """The smallest threshold whose specificity is at least s.

    It is the float next above one of the negatives' scores, which that negative just misses: at
    s = 1 it lies above every negative, and above 1 where a negative scores 1.

    y: 0 or 1 (N,), both present; p: finite scores (N,); s: above 0, at most 1. Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True)
    share(s, "a specificity")
    spared = np.sort(scores[~positive])
    return float(np.nextafter(spared[math.ceil(s * spared.size - SLACK) - 1], math.inf))


def balanced_threshold(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """The threshold that maximises Youden's J = sensitivity + specificity - 1.

    Every threshold between two neighbouring scores does equally well: the answer is the middle
    of the best such gap, of several the widest, of equally wide ones the lowest. Where nothing
    beats J = 0 (constant or reversed scores) it is the lowest score: all are called positive.

    y: 0 or 1 (N,), both present; p: finite scores (N,). Raises ValueError.

    Youden, W. J. (1950). Index for rating diagnostic tests. Cancer 3, 32-35.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True)
    steps, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place, weights=positive)[::-1].cumsum()[::-1]
    negatives = np.bincount(place, weights=~positive)[::-1].cumsum()[::-1]
    # J times both class sizes: whole numbers, so that equal gaps compare equal. Entry i is for
    # thresholds above steps[i-1] and up to steps[i].
    youden = positives * negatives[0] - negatives * positives[0]
    if youden.max() <= 0:
        return float(steps[0])
    gaps = np.flatnonzero(youden == youden.max())
    best = gaps[np.argmax(steps[gaps] - steps[gaps - 1])]
    middle = steps[best - 1] + (steps[best] - steps[best - 1]) / 2
    # Between two neighbouring floats there is no middle.
    return float(middle if middle > steps[best - 1] else steps[best])
