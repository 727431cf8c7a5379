"""Three answers instead of two: what is answered, how often that is wrong, what is referred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.checks import labels_and_scores
from pneumo_core.metrics.counts import Confusion
from pneumo_core.metrics.proportion import Estimate, proportion

if TYPE_CHECKING:
    import numpy.typing as npt


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
        return proportion(self.answered.fn, self._sick)

    @property
    def false_alarms(self) -> Estimate:
        """Share called pneumonia of all normal films."""
        return proportion(self.answered.fp, self._well)

    @property
    def referred_of_sick(self) -> Estimate:
        """Share referred of the pneumonia films."""
        return proportion(self.referred_sick, self._sick)

    @property
    def referred_of_well(self) -> Estimate:
        """Share referred of the normal films."""
        return proportion(self.referred_well, self._well)

    @property
    def _sick(self) -> int:
        return self.answered.tp + self.answered.fn + self.referred_sick

    @property
    def _well(self) -> int:
        return self.answered.tn + self.answered.fp + self.referred_well

    def as_dict(self) -> dict[str, Any]:
        """For JSON: counts, and estimates as {"value", "low", "high"}."""
        rates = (
            *("coverage", "error", "sensitivity", "specificity"),
            *("missed", "false_alarms", "referred_of_sick", "referred_of_well"),
        )
        return {
            "answered": self.answered.as_dict(),
            "referred_sick": self.referred_sick,
            "referred_well": self.referred_well,
            **{name: getattr(self, name).as_dict() for name in rates},
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
    sick = int(np.count_nonzero(referred & positive))
    return ThreeWay(answered, sick, int(np.count_nonzero(referred)) - sick)
