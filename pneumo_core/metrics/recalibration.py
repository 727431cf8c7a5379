"""The calibration line: by which slope and offset the log odds would have to be mended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores, normal_quantile
from pneumo_core.metrics.proportion import Estimate

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Bools, Floats

# Probabilities of exactly 0 and 1 have no log odds.
_ENDS = 1e-7
_STEPS = 50


@dataclass(frozen=True)
class CalibrationLine:
    """slope: 1 is ideal, below 1 the probabilities are too extreme; offset: log odds by which
    they are too low on the whole, at slope 1 (0 is ideal). NaN where the films fix neither.
    """

    slope: Estimate
    offset: Estimate


def calibration_line(y: npt.ArrayLike, p: npt.ArrayLike) -> CalibrationLine:
    """Logistic recalibration: log odds of pneumonia = a + slope · logit(p); offset: a at slope 1.

    y: 0 or 1 (N,), both present; p: P(pneumonia), 0 … 1, (N,). Intervals are Wald's, 95 %. With
    perfect separation or constant p there is no slope: NaN, -inf … inf. Raises ValueError.

    Cox, D. R. (1958). Two further applications of a model for binary regression. Biometrika 45,
    562-565. Van Calster, B., et al. (2019). Calibration: the Achilles heel of predictive
    analytics. BMC Med 17, 230.
    """
    positive, p_positive = labels_and_scores(y, p, both_classes=True, probability=True)
    clipped = np.clip(p_positive, _ENDS, 1 - _ENDS)
    logit = np.log(clipped / (1 - clipped))
    offset = _fit(np.ones((logit.size, 1)), logit, positive)
    unknown = Estimate(math.nan, -math.inf, math.inf)
    spread = logit.std() > 1e-9
    overlap = logit[positive].min() < logit[~positive].max()
    slope = None
    if spread and overlap:
        slope = _fit(np.stack([logit, np.ones_like(logit)], axis=1), np.zeros_like(logit), positive)
    return CalibrationLine(slope or unknown, offset or unknown)


def _fit(design: Floats, given: Floats, positive: Bools) -> Estimate | None:
    """First coefficient of a logistic regression by Newton's method; None where it runs away."""
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        fitted = 0.5 * (1 + np.tanh((design @ weights + given) / 2))
        information = design.T @ (design * (fitted * (1 - fitted))[:, np.newaxis])
        try:
            step = np.linalg.solve(information, design.T @ (positive - fitted))
        except np.linalg.LinAlgError:
            return None
        # A long first step would overshoot where the probabilities are far off.
        weights = weights + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-10:
            half = normal_quantile(0.95) * math.sqrt(np.linalg.inv(information)[0, 0])
            value = float(weights[0])
            return Estimate(value, value - half, value + half)
    return None
