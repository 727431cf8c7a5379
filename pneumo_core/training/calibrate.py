"""From validation logits to calibrated probabilities, operating points and headline figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics
from pneumo_core.metrics.bootstrap import ROUNDS
from pneumo_core.metrics.intervals import measured_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The predictions for films without lungs are between the two points of this recipe's networks, as
# their training target is uniform over the classes: such films are referred.
SCREENING_SENSITIVITY = 0.99
RULING_IN_SPECIFICITY = 0.99


@dataclass(frozen=True)
class Calibration:
    """What turns a network's logits into decisions."""

    temperature: float
    screening: float
    balanced: float
    ruling_in: float


def pneumonia_probability(logits: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """P(pneumonia) = 1 − P(normal), float64 (N,), from logits (N, C) with normal first."""
    return 1.0 - metrics.probabilities(logits, temperature)[:, 0]


def prior_shift(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """What to add to every pneumonia logit so that, at some temperature, chances come true.

    Class weights and label smoothing move the network's odds away from those of the films; a
    temperature alone cannot move them back (Platt 1999, Probabilistic outputs for support vector
    machines, fits a slope and an offset for that reason). The shift is meant for the bias of the
    head, so that logits carry it wherever the network goes.
    """
    from scipy.optimize import minimize

    def loss(fit: NDArray[np.float64]) -> float:
        return _loss(logits, labels, temperature=float(np.exp(fit[0])), shift=float(fit[1]))

    found = minimize(loss, np.zeros(2), method="Nelder-Mead", bounds=[(-3, 3), (-20, 20)])
    return float(found.x[1])


def calibrate(logits: NDArray[Any], labels: NDArray[np.int64]) -> Calibration:
    """Fit on validation films: logits (N, C), labels int (N,) with 0 for normal.

    The temperature minimises the likelihood loss of pneumonia against normal, which is what
    decisions are made of (Guo et al. 2017, On calibration of modern neural networks). Screening
    keeps a sensitivity of at least 0.99, ruling in a specificity of at least 0.99; where a good
    network turns the two around, REFER is the gap between them all the same. Raises ValueError
    where a class is missing.
    """
    positive = labels > 0
    temperature = _temperature(logits, labels)
    p = pneumonia_probability(logits, temperature)
    ends = sorted(
        (
            metrics.threshold_at_sensitivity(positive, p, SCREENING_SENSITIVITY),
            metrics.threshold_at_specificity(positive, p, RULING_IN_SPECIFICITY),
        )
    )
    balanced = min(max(metrics.balanced_threshold(positive, p), ends[0]), ends[1])
    return Calibration(float(temperature), float(ends[0]), balanced, float(ends[1]))


def _temperature(logits: NDArray[Any], labels: NDArray[np.int64]) -> float:
    """Fitted to pneumonia against normal; `metrics.fit_temperature` fits all classes apart."""
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return _loss(logits, labels, temperature=float(np.exp(log_temperature)))

    return float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))


def _loss(
    logits: NDArray[Any], labels: NDArray[np.int64], *, temperature: float, shift: float = 0.0
) -> float:
    """Mean negative log likelihood of pneumonia against normal, as it is answered."""
    scaled = logits.astype(np.float64) / temperature
    scaled[:, 1:] += shift / temperature
    odds = np.logaddexp.reduce(scaled[:, 1:], axis=1) - scaled[:, 0]
    return float(np.logaddexp(0, np.where(labels > 0, -odds, odds)).mean())


@dataclass(frozen=True)
class PointRates:
    """Rates at `threshold`, each with Wilson's interval; UNKNOWN without such a film."""

    threshold: float
    sensitivity: metrics.Estimate
    specificity: metrics.Estimate
    accuracy: metrics.Estimate

    def to_dict(self) -> dict[str, Any]:
        """As a card holds an operating point."""
        names = ("sensitivity", "specificity", "accuracy")
        return {
            "threshold": self.threshold,
            **{name: getattr(self, name).to_dict() for name in names},
        }


def rates(positive: NDArray[Any], p: NDArray[Any], threshold: float) -> PointRates:
    """Sensitivity, specificity and accuracy where p >= threshold is called pneumonia."""
    c = metrics.confusion(positive, p, threshold)
    return PointRates(
        threshold,
        sensitivity=measured_share(c.tp, c.tp + c.fn),
        specificity=measured_share(c.tn, c.tn + c.fp),
        accuracy=measured_share(c.tp + c.tn, c.n),
    )


def headline(
    logits: NDArray[Any], labels: NDArray[np.int64], groups: NDArray[Any], fitted: Calibration
) -> dict[str, Any]:
    """The figures of a card; AUCs with patient-level bootstrap intervals, rates with Wilson's."""
    positive = labels > 0
    p = pneumonia_probability(logits, fitted.temperature)
    auc = metrics.grouped_bootstrap_auc(positive, p, groups, seed=0, rounds=ROUNDS)
    at = rates(positive, p, fitted.balanced)
    figures: dict[str, Any] = {
        "films": len(labels),
        "auc": auc.to_dict(),
        "accuracy": at.accuracy.to_dict(),
        "sensitivity": at.sensitivity.to_dict(),
        "specificity": at.specificity.to_dict(),
        "brier": metrics.brier(positive, p),
        "ece": metrics.ece(positive, p),
        "ece_before_calibration": metrics.ece(positive, pneumonia_probability(logits, 1.0)),
    }
    if logits.shape[1] == 3 and len(np.unique(labels[positive])) == 2:
        viral = labels[positive] == 2
        subtype_auc = metrics.grouped_bootstrap_auc(
            viral, (logits[:, 2] - logits[:, 1])[positive], groups[positive], seed=0, rounds=ROUNDS
        )
        figures["subtype_auc"] = subtype_auc.to_dict()
    return figures
