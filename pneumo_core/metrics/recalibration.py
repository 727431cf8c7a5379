"""Recalibration: fit P(pneumonia) to films of another hospital; the network stays as it is.

A network that ranks films well may still be too sure, or carry the prevalence of another hospital.
A rising map of its log odds mends that and changes no ranking. Without labels only the prevalence
can be estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.metrics.calibration import fit_temperature
from pneumo_core.metrics.intervals import Estimate
from pneumo_core.metrics.validation import labels_and_scores

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools, Floats

Method = Literal["temperature", "temperature and bias", "isotonic"]
FOLDS = 5
_EDGE = 1e-12  # P(pneumonia) is kept this far from 0 and 1
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Recalibration:
    """A rising map of P(pneumonia): sigmoid(log odds / temperature + bias), or through `knots`.

    temperature: above 1 where the network is too sure; bias: in log odds; knots: (log odds, P) of
    an isotonic fit, both rising, between which P is interpolated, () for the other methods.
    """

    method: Method
    temperature: float = 1.0
    bias: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def __call__(self, p: npt.ArrayLike) -> Floats:
        """P(pneumonia) 0..1 of the network, (N,), as fitted: float64 (N,)."""
        odds = log_odds(p)
        if self.knots:
            at, value = np.array(self.knots).T
            return np.asarray(np.interp(odds, at, value), np.float64)
        return sigmoids(odds / self.temperature + self.bias)

    def log_odds_around(self, p: float) -> tuple[float, float]:
        """Log odds of the network up to which P(pneumonia) is below `p`, and from which it is not;
        of an isotonic fit the knots on both sides of it.
        """
        if not self.knots:
            odds = (float(log_odds(p)) - self.bias) * self.temperature
            return odds, odds
        below = [at for at, value in self.knots if value < p]
        return max(below, default=-np.inf), min(
            (at for at, value in self.knots if value >= p), default=np.inf
        )

    def of_classes(self, chances: Floats) -> Floats:
        """Probabilities of all classes (N, C), normal first: pneumonia's classes keep their shares.

        Each row adds up to 1.
        """
        before, after = 1.0 - chances[:, :1], self(1.0 - chances[:, 0])[:, np.newaxis]
        shares = np.divide(
            chances[:, 1:],
            before,
            out=np.full_like(chances[:, 1:], 1 / (chances.shape[1] - 1)),
            where=before > 0,
        )
        return np.hstack([1.0 - after, shares * after])

    def to_dict(self) -> dict[str, Any]:
        """As a card holds it."""
        found: dict[str, Any] = {"method": self.method}
        if self.knots:
            return found | {"knots": [list(knot) for knot in self.knots]}
        return found | {"temperature": self.temperature, "bias": self.bias}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Recalibration:
        """The reverse of `to_dict`."""
        return cls(
            method=found["method"],
            temperature=float(found.get("temperature", 1.0)),
            bias=float(found.get("bias", 0.0)),
            knots=tuple((float(at), float(p)) for at, p in found.get("knots", ())),
        )

    @property
    def words(self) -> str:
        """The map in words: "temperature 1.84 and bias −1.20"."""
        if self.method == "isotonic":
            return f"isotonic regression with {len(self.knots)} knots"
        temperature = f"temperature {self.temperature:.2f}"
        if self.method == "temperature":
            return temperature
        return f"{temperature} and bias {self.bias:+.2f}".replace("-", "−")


def log_odds(p: npt.ArrayLike) -> Floats:
    """log(p / (1 - p)) of probabilities (N,), kept finite at 0 and 1."""
    inside = np.clip(np.asarray(p, np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def sigmoids(odds: Floats) -> Floats:
    """1 / (1 + exp(-odds)), element by element, without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -odds)))


def fit_recalibration(y: npt.ArrayLike, p: npt.ArrayLike, method: Method) -> Recalibration:
    """The map of this method that fits the labels best.

    y: 0 or 1 (N,), both present; p: P(pneumonia) of the network (N,). Labels are softened as by
    Platt, so that films that are separated without error do not make the map a step. Raises
    ValueError.

    Platt, J. (1999). Probabilistic outputs for support vector machines. Guo, C. et al. (2017). On
    calibration of modern neural networks. ICML 34. Zadrozny, B., Elkan, C. (2002). Transforming
    classifier scores into accurate multiclass probability estimates. KDD.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True, probability=True)
    odds = log_odds(scores)
    if method == "isotonic":
        return Recalibration(method, knots=_isotonic(odds, positive))
    n_positive = int(positive.sum())
    n_normal = positive.size - n_positive
    target = np.where(positive, (n_positive + 1) / (n_positive + 2), 1 / (n_normal + 2))
    free = method == "temperature and bias"
    slope, bias = _logistic(odds, target, with_bias=free)
    return Recalibration(method, temperature=1 / slope, bias=bias)


def best_temperature(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """The temperature of P(pneumonia) against P(normal) that makes these labels likeliest.

    y: 0 or 1 (N,); p: (N,). 1 is ideal, above 1 the model is too sure. Raises ValueError.
    """
    odds = log_odds(p)
    logits = np.stack([np.zeros_like(odds), odds], axis=1)
    return fit_temperature(logits, np.asarray(y).astype(np.int64))


def choose_method(
    y: npt.ArrayLike, p: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0
) -> Method:
    """Temperature and bias, unless cross-validation by patient clearly prefers isotonic regression.

    Clearly: its mean log loss is lower by more than one standard error of the difference, which is
    taken over patients. y, p as of `fit_recalibration`; groups: patients (N,). Raises ValueError.
    """
    positive, scores = labels_and_scores(y, p, both_classes=True, probability=True)
    keys = np.asarray(groups)
    losses = {}
    for method in ("temperature and bias", "isotonic"):
        fitted = np.empty(positive.size)
        for train, test in patient_folds(positive, keys, seed=seed):
            fitted[test] = fit_recalibration(positive[train], scores[train], method)(scores[test])
        inside = np.clip(fitted, 1e-3, 1 - 1e-3)  # one film is not worth more than seven nats
        losses[method] = -np.log(np.where(positive, inside, 1 - inside))
    gain = losses["temperature and bias"] - losses["isotonic"]
    of_patients = np.bincount(np.unique(keys, return_inverse=True)[1], weights=gain)
    error = of_patients.std(ddof=1) * np.sqrt(of_patients.size) / gain.size
    return "isotonic" if gain.mean() > error else "temperature and bias"


def patient_folds(
    positive: Bools, groups: npt.NDArray[Any], *, folds: int = FOLDS, seed: int = 0
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rows to fit on and rows to measure on, no patient in both, classes spread evenly.

    Raises ValueError where a class has fewer patients than folds.
    """
    import warnings

    from sklearn.model_selection import StratifiedGroupKFold

    fewest = min(len(set(groups[positive == one])) for one in (False, True))
    if fewest < folds:
        raise ValueError(f"Expected at least {folds} patients of each class, got {fewest}.")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a patient with many films may upset the balance
        found = list(splitter.split(positive, positive, groups))
    if any(len(set(positive[train])) < 2 for train, _ in found):
        raise ValueError("Expected folds with both classes; one patient holds most of a class.")
    return found


@dataclass(frozen=True)
class EstimatedPrevalence:
    """Prevalence of pneumonia among films without labels.

    estimate: with the interval over drawn films; assumed: the prevalence for which P(pneumonia) was
    calibrated.
    """

    estimate: Estimate
    assumed: float


def prevalence_by_em(p: npt.ArrayLike, assumed: float) -> EstimatedPrevalence:
    """The prevalence among unlabelled films by expectation maximisation.

    p: P(pneumonia) (N,), calibrated at the prevalence `assumed`, above 0 and below 1. Only the mix
    of sick and well may differ from the films of the calibration: if the films themselves look
    different (another device, other ages), the estimate is wrong, and nothing in it shows that.
    Raises ValueError.

    Saerens, M., Latinne, P., Decaestecker, C. (2002). Adjusting the outputs of a classifier to new
    a priori probabilities. Neural Computation 14, 21-41.
    """
    scores = np.asarray(p, np.float64)
    if scores.ndim != 1 or not scores.size or not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError("Expected P(pneumonia) (N,) within 0 and 1, N >= 1.")
    if not 0 < assumed < 1:
        raise ValueError(f"Expected a prevalence above 0 and below 1, got {assumed}.")
    likelihood = np.exp(np.clip(log_odds(scores), -30, 30)) * (1 - assumed) / assumed
    drawn = np.random.default_rng(0).integers(scores.size, size=(500, scores.size))
    value = _em(likelihood[np.newaxis])[0]
    low, high = np.quantile(_em(likelihood[drawn]), (0.025, 0.975))
    return EstimatedPrevalence(
        Estimate(float(value), float(min(low, value)), float(max(high, value))), assumed
    )


def _em(likelihood: Floats) -> Floats:
    """The share that explains the likelihood ratios (R, N) best, for each of R draws."""
    share = np.full(len(likelihood), 0.5)
    for _ in range(200):
        odds = likelihood * (share / (1 - share))[:, np.newaxis]
        new = np.clip((odds / (1 + odds)).mean(axis=1), 1e-6, 1 - 1e-6)
        if np.abs(new - share).max() < 1e-6:
            break
        share = new
    return np.asarray(share)


def _logistic(odds: Floats, target: Floats, *, with_bias: bool) -> tuple[float, float]:
    """Slope and bias of the likeliest sigmoid(slope · odds + bias); the slope stays positive."""
    from scipy.optimize import minimize

    def loss(fit: Floats) -> tuple[float, Floats]:
        slope = np.exp(fit[0])
        z = slope * odds + (fit[1] if with_bias else 0.0)
        pull = (sigmoids(z) - target) / z.size
        value = float((np.logaddexp(0.0, z) - target * z).mean())
        return value, np.array([slope * (pull @ odds), pull.sum() if with_bias else 0.0])

    low, high = (-np.log(one) for one in reversed(_TEMPERATURES))
    bounds = [(low, high), (-30.0, 30.0)]
    run: Callable[..., Any] = minimize
    found = run(loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=bounds).x
    return float(np.exp(found[0])), float(found[1])


def _isotonic(odds: Floats, positive: Bools) -> tuple[tuple[float, float], ...]:
    from sklearn.isotonic import IsotonicRegression

    edge = 1 / (positive.size + 2)
    fitted = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip")
    fitted.fit(odds, positive.astype(np.float64))
    return tuple(
        (float(at), float(p))
        for at, p in zip(fitted.X_thresholds_, fitted.y_thresholds_, strict=True)
    )
