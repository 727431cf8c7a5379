"""How well scores rank pneumonia above normal: the area under the ROC curve."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores, normal_quantile
from pneumo_core.metrics.proportion import Estimate, wilson

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Bools, Floats


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
    sick, well = scores[positive], scores[~positive]
    return _share_below(np.sort(well), sick), 1 - _share_below(np.sort(sick), well)


def _share_below(rising: Floats, scores: Floats) -> Floats:
    """For each score the share of `rising` below it, ties counting half."""
    below = rising.searchsorted(scores, "left") + rising.searchsorted(scores, "right")
    return below / (2 * rising.size)


def sigmoid(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
