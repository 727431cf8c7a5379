"""Calibration: Brier score and its parts, calibration error, reliability diagram, recalibration
slope and offset, temperature scaling.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pneumo_core.metrics.bootstrap import Resampling, percentiles
from pneumo_core.metrics.intervals import Estimate, wilson_bounds
from pneumo_core.metrics.validation import finite, labels_and_scores, normal_quantile

if TYPE_CHECKING:
    from pneumo_core.metrics.validation import Bools, Floats


TEMPERATURES = (0.05, 20.0)
_HALVINGS = 30  # of 0..1, until the answer is known to a thousand-millionth
# Probabilities of exactly 0 and 1 have no log odds.
_ENDS = 1e-7
_STEPS = 50


@dataclass(frozen=True)
class Reliability:
    """A reliability diagram in B bins of equal width, the last closed on the right.

    edges: (B+1,) from 0 to 1; n: films, int (B,); mean_p: mean probability and observed: share
    of pneumonia, both (B,), NaN in an empty bin; low, high: Wilson bounds of `observed`, (B,).
    """

    edges: Floats
    n: npt.NDArray[np.int64]
    mean_p: Floats
    observed: Floats
    low: Floats
    high: Floats


def brier(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean squared error of the probability, 0 (perfect) … 1.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,). Raises ValueError.

    Brier, G. W. (1950). Verification of forecasts expressed in terms of probability. Monthly
    Weather Review 78, 1-3.
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    return float(np.mean((p_positive - positive) ** 2))


def reliability(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 15) -> Reliability:
    """Mean probability against observed share of pneumonia, by bins of the probability.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,). Raises ValueError.
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    edges, place = bin_places(p_positive, bins)
    n = np.bincount(place, minlength=bins)
    hits = np.bincount(place, weights=positive, minlength=bins)
    total = np.bincount(place, weights=p_positive, minlength=bins)
    some = np.where(n > 0, n, np.nan)
    return Reliability(edges, n, total / some, hits / some, *wilson_bounds(hits, n))


def bin_places(p: Floats, bins: int) -> tuple[Floats, npt.NDArray[np.intp]]:
    """Edges (bins + 1,) of bins of equal width, and the bin of each probability (N,)."""
    if bins < 1:
        raise ValueError(f"Expected at least 1 bin, got {bins}.")
    edges = np.linspace(0, 1, bins + 1)
    return edges, np.clip(np.searchsorted(edges, p, side="right") - 1, 0, bins - 1)


def ece(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 15) -> float:
    """Expected calibration error of P(pneumonia), 0 (calibrated) … 1.

    The mean over films of |observed share - mean probability| of the film's bin, bins of equal
    width. y: 0 or 1 (N,), one class alone is fine; p: 0 … 1, (N,). Raises ValueError.

    Naeini, M. P., Cooper, G. F., Hauskrecht, M. (2015). Obtaining well calibrated probabilities
    using Bayesian binning. AAAI 29. Of the positive class, not of the likelier one.
    """
    table = reliability(y, p, bins=bins)
    filled = table.n > 0
    gap = np.abs(table.observed - table.mean_p)[filled]
    return float(gap @ table.n[filled] / table.n.sum())


def probabilities(logits: npt.ArrayLike, temperature: float = 1.0) -> Floats:
    """Softmax of logits / temperature: float64 (N, C), each row adding up to 1.

    logits: finite, (N, C) with C >= 2; temperature: above 0, higher is less sure. Raises
    ValueError.
    """
    return np.exp(_log_probabilities(_logits(logits), temperature))


def fit_temperature(logits: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """The temperature, 0.05 … 20, whose softmax gives the labels the highest likelihood.

    logits: finite, (N, C) with C >= 2; labels: integer classes 0 … C-1, (N,); classes may be
    missing. One temperature for all classes changes no ranking of a film's classes. 1.0 where
    no temperature does better; the nearest bound where the likelihood grows beyond it, as it
    does when every film is classified rightly. Raises ValueError.

    Guo, C., Pleiss, G., Sun, Y., Weinberger, K. Q. (2017). On calibration of modern neural
    networks. ICML 34.
    """
    from scipy.optimize import minimize_scalar

    z, classes = _logits(logits), np.asarray(labels)
    if classes.shape != z.shape[:1] or not np.issubdtype(classes.dtype, np.integer):
        raise ValueError(
            f"Expected integer labels of shape {z.shape[:1]}, "
            f"got {classes.dtype} of shape {classes.shape}."
        )
    if classes.min() < 0 or classes.max() >= z.shape[1]:
        raise ValueError(
            f"Expected labels within 0 and {z.shape[1] - 1}, "
            f"got {classes.min()} to {classes.max()}."
        )
    rows = np.arange(len(z))

    def loss(log_temperature: float) -> float:
        log_p = _log_probabilities(z, math.exp(log_temperature))
        return -float(log_p[rows, classes].mean())

    # The loss is convex in 1 / temperature, so in the logarithm it has one valley.
    bounds = (math.log(TEMPERATURES[0]), math.log(TEMPERATURES[1]))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    best = min((*bounds, float(found.x)), key=loss)
    return math.exp(best) if loss(best) < loss(0.0) - 1e-12 else 1.0


def _logits(logits: npt.ArrayLike) -> Floats:
    z = np.asarray(logits, dtype=np.float64)
    if z.ndim != 2 or z.shape[0] == 0 or z.shape[1] < 2:
        raise ValueError(
            f"Expected logits of shape (N, C) with N >= 1 and C >= 2, got shape {z.shape}."
        )
    finite(z, "logits")
    return z


def _log_probabilities(z: Floats, temperature: float) -> Floats:
    if not 0 < temperature < math.inf:
        raise ValueError(f"Expected a finite temperature above 0, got {temperature}.")
    # With the largest at zero, no exponential can overflow.
    scaled = (z - z.max(axis=1, keepdims=True)) / temperature
    log_p: Floats = scaled - np.log(np.exp(scaled).sum(axis=1, keepdims=True))
    return log_p


def grouped_bootstrap_calibration(  # noqa: PLR0913 - three of the six are options
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    *,
    seed: int,
    rounds: int = 2000,
    bins: int = 15,
) -> tuple[Estimate, Estimate]:
    """The Brier score, and the expected calibration error freed of chance, each at 95 %.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,); groups: patient keys
    (N,), or None for a patient a film. The Brier score's interval is the percentile one.

    The error as `ece` counts it is too large: of a perfectly calibrated model chance leaves gaps
    as well (Roelofs et al. 2022; Kumar et al. 2019), and more of them in each draw, so that the
    usual bootstrap intervals miss the truth. Here a true error of size s is judged by what would
    be counted if it were so: gaps of size s plus the chance of the draws. The answer is the s
    under which what was counted is the median, its ends those under which it is the 97.5th and the
    2.5th percentile (test inversion: Carpenter 1999); at s = 0 this is the consistency test of
    Bröcker and Smith (2007), and the low end is 0 where it is passed. How s is spread over the bins
    is not known: both as it was seen and as it was seen beyond its own standard error are tried,
    the value lies between the two answers and the interval holds both. Raises ValueError.

    Carpenter, J. (1999). Test inversion bootstrap confidence intervals. J R Stat Soc B 61, 159-172.
    Bröcker, J., Smith, L. A. (2007). Increasing the reliability of reliability diagrams. Weather
    and Forecasting 22, 651-661. Kumar, A., Liang, P., Ma, T. (2019). Verified uncertainty
    calibration. NeurIPS 32. Roelofs, R., Cain, N., Shlens, J., Mozer, M. C. (2022). Mitigating bias
    in calibration error estimation. AISTATS 25.
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    draws = Resampling(groups, p_positive.size, seed=seed, rounds=rounds)
    _, place = bin_places(p_positive, bins)
    # Both figures need sums only: they are made once a patient, and drawn patient by patient.
    cell = draws.member * bins + place
    shape = (draws.n_groups, bins)
    gaps = np.bincount(cell, weights=positive - p_positive, minlength=np.prod(shape)).reshape(shape)
    errors = np.bincount(draws.member, weights=(positive - p_positive) ** 2)
    films = np.bincount(draws.member)
    briers, resampled = [], []
    for times in draws.patients():
        n = times @ films
        briers.append(times @ errors / n)
        resampled.append(times @ gaps / n[:, np.newaxis])
    low, high = percentiles(np.concatenate(briers))
    score = Estimate(brier(positive, p_positive), float(low), float(high))
    return score, _freed_of_chance(gaps.sum(axis=0) / p_positive.size, np.concatenate(resampled))


def _freed_of_chance(gaps: Floats, resampled: Floats) -> Estimate:
    """The calibration error of gaps (B,), each weighted by its films, as (R, B) draws scatter."""
    chance = resampled - gaps
    spread = chance.std(axis=0)
    beyond = np.sign(gaps) * np.maximum(np.abs(gaps) - spread, 0)
    # Without a gap there is no direction but that of chance; without chance nothing is unsure.
    seen = gaps if gaps.any() else spread
    if not seen.any():
        return Estimate(0.0, 0.0, 0.0)
    ends = np.array(
        [
            [_size(gaps, chance, way, share) for share in (0.5, 0.975, 0.025)]
            for way in (seen, beyond if beyond.any() else seen)
        ]
    )
    value, low, high = ends.mean(axis=0)[0], ends.min(axis=0)[1], ends.max(axis=0)[2]
    return Estimate(float(value), float(low), float(high))


def _size(gaps: Floats, chance: Floats, way: Floats, share: float) -> float:
    """The error, spread over the bins as `way` is, of which no more than was counted is counted in
    a `share` of the draws; 0 where even no error gives more.
    """
    counted = np.abs(gaps).sum() + 1e-12
    unit = way / np.abs(way).sum()

    def enough(size: float) -> bool:
        return bool(np.mean(np.abs(size * unit + chance).sum(axis=1) <= counted) >= share)

    if not enough(0.0):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


@dataclass(frozen=True)
class BrierParts:
    """brier = reliability - resolution + uncertainty + within.

    reliability: how far probabilities lie from observed shares, bin by bin (0 is best);
    resolution: how far the bins' shares lie from the overall share (more is better);
    uncertainty: share · (1 - share) of the films, the same for every model;
    within: what the bins hide, 0 where all probabilities of a bin are equal.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float

    def to_dict(self) -> dict[str, float]:
        """The five by name."""
        return asdict(self)


def brier_parts(y: npt.ArrayLike, p: npt.ArrayLike, *, bins: int = 15) -> BrierParts:
    """The Brier score and its parts over bins of equal width.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,). Raises ValueError.

    Murphy, A. H. (1973). A new vector partition of the probability score. J Appl Meteorol 12,
    595-600. Stephenson, D. B., Coelho, C. A. S., Jolliffe, I. T. (2008). Two extra components in
    the Brier score decomposition. Weather and Forecasting 23, 752-757 (`within`).
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    _, place = bin_places(p_positive, bins)
    n = np.bincount(place, minlength=bins)
    filled = n > 0
    share = np.bincount(place, weights=positive, minlength=bins)[filled] / n[filled]
    mean_p = np.bincount(place, weights=p_positive, minlength=bins)[filled] / n[filled]
    weight, overall = n[filled] / n.sum(), float(positive.mean())
    brier = float(np.mean((p_positive - positive) ** 2))
    reliability = float(weight @ (mean_p - share) ** 2)
    resolution = float(weight @ (share - overall) ** 2)
    uncertainty = overall * (1 - overall)
    within = brier - (reliability - resolution + uncertainty)
    return BrierParts(brier, reliability, resolution, uncertainty, within)


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
