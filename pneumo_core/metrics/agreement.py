"""Agreement of readers beyond chance: Fleiss' kappa, for any number of readers an image."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.intervals import UNKNOWN, Estimate
from pneumo_core.metrics.validation import normal_quantile

if TYPE_CHECKING:
    import numpy.typing as npt


def fleiss_kappa(counts: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """Kappa of `counts`, int (images, classes): how many readers gave image i the class j.

    Images with fewer than two readers say nothing and are passed over. Interval: jackknife over
    images. UNKNOWN where all readings are of one class, or would be without any one image.

    Fleiss, J. L. (1971). Psychological Bulletin 76, 378–382; with unequal numbers of readers, the
    agreement of an image is that of its pairs of readers.
    """
    given = np.asarray(counts, dtype=np.float64)
    given = given[given.sum(axis=1) >= 2]
    n = len(given)
    readers = given.sum(axis=1)
    if n < 2 or np.count_nonzero(given.sum(axis=0)) < 2:
        return UNKNOWN
    agreement = ((given**2).sum(axis=1) - readers) / (readers * (readers - 1))

    def kappa(
        observed: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        chance = (shares**2).sum(axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((observed - chance) / (1 - chance), dtype=np.float64)

    total = given.sum(axis=0)
    value = float(kappa(np.asarray(agreement.mean()), total / total.sum()))
    without = (total - given) / (total.sum() - readers)[:, np.newaxis]
    left = kappa((agreement.sum() - agreement) / (n - 1), without)
    left = left[np.isfinite(left)]
    if not len(left):
        return UNKNOWN
    spread = math.sqrt((n - 1) / n * float(((left - left.mean()) ** 2).sum()))
    reach = normal_quantile(level) * spread
    return Estimate(value, max(-1.0, value - reach), min(1.0, value + reach))
