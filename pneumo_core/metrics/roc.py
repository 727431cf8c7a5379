"""Discrimination: ROC and precision-recall curves, and the areas under them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.intervals import Estimate, wilson
from pneumo_core.metrics.validation import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools, Floats


def auc(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Area under the ROC curve, 0 … 1; ties count half.

    y: 0 or 1 (N,), both present; p: finite scores (N,). Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True)
    return float(placements(positive, scores)[0].mean())


def auc_delong(y: npt.ArrayLike, p: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Area under the ROC curve with DeLong's interval, each 0 … 1.

    y: 0 or 1 (N,), both present; p: finite scores (N,); ties count half. The interval is
    symmetric in logit(auc), so it stays within 0 … 1. Where DeLong's variance is zero (perfect
    separation, constant scores) or undefined (one film of a class), a point would claim too
    much: the interval is then Wilson's, as for auc·m successes in m, m the size of the smaller
    class. Films are taken as independent: with several a patient see `grouped_bootstrap_auc`.
    Raises ValueError.

    DeLong, E. R., DeLong, D. M., Clarke-Pearson, D. L. (1988). Comparing the areas under two or
    more correlated receiver operating characteristic curves. Biometrics 44, 837-845.
    Sun, X., Xu, W. (2014). Fast implementation of DeLong's algorithm. IEEE Signal Processing
    Letters 21, 1389-1393.
    Pepe, M. S. (2003). The statistical evaluation of medical tests, section 5.2 (the logit).
    """
    positive, scores = labels_and_scores(y, p, both_classes=True)
    z = normal_quantile(level)
    above, below = placements(positive, scores)
    area, smaller = float(above.mean()), min(above.size, below.size)
    variance = 0.0
    if smaller > 1:
        variance = float(above.var(ddof=1) / above.size + below.var(ddof=1) / below.size)
    # Variances of constant placements come out as rounding errors, not as exact zeros.
    if variance < 1e-15 or area in (0.0, 1.0):
        return Estimate(area, *wilson(area * smaller, smaller, level=level))
    logit = math.log(area / (1 - area))
    half = z * math.sqrt(variance) / (area * (1 - area))
    return Estimate(area, sigmoid(logit - half), sigmoid(logit + half))


def placements(positive: Bools, scores: Floats) -> tuple[Floats, Floats]:
    """Each positive's share of negatives below it, each negative's share of positives above it.

    Each in the order of its films; ties count half. Their means are both the AUC, their variances
    and covariances DeLong's components; one sort of each class gives them (Sun & Xu's midranks,
    said otherwise).
    """
    positives, negatives = scores[positive], scores[~positive]
    return _share_below(np.sort(negatives), positives), 1 - _share_below(
        np.sort(positives), negatives
    )


def _share_below(rising: Floats, scores: Floats) -> Floats:
    """For each score the share of `rising` below it, ties counting half."""
    below = rising.searchsorted(scores, "left") + rising.searchsorted(scores, "right")
    return below / (2 * rising.size)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


class Ranked:
    """Films by falling score. `thresholds` (T,): the distinct scores, falling.

    Entry t of every count is over the films called positive at p >= thresholds[t]; the last
    entry counts all films.
    """

    def __init__(self, positive: Bools, scores: Floats) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.positive = positive[self.order]
        falling = scores[self.order]
        # Films of one score are called together: counts are read off at the last of them.
        self.ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        self.thresholds: Floats = falling[self.ends]

    def counts(
        self, times: npt.NDArray[np.int64] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """True and false positives at each threshold, int (…, T).

        times: how often each film counts, int (…, N), in the films' own order; once by default.
        """
        weights = np.ones(self.order.size, np.int64) if times is None else times[..., self.order]
        called = weights.cumsum(axis=-1)
        tp = np.where(self.positive, weights, 0).cumsum(axis=-1)
        if self.ends.size < self.order.size:
            called, tp = called[..., self.ends], tp[..., self.ends]
        return tp, called - tp


@dataclass(frozen=True)
class RocCurve:
    """Sensitivity against 1 - specificity, both (K,) and rising from 0 to 1.

    thresholds: (K,), falling; the first is infinity, at which no film is called positive.
    """

    thresholds: Floats
    sensitivity: Floats
    false_positive_rate: Floats

    @property
    def auc(self) -> float:
        """Area under the curve, 0 … 1; ties count half."""
        return float(np.trapezoid(self.sensitivity, self.false_positive_rate))


@dataclass(frozen=True)
class PrCurve:
    """Precision (PPV at the films' own prevalence) against recall (sensitivity), both (K,).

    thresholds: (K,), falling. There is no point at recall 0: precision of no call is undefined.
    """

    thresholds: Floats
    recall: Floats
    precision: Floats

    @property
    def average_precision(self) -> float:
        """Mean precision over the steps in recall, 0 … 1, without interpolation.

        Davis, J., Goadrich, M. (2006). The relationship between precision-recall and ROC curves.
        ICML 23 (why lines between the points would flatter).
        """
        steps = np.diff(self.recall, prepend=0.0)
        return float(steps @ self.precision)


def roc_curve(y: npt.ArrayLike, p: npt.ArrayLike, *, corners: bool = False) -> RocCurve:
    """The ROC curve through every threshold that matters.

    y: 0 or 1 (N,), both present; p: finite scores (N,). `corners` leaves out points on a straight
    line between their neighbours, which changes neither the drawing nor the area. Raises
    ValueError.
    """
    ranked = Ranked(*labels_and_scores(y, p, both_classes=True))
    tp, fp = ranked.counts()
    if corners:
        # Second differences of zero: the points before and after have the same direction.
        bend = (np.diff(tp, 2) != 0) | (np.diff(fp, 2) != 0)
        kept = np.r_[True, bend, True] if tp.size > 1 else np.array([True])
        tp, fp, thresholds = tp[kept], fp[kept], ranked.thresholds[kept]
    else:
        thresholds = ranked.thresholds
    return RocCurve(np.r_[np.inf, thresholds], np.r_[0.0, tp / tp[-1]], np.r_[0.0, fp / fp[-1]])


def pr_curve(y: npt.ArrayLike, p: npt.ArrayLike) -> PrCurve:
    """The precision-recall curve through every distinct score.

    y: 0 or 1 (N,), with at least one 1 (all 1 is fine: precision is then 1); p: finite scores
    (N,). Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p)
    if not positive.any():
        raise ValueError(f"Expected a film of class 1, got {positive.size} of class 0 only.")
    ranked = Ranked(positive, scores)
    tp, fp = ranked.counts()
    return PrCurve(ranked.thresholds, tp / tp[-1], tp / (tp + fp))


def average_precision(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Area under the precision-recall curve by steps, 0 … 1; the prevalence where p is constant.

    y: 0 or 1 (N,), with at least one 1; p: finite scores (N,). Raises ValueError.
    """
    return pr_curve(y, p).average_precision


def areas(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> Floats:
    """Areas under ROC curves from counts (…, T) at falling thresholds, both classes present."""
    mean_tp = tp - np.diff(tp, axis=-1, prepend=0) / 2
    pairs = tp[..., -1].astype(np.float64) * fp[..., -1]
    found: Floats = (np.diff(fp, axis=-1, prepend=0) * mean_tp).sum(axis=-1) / pairs
    return found


def average_precisions(tp: npt.NDArray[Any], fp: npt.NDArray[Any]) -> Floats:
    """Average precisions from counts (…, T) at falling thresholds, with a positive in each."""
    precision = tp / np.maximum(tp + fp, 1)
    found: Floats = (np.diff(tp, axis=-1, prepend=0) * precision).sum(axis=-1) / tp[..., -1]
    return found
