"""Sensitivity at a fixed specificity, the reverse, and the pointwise band of the ROC curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.bootstrap import Resampling, bootstrap, percentiles
from pneumo_core.metrics.confusion import (
    SLACK,
    confusion,
    threshold_at_sensitivity,
    threshold_at_specificity,
)
from pneumo_core.metrics.intervals import Estimate, wilson
from pneumo_core.metrics.validation import labels_and_scores, share

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


def sensitivity_at_specificity(  # noqa: PLR0913 - three of the six are options
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    s: float,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    rounds: int = 1000,
) -> AtFixed:
    """The sensitivity at the smallest threshold whose specificity is at least s.

    y: 0 or 1 (N,), both present; p: finite scores (N,); s: above 0, at most 1; groups: patient
    keys (N,), a patient a film without. The interval is the percentile one of a patient-level
    bootstrap that chooses the threshold anew in each draw, so that its uncertainty counts; where
    every draw gives one value, Wilson's. Raises ValueError.

    Platt, R. W., Hanley, J. A., Yang, H. (2000). Bootstrap confidence intervals for the
    sensitivity of a quantitative diagnostic test. Stat Med 19, 313-322.
    """
    labelled = labels_and_scores(y, p, both_classes=True)
    share(s, "a specificity")
    draws = Resampling(groups, labelled[1].size, seed=seed, rounds=rounds)
    found = bootstrap(*labelled, draws, {"it": sensitivities_at(s)})["it"]
    return fixed_specificity(y, p, s, found)


def specificity_at_sensitivity(  # noqa: PLR0913 - three of the six are options
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    s: float,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    rounds: int = 1000,
) -> AtFixed:
    """The specificity at the largest threshold whose sensitivity is at least s.

    Arguments, interval and errors as of `sensitivity_at_specificity`.
    """
    labelled = labels_and_scores(y, p, both_classes=True)
    share(s, "a sensitivity")
    draws = Resampling(groups, labelled[1].size, seed=seed, rounds=rounds)
    found = bootstrap(*labelled, draws, {"it": specificities_at(s)})["it"]
    return fixed_sensitivity(y, p, s, found)


def roc_band(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    rounds: int = 1000,
) -> RocBand:
    """The band of the ROC curve by a patient-level bootstrap; it holds point by point, not whole.

    y: 0 or 1 (N,), both present; p: finite scores (N,); groups: patient keys (N,), a patient a
    film without. Raises ValueError.
    """
    labelled = labels_and_scores(y, p, both_classes=True)
    draws = Resampling(groups, labelled[1].size, seed=seed, rounds=rounds)
    return band(bootstrap(*labelled, draws, {"it": sensitivities_on_grid})["it"])


def fixed_specificity(
    y: npt.ArrayLike, p: npt.ArrayLike, s: float, resampled: npt.NDArray[np.float64]
) -> AtFixed:
    """`sensitivity_at_specificity`, given the sensitivities of the bootstrap's draws (R,)."""
    threshold = threshold_at_specificity(y, p, s)
    c = confusion(y, p, threshold)
    return AtFixed(s, threshold, _estimate(c.tp, c.tp + c.fn, resampled), c.specificity)


def fixed_sensitivity(
    y: npt.ArrayLike, p: npt.ArrayLike, s: float, resampled: npt.NDArray[np.float64]
) -> AtFixed:
    """`specificity_at_sensitivity`, given the specificities of the bootstrap's draws (R,)."""
    threshold = threshold_at_sensitivity(y, p, s)
    c = confusion(y, p, threshold)
    return AtFixed(s, threshold, _estimate(c.tn, c.tn + c.fp, resampled), c.sensitivity)


def band(resampled: npt.NDArray[np.float64]) -> RocBand:
    """`roc_band`, given the sensitivities of the bootstrap's draws on the grid (R, 101)."""
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
