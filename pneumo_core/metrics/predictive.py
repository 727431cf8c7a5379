"""What a call means for one child: likelihood ratios, and PPV and NPV at any prevalence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.metrics.checks import normal_quantile
from pneumo_core.metrics.proportion import Estimate, wilson

if TYPE_CHECKING:
    from pneumo_core.metrics.counts import Confusion

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
    """Of 1,000 children: `found` and `missed` with pneumonia, `false_alarms` and `spared` without.

    The intervals are those of sensitivity and specificity; the prevalence is taken as given.
    """

    found: Estimate
    missed: Estimate
    false_alarms: Estimate
    spared: Estimate

    def as_dict(self) -> dict[str, dict[str, float]]:
        """For JSON: estimates as {"value", "low", "high"}."""
        return {name: getattr(self, name).as_dict() for name in self.__dataclass_fields__}


def likelihood_ratios(counts: Confusion, *, level: float = 0.95) -> LikelihoodRatios:
    """LR+ = sensitivity / (1 - specificity) and LR- = (1 - sensitivity) / specificity.

    The interval is symmetric in the logarithm. Where a count it divides by is zero, half a film
    is added to each of the four for the interval only, and the bound on the side of an LR of 0 or
    infinity is that 0 or infinity. With one class only, or 0 / 0, nothing is known: (NaN, 0, inf).

    Simel, D. L., Samsa, G. P., Matchar, D. B. (1991). Likelihood ratios with confidence: sample
    size estimation for diagnostic test studies. J Clin Epidemiol 44, 763-770.
    """
    c = counts
    sick, well = c.tp + c.fn, c.fp + c.tn
    return LikelihoodRatios(
        positive=_ratio(c.tp, sick, c.fp, well, level),
        negative=_ratio(c.fn, sick, c.tn, well, level),
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
    """What the calls come to among 1,000 children of whom `prevalence` (0 … 1) have pneumonia.

    Raises ValueError.
    """
    _check(prevalence)
    sick, well = counts.tp + counts.fn, counts.fp + counts.tn

    def of(children: float, k: int, n: int) -> Estimate:
        # None of a kind among the 1,000 is known, whatever the rate.
        value = children * k / n if n else (0.0 if children == 0 else math.nan)
        return Estimate(value, *(children * end for end in wilson(k, n, level=level)))

    ill, fit = 1000 * prevalence, 1000 * (1 - prevalence)
    return PerThousand(
        found=of(ill, counts.tp, sick),
        missed=of(ill, counts.fn, sick),
        false_alarms=of(fit, counts.fp, well),
        spared=of(fit, counts.tn, well),
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
