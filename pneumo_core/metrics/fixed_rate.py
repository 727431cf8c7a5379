"""Sensitivity at a fixed specificity, the reverse, and the pointwise band of the ROC curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.bootstrap import percentiles
from pneumo_core.metrics.confusion import (
    SLACK,
    confusion,
    threshold_at_sensitivity,
    threshold_at_specificity,
)
from pneumo_core.metrics.intervals import Estimate, wilson

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.bootstrap import Statistic
    from pneumo_core.metrics.validation import Floats

GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class AtFixed:
    """The free rate where the other one is held at `fixed` or better.

    rate: the free one, at `threshold`; held: what the fixed one is there, at least `fixed`.
    """

    fixed: float
    threshold: float
    rate: Estimate
    held: float


@dataclass(frozen=True)
class RocBand:
    """Pointwise 95 % band of the sensitivity at each false positive rate, all (101,)."""

    false_positive_rate: Floats
    low: Floats
    high: Floats


def sensitivity_at_specificity(
    y: npt.ArrayLike, p: npt.ArrayLike, s: float, resampled: npt.NDArray[np.float64]
) -> AtFixed:
    """The sensitivity at the smallest threshold whose specificity is at least s.

    y: 0 or 1 (N,), both present; p: finite scores (N,); s: above 0, at most 1; resampled: the
    statistic `sensitivities_at(s)` of each bootstrap draw (R,), which chooses the threshold anew,
    so that its uncertainty counts. The interval is the percentile one; where every draw gives one
    value, Wilson's. Raises ValueError.

    Platt, R. W., Hanley, J. A., Yang, H. (2000). Bootstrap confidence intervals for the
    sensitivity of a quantitative diagnostic test. Stat Med 19, 313-322.
    """
    threshold = threshold_at_specificity(y, p, s)
    c = confusion(y, p, threshold)
    return AtFixed(s, threshold, _estimate(c.tp, c.tp + c.fn, resampled), c.specificity)


def specificity_at_sensitivity(
    y: npt.ArrayLike, p: npt.ArrayLike, s: float, resampled: npt.NDArray[np.float64]
) -> AtFixed:
    """The specificity at the largest threshold whose sensitivity is at least s.

    As `sensitivity_at_specificity`, with the statistic `specificities_at(s)`.
    """
    threshold = threshold_at_sensitivity(y, p, s)
    c = confusion(y, p, threshold)
    return AtFixed(s, threshold, _estimate(c.tn, c.tn + c.fp, resampled), c.sensitivity)


def roc_band(resampled: npt.NDArray[np.float64]) -> RocBand:
    """The band of the ROC curve from `sensitivities_on_grid` of each bootstrap draw (R, 101); it
    holds point by point, not for the whole curve.
    """
    low, high = percentiles(resampled)
    return RocBand(GRID, low, high)


def sensitivities_at(s: float) -> Statistic:
    """The bootstrap statistic: sensitivity at the first threshold of specificity >= s."""

    def statistic(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        return _sensitivities(tp, fp, np.array([1 - s]))[:, 0]

    return statistic


def sensitivities_on_grid(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The bootstrap statistic: sensitivity at false positive rates 0, 0.01 … 1, (R, 101)."""
    return _sensitivities(tp, fp, GRID)


def specificities_at(s: float) -> Statistic:
    """The bootstrap statistic: specificity at the last threshold of sensitivity >= s."""

    def statistic(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        need = np.ceil(s * tp[:, -1] - SLACK)
        place = [row.searchsorted(least) for row, least in zip(tp, need, strict=True)]
        kept = fp[np.arange(len(fp)), place]
        found: npt.NDArray[np.float64] = 1 - kept / fp[:, -1]
        return found

    return statistic


def _sensitivities(
    tp: npt.NDArray[Any], fp: npt.NDArray[Any], allowed: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Sensitivity of each draw (R,) at the last threshold within each allowed rate (K,): (R, K)."""
    found = np.empty((len(tp), allowed.size))
    for i, (hits, alarms) in enumerate(zip(tp, fp, strict=True)):
        limits = np.floor(allowed * alarms[-1] + SLACK)
        place = alarms.searchsorted(limits, side="right")
        found[i] = np.where(place > 0, hits[place - 1], 0) / hits[-1]
    return found


def _estimate(k: int, n: int, resampled: npt.NDArray[np.float64]) -> Estimate:
    low, high = percentiles(resampled)
    # The same in every draw, as with classes that do not overlap: a point would claim too much.
    ends = wilson(k, n) if math.isclose(low, high) else (float(low), float(high))
    return Estimate(k / n, *ends)
