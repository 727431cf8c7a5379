"""Threshold sweep: counts for every threshold precomputed, so that a slider only looks up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.clinical import (
    LikelihoodRatios,
    PerThousand,
    PredictiveValues,
    likelihood_ratios,
    per_thousand,
    predictive_values,
)
from pneumo_core.metrics.confusion import Confusion
from pneumo_core.metrics.roc import Ranked
from pneumo_core.metrics.validation import labels_and_scores

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.bootstrap import Ints
    from pneumo_core.metrics.intervals import Estimate


@dataclass(frozen=True)
class AtThreshold:
    """All that one threshold means, for the films and for `prevalence` (0 … 1).

    rates: sensitivity, specificity, accuracy, and PPV and NPV at the films' own prevalence, each
    with Wilson's interval; predictive and per_thousand: at `prevalence`.
    """

    threshold: float
    confusion: Confusion
    rates: dict[str, Estimate]
    prevalence: float
    ratios: LikelihoodRatios
    predictive: PredictiveValues
    per_thousand: PerThousand

    @property
    def sensitivity(self) -> Estimate:
        """Share of the pneumonia films that are called positive."""
        return self.rates["sensitivity"]

    @property
    def specificity(self) -> Estimate:
        """Share of the normal films that are called negative."""
        return self.rates["specificity"]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: estimates as {"value", "low", "high"}."""
        return {
            "threshold": self.threshold,
            "confusion": self.confusion.to_dict(),
            **{name: rate.to_dict() for name, rate in self.rates.items()},
            "prevalence": self.prevalence,
            "lr_positive": self.ratios.positive.to_dict(),
            "lr_negative": self.ratios.negative.to_dict(),
            "ppv_at_prevalence": self.predictive.ppv.to_dict(),
            "npv_at_prevalence": self.predictive.npv.to_dict(),
            "per_thousand": self.per_thousand.to_dict(),
        }


class ThresholdSweep:
    """Counts of every threshold over one set of films; a look-up takes microseconds.

    y: 0 or 1 (N,), one class alone is fine; p: finite scores (N,). Raises ValueError.

    thresholds: the distinct scores, falling, (T,); tp, fp: int (T,), counts at p >= threshold.
    """

    def __init__(self, y: npt.ArrayLike, p: npt.ArrayLike) -> None:
        positive, scores = labels_and_scores(y, p)
        ranked = Ranked(positive, scores)
        self.thresholds = ranked.thresholds
        self.tp, self.fp = ranked.counts()
        self._rising = self.thresholds[::-1]

    @property
    def n_positive(self) -> int:
        """Films with pneumonia."""
        return int(self.tp[-1])

    @property
    def n_negative(self) -> int:
        """Normal films."""
        return int(self.fp[-1])

    @property
    def prevalence(self) -> float:
        """Share of pneumonia among the films."""
        return self.n_positive / (self.n_positive + self.n_negative)

    def counts(self, thresholds: npt.ArrayLike) -> tuple[Ints, Ints]:
        """True and false positives at p >= each of the thresholds: int, in their shape.

        Raises ValueError for NaN.
        """
        asked = np.asarray(thresholds, np.float64)
        if np.isnan(asked).any():
            raise ValueError("Expected a threshold, got NaN.")
        called = self._rising.size - np.searchsorted(self._rising, asked, "left")
        return np.r_[0, self.tp][called], np.r_[0, self.fp][called]

    def confusion(self, threshold: float) -> Confusion:
        """Counts at p >= threshold, as `metrics.confusion`. Raises ValueError for NaN."""
        tp, fp = map(int, self.counts(threshold))
        return Confusion(tp=tp, fp=fp, tn=self.n_negative - fp, fn=self.n_positive - tp)

    def referred(self, threshold: float, low: float, high: float) -> Confusion:
        """Of the films in each cell at `threshold`, those that three answers would refer:
        low <= p < high. They add up to all that are referred, see `metrics.three_way`.

        Raises ValueError for NaN and for low > high.
        """
        if not low <= high:
            raise ValueError(f"Expected low <= high, got low={low} and high={high}.")
        # A threshold outside of the zone cuts it nowhere: all of it is called, or none.
        here, below, above = map(self.confusion, (min(max(threshold, low), high), low, high))
        return Confusion(
            tp=here.tp - above.tp,
            fp=here.fp - above.fp,
            tn=here.tn - below.tn,
            fn=here.fn - below.fn,
        )

    def at(self, threshold: float, prevalence: float | None = None) -> AtThreshold:
        """Counts, rates and what they mean at a prevalence: the films' own unless another is given.

        Raises ValueError for a NaN threshold or a prevalence outside 0 … 1.
        """
        counts = self.confusion(threshold)
        share = self.prevalence if prevalence is None else prevalence
        return AtThreshold(
            threshold=float(threshold),
            confusion=counts,
            rates=counts.rates(),
            prevalence=share,
            ratios=likelihood_ratios(counts),
            predictive=predictive_values(counts, share),
            per_thousand=per_thousand(counts, share),
        )
