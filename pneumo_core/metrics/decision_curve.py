"""Is calling with this model better than calling all films, or none? Net benefit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores, normal_quantile
from pneumo_core.metrics.ranked import Ranked

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Floats


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold probability, all (K,); 0 is that of calling no film.

    A threshold of 0.2 says that a missed pneumonia is as bad as four false alarms. The unit is
    true positives a film: 0.1 is worth 10 children with pneumonia found among 100, with no false
    alarm. low, high: 95 % interval of `model`; call_all: net benefit of calling every film.
    """

    thresholds: Floats
    model: Floats
    low: Floats
    high: Floats
    call_all: Floats
    prevalence: float


def decision_curve(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    thresholds: npt.ArrayLike | None = None,
    prevalence: float | None = None,
) -> DecisionCurve:
    """Net benefit of calling at p >= threshold, for thresholds 0.01 … 0.99 unless others are given.

    Net benefit = sensitivity · prevalence - (1 - specificity) · (1 - prevalence) · t / (1 - t).

    y: 0 or 1 (N,), both present; p: calibrated P(pneumonia), 0 … 1, (N,); thresholds: from 0 to
    below 1, (K,); prevalence: 0 … 1, the films' own by default. The interval takes films as
    independent and the prevalence as given. Raises ValueError.

    Vickers, A. J., Elkin, E. B. (2006). Decision curve analysis: a novel method for evaluating
    prediction models. Med Decis Making 26, 565-574.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True, probability=True)
    at = np.linspace(0.01, 0.99, 99) if thresholds is None else np.asarray(thresholds, np.float64)
    if at.ndim != 1 or not ((at >= 0) & (at < 1)).all():
        raise ValueError("Expected thresholds (K,) from 0 to below 1.")
    share = float(positive.mean()) if prevalence is None else prevalence
    if not 0 <= share <= 1:
        raise ValueError(f"Expected a prevalence within 0 and 1, got {share}.")
    hits, alarms, n_sick, n_well = _rates(Ranked(positive, scores), at)
    weight = (1 - share) * at / (1 - at)
    model = share * hits - weight * alarms
    spread = share**2 * hits * (1 - hits) / n_sick + weight**2 * alarms * (1 - alarms) / n_well
    half = normal_quantile(0.95) * np.sqrt(spread)
    return DecisionCurve(at, model, model - half, model + half, share - weight, share)


def _rates(ranked: Ranked, at: Floats) -> tuple[Floats, Floats, int, int]:
    """Sensitivity and false positive rate at each threshold, and the size of each class."""
    tp, fp = ranked.counts()
    called = ranked.thresholds.size - ranked.thresholds[::-1].searchsorted(at, side="left")
    hits, alarms = np.append(0, tp)[called], np.append(0, fp)[called]
    return hits / tp[-1], alarms / fp[-1], int(tp[-1]), int(fp[-1])
