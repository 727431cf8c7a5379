"""The ROC and the precision-recall curve as arrays, with the area under each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores
from pneumo_core.metrics.ranked import Ranked

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Floats


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
