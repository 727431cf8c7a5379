"""Clinical consequences of a threshold: likelihood ratios, predictive values at any prevalence,
counts per 1,000 patients, three-way answers, and net benefit (decision curve).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.confusion import Confusion
from pneumo_core.metrics.intervals import Estimate, proportion, wilson, wilson_bounds
from pneumo_core.metrics.roc import Ranked
from pneumo_core.metrics.validation import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.validation import Floats


NOTHING_KNOWN = Estimate(math.nan, 0.0, math.inf)


@dataclass(frozen=True)
class LikelihoodRatios:
    """How many times a positive and a negative call multiply the odds of pneumonia."""

    positive: Estimate
    negative: Estimate


@dataclass(frozen=True)
class PredictiveValues:
    """Chance that a called film shows pneumonia (ppv), that one not called does not (npv)."""

    ppv: Estimate
    npv: Estimate


@dataclass(frozen=True)
class PerThousand:
    """Of 1,000 patients: `found` and `missed` with pneumonia, `false_alarms` and `spared` without.

    The intervals are those of sensitivity and specificity; the prevalence is taken as given.
    """

    found: Estimate
    missed: Estimate
    false_alarms: Estimate
    spared: Estimate

    def to_dict(self) -> dict[str, dict[str, float]]:
        """For JSON: estimates as {"value", "low", "high"}."""
        return {name: getattr(self, name).to_dict() for name in self.__dataclass_fields__}


def likelihood_ratios(counts: Confusion, *, level: float = 0.95) -> LikelihoodRatios:
    """LR+ = sensitivity / (1 - specificity) and LR- = (1 - sensitivity) / specificity.

    The interval is symmetric in the logarithm. Where a count it divides by is zero, half a film
    is added to each of the four for the interval only, and the bound on the side of an LR of 0 or
    infinity is that 0 or infinity. With one class only, or 0 / 0, nothing is known: (NaN, 0, inf).

    Simel, D. L., Samsa, G. P., Matchar, D. B. (1991). Likelihood ratios with confidence: sample
    size estimation for diagnostic test studies. J Clin Epidemiol 44, 763-770.
    """
    c = counts
    positives, negatives = c.tp + c.fn, c.fp + c.tn
    return LikelihoodRatios(
        positive=_ratio(c.tp, positives, c.fp, negatives, level),
        negative=_ratio(c.fn, positives, c.tn, negatives, level),
    )


def predictive_values(
    counts: Confusion, prevalence: float, *, level: float = 0.95
) -> PredictiveValues:
    """PPV and NPV at `prevalence` (0 … 1) by Bayes, from the films' sensitivity and specificity.

    The interval is that of the likelihood ratio put through Bayes' rule, which is Mercaldo's logit
    interval. At prevalence 0 and 1 the values are known without any film. Raises ValueError.

    Mercaldo, N. D., Lau, K. F., Zhou, X. H. (2007). Confidence intervals for predictive values
    with an emphasis to case-control studies. Stat Med 26, 2170-2183.
    """
    _check(prevalence)
    ratios = likelihood_ratios(counts, level=level)
    ppv = Estimate(*(_posterior(prevalence, ratio) for ratio in ratios.positive))
    value, low, high = (1 - _posterior(prevalence, ratio) for ratio in ratios.negative)
    return PredictiveValues(ppv, Estimate(value, high, low))


def per_thousand(counts: Confusion, prevalence: float, *, level: float = 0.95) -> PerThousand:
    """What the calls come to among 1,000 patients of whom `prevalence` (0 … 1) have pneumonia.

    Raises ValueError.
    """
    _check(prevalence)
    positives, negatives = counts.tp + counts.fn, counts.fp + counts.tn

    def of(patients: float, k: int, n: int) -> Estimate:
        # None of a kind among the 1,000 is known, whatever the rate.
        value = patients * k / n if n else (0.0 if patients == 0 else math.nan)
        return Estimate(value, *(patients * end for end in wilson(k, n, level=level)))

    ill, fit = 1000 * prevalence, 1000 * (1 - prevalence)
    return PerThousand(
        found=of(ill, counts.tp, positives),
        missed=of(ill, counts.fn, positives),
        false_alarms=of(fit, counts.fp, negatives),
        spared=of(fit, counts.tn, negatives),
    )


def _ratio(a: int, n: int, b: int, m: int, level: float) -> Estimate:
    """The ratio (a / n) / (b / m) of two shares, with its interval."""
    z = normal_quantile(level)
    if not n or not m or (a == 0 and b == 0):
        return NOTHING_KNOWN
    value = (a / n) / (b / m) if b else math.inf
    extra = 0.0 if a and b else 0.5
    a_, n_, b_, m_ = a + extra, n + 2 * extra, b + extra, m + 2 * extra
    half = z * math.sqrt(1 / a_ - 1 / n_ + 1 / b_ - 1 / m_)
    centre = math.log((a_ / n_) / (b_ / m_))
    return Estimate(
        value,
        0.0 if a == 0 else math.exp(centre - half),
        math.inf if b == 0 else math.exp(centre + half),
    )


def _posterior(prevalence: float, ratio: float) -> float:
    """P(pneumonia) after a call with this likelihood ratio."""
    if prevalence in (0, 1):
        return float(prevalence)
    if math.isinf(ratio):
        return 1.0
    odds = prevalence / (1 - prevalence) * ratio
    return odds / (1 + odds)


def _check(prevalence: float) -> None:
    if not 0 <= prevalence <= 1:
        raise ValueError(f"Expected a prevalence within 0 and 1, got {prevalence}.")


@dataclass(frozen=True)
class ThreeWay:
    """Films by truth and by one of three answers: normal, pneumonia, refer.

    answered: the films that get one of the first two; referred_sick, referred_well: the others.
    Every rate comes with Wilson's interval; a share of nothing is NaN with 0 … 1.
    """

    answered: Confusion
    referred_sick: int
    referred_well: int

    @property
    def n(self) -> int:
        """All films."""
        return self.answered.n + self.referred_sick + self.referred_well

    @property
    def coverage(self) -> Estimate:
        """Share of all films that get an answer."""
        return proportion(self.answered.n, self.n)

    @property
    def error(self) -> Estimate:
        """Share of the answers that are wrong."""
        return proportion(self.answered.fp + self.answered.fn, self.answered.n)

    @property
    def sensitivity(self) -> Estimate:
        """Share called pneumonia of the answered pneumonia films."""
        return proportion(self.answered.tp, self.answered.tp + self.answered.fn)

    @property
    def specificity(self) -> Estimate:
        """Share called normal of the answered normal films."""
        return proportion(self.answered.tn, self.answered.tn + self.answered.fp)

    @property
    def missed(self) -> Estimate:
        """Share called normal of all pneumonia films: neither found nor referred."""
        return proportion(self.answered.fn, self._n_positive)

    @property
    def false_alarms(self) -> Estimate:
        """Share called pneumonia of all normal films."""
        return proportion(self.answered.fp, self._n_negative)

    @property
    def referred_of_sick(self) -> Estimate:
        """Share referred of the pneumonia films."""
        return proportion(self.referred_sick, self._n_positive)

    @property
    def referred_of_well(self) -> Estimate:
        """Share referred of the normal films."""
        return proportion(self.referred_well, self._n_negative)

    @property
    def _n_positive(self) -> int:
        return self.answered.tp + self.answered.fn + self.referred_sick

    @property
    def _n_negative(self) -> int:
        return self.answered.tn + self.answered.fp + self.referred_well

    def to_dict(self) -> dict[str, Any]:
        """For JSON: counts, and estimates as {"value", "low", "high"}."""
        rates = (
            *("coverage", "error", "sensitivity", "specificity"),
            *("missed", "false_alarms", "referred_of_sick", "referred_of_well"),
        )
        return {
            "answered": self.answered.to_dict(),
            "referred_sick": self.referred_sick,
            "referred_well": self.referred_well,
            **{name: getattr(self, name).to_dict() for name in rates},
        }


def three_way(y: npt.ArrayLike, p: npt.ArrayLike, low: float, high: float) -> ThreeWay:
    """Answer normal below `low`, pneumonia from `high`, refer what lies between.

    y: 0 or 1 (N,), one class alone is fine; p: finite scores (N,); low <= high: with both alike
    nothing is referred. Raises ValueError.

    Chow, C. K. (1970). On optimum recognition error and reject tradeoff. IEEE Trans Inf Theory
    16, 41-46 (the two rates that such a rule trades).
    """
    positive, scores = labels_and_scores(y, p)
    if not low <= high:
        raise ValueError(f"Expected low <= high, got low={low} and high={high}.")
    called, spared = scores >= high, scores < low
    answered = Confusion(
        tp=int(np.count_nonzero(called & positive)),
        fp=int(np.count_nonzero(called & ~positive)),
        tn=int(np.count_nonzero(spared & ~positive)),
        fn=int(np.count_nonzero(spared & positive)),
    )
    referred = ~called & ~spared
    n_referred_positive = int(np.count_nonzero(referred & positive))
    return ThreeWay(
        answered, n_referred_positive, int(np.count_nonzero(referred)) - n_referred_positive
    )


@dataclass(frozen=True)
class CoverageRisk:
    """What remains if the least certain films are referred.

    coverage: share of films answered, rising to 1, (N,); risk: share of these that are wrong; low,
    high: its 95 % interval by Wilson.
    """

    coverage: Floats
    risk: Floats
    low: Floats
    high: Floats

    def at(self, coverage: float) -> Estimate:
        """The risk where at most this share, above 0 to 1, is answered."""
        place = max(0, int(np.searchsorted(self.coverage, coverage + 1e-9)) - 1)
        return Estimate(*(float(line[place]) for line in (self.risk, self.low, self.high)))


def coverage_risk(y: npt.ArrayLike, p: npt.ArrayLike, threshold: float) -> CoverageRisk:
    """The coverage-risk curve of calling pneumonia at p >= threshold.

    y: 0 or 1 (N,); p: P(pneumonia) (N,); threshold: 0..1. Certainty is the distance of the log odds
    from those of the threshold. Raises ValueError.

    El-Yaniv, R., Wiener, Y. (2010). On the foundations of noise-free selective classification.
    JMLR 11, 1605-1641.
    """
    positive, scores = labels_and_scores(y, p, probability=True)
    inside = np.clip(np.r_[scores, threshold], 1e-12, 1 - 1e-12)
    odds = np.log(inside / (1 - inside))
    order = np.argsort(-np.abs(odds[:-1] - odds[-1]), kind="stable")
    wrong = np.cumsum(((scores >= threshold) != positive)[order])
    answered = np.arange(1, scores.size + 1)
    low, high = wilson_bounds(wrong, answered)
    return CoverageRisk(answered / scores.size, wrong / answered, low, high)


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit at each threshold probability, all (K,); 0 is that of calling no film.

    A threshold of 0.2 says that a missed pneumonia is as bad as four false alarms. The unit is
    true positives a film: 0.1 is worth 10 patients with pneumonia found among 100, with no false
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
    hits, alarms, n_positive, n_negative = _rates(Ranked(positive, scores), at)
    weight = (1 - share) * at / (1 - at)
    model = share * hits - weight * alarms
    spread = (
        share**2 * hits * (1 - hits) / n_positive + weight**2 * alarms * (1 - alarms) / n_negative
    )
    half = normal_quantile(0.95) * np.sqrt(spread)
    return DecisionCurve(at, model, model - half, model + half, share - weight, share)


def _rates(ranked: Ranked, at: Floats) -> tuple[Floats, Floats, int, int]:
    """Sensitivity and false positive rate at each threshold, and the size of each class."""
    tp, fp = ranked.counts()
    called = ranked.thresholds.size - ranked.thresholds[::-1].searchsorted(at, side="left")
    hits, alarms = np.append(0, tp)[called], np.append(0, fp)[called]
    return hits / tp[-1], alarms / fp[-1], int(tp[-1]), int(fp[-1])
