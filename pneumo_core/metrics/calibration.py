"""Whether a probability means what it says, and the temperature that makes it so."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pneumo_core.metrics.checks import finite, labels_and_scores
from pneumo_core.metrics.proportion import wilson_bounds

if TYPE_CHECKING:
    from pneumo_core.metrics.checks import Floats

TEMPERATURES = (0.05, 20.0)


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
