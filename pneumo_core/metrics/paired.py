"""Two models, or several readers, on the same films: DeLong, McNemar, Holm, Fleiss' kappa."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.bootstrap import Resampling, bootstrap, percentiles
from pneumo_core.metrics.intervals import UNKNOWN, Estimate, wilson
from pneumo_core.metrics.roc import areas, auc, placements
from pneumo_core.metrics.validation import labels_and_scores, normal_quantile

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.validation import Bools


@dataclass(frozen=True)
class PairedAuc:
    """Two areas under the ROC curve; `difference` is the first minus the second.

    z, p: of the two-sided test that they are equal; NaN where DeLong's variance says nothing.
    """

    first: float
    second: float
    difference: Estimate
    z: float
    p: float


@dataclass(frozen=True)
class McNemar:
    """Films by whether each of two models is right; `difference` is of the shares right.

    p_exact: of the exact conditional test, p_mid: its mid-p version, both two-sided. The exact
    test is conservative; the mid-p is the one to read (Fagerland et al. 2013).
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    difference: Estimate
    p_exact: float
    p_mid: float

    @property
    def n(self) -> int:
        """All films."""
        return self.both + self.only_first + self.only_second + self.neither


def delong_paired(
    y: npt.ArrayLike, p_first: npt.ArrayLike, p_second: npt.ArrayLike, *, level: float = 0.95
) -> PairedAuc:
    """Difference of two correlated areas, with DeLong's interval and test.

    y: 0 or 1 (N,), both present; p_first, p_second: finite scores (N,) of the same films. Two
    models that rank alike differ by exactly 0, p = 1. Where the variance is zero otherwise, or
    undefined (one film of a class), nothing is known: the interval is -1 … 1, z and p are NaN.
    Films are taken as independent: with several a patient see `grouped_bootstrap_difference`.
    Raises ValueError.

    DeLong, DeLong, Clarke-Pearson (1988), Biometrics 44, 837-845.
    """
    positive, one = labels_and_scores(y, p_first, both_classes=True)
    other = labels_and_scores(y, p_second)[1]
    above = _difference(positive, one, other)
    value = float(above[0].mean())
    first, second = auc(y, one), auc(y, other)
    if not above[0].any() and not above[1].any():
        return PairedAuc(first, second, Estimate(0.0, 0.0, 0.0), 0.0, 1.0)
    variance = 0.0
    if min(above[0].size, above[1].size) > 1:
        variance = float(sum(part.var(ddof=1) / part.size for part in above))
    if variance < 1e-15:
        return PairedAuc(first, second, Estimate(value, -1.0, 1.0), math.nan, math.nan)
    z, half = value / math.sqrt(variance), normal_quantile(level) * math.sqrt(variance)
    ends = max(-1.0, value - half), min(1.0, value + half)
    return PairedAuc(first, second, Estimate(value, *ends), z, 2 * NormalDist().cdf(-abs(z)))


def grouped_bootstrap_difference(  # noqa: PLR0913 - two models, and how to draw
    y: npt.ArrayLike,
    p_first: npt.ArrayLike,
    p_second: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    *,
    seed: int,
    rounds: int = 2000,
) -> Estimate:
    """Difference of two areas with a patient-level percentile interval.

    As `grouped_bootstrap_auc`; both models see the same drawn patients. Raises ValueError.
    """
    positive, one = labels_and_scores(y, p_first, both_classes=True)
    other = labels_and_scores(y, p_second)[1]
    draws = Resampling(groups, one.size, seed=seed, rounds=rounds)
    # The same seed draws the same patients, and leaves out the same draws.
    found = [bootstrap(positive, p, draws, {"auc": areas})["auc"] for p in (one, other)]
    low, high = percentiles(found[0] - found[1])
    return Estimate(auc(y, one) - auc(y, other), float(low), float(high))


def mcnemar(right_first: npt.ArrayLike, right_second: npt.ArrayLike) -> McNemar:
    """Is one of two models right more often than the other, on the same films?

    right_first, right_second: bool (N,), N >= 1. Give those of the pneumonia films to compare
    sensitivities, those of the normal films to compare specificities. Where they never differ,
    both p are 1. Raises ValueError.

    McNemar, Q. (1947). Note on the sampling error of the difference between correlated
    proportions or percentages. Psychometrika 12, 153-157.
    Fagerland, M. W., Lydersen, S., Laake, P. (2013). The McNemar test for binary matched-pairs
    data: mid-p and asymptotic are better than exact conditional. BMC Med Res Methodol 13, 91.
    """
    first, second = np.asarray(right_first), np.asarray(right_second)
    if first.ndim != 1 or first.shape != second.shape or not first.size:
        raise ValueError(
            "Expected right_first and right_second of one shape (N,) with N >= 1, "
            f"got shapes {first.shape} and {second.shape}."
        )
    if first.dtype != np.bool_ or second.dtype != np.bool_:
        raise ValueError(f"Expected bool arrays, got {first.dtype} and {second.dtype}.")
    both, only_first = int((first & second).sum()), int((first & ~second).sum())
    only_second = int((~first & second).sum())
    neither = first.size - both - only_first - only_second
    exact, mid = _binomial_tails(min(only_first, only_second), only_first + only_second)
    difference = _newcombe(both, only_first, only_second, neither)
    return McNemar(both, only_first, only_second, neither, difference, exact, mid)


def _difference(
    positive: Bools, one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Differences of the placements, of the positives and of the negatives."""
    first, second = placements(positive, one), placements(positive, other)
    return first[0] - second[0], first[1] - second[1]


def _binomial_tails(k: int, n: int) -> tuple[float, float]:
    """Two-sided exact and mid-p values of k of n at one half, k the smaller side."""
    if n == 0:
        return 1.0, 1.0
    from scipy.stats import binom

    tail, point = float(binom.cdf(k, n, 0.5)), float(binom.pmf(k, n, 0.5))
    # With equal sides both tails share that one point, and half of it is left out.
    mid = 1 - point / 2 if 2 * k == n else 2 * tail - point
    return min(1.0, 2 * tail), min(1.0, mid)


def _newcombe(both: int, only_first: int, only_second: int, neither: int) -> Estimate:
    """Difference of two paired proportions, square-and-add of Wilson's intervals.

    Newcombe, R. G. (1998). Improved confidence intervals for the difference between binomial
    proportions based on paired data. Stat Med 17, 2635-2650, method 10.
    """
    n = both + only_first + only_second + neither
    k, m = both + only_first, both + only_second
    (low_k, high_k), (low_m, high_m) = wilson(k, n), wilson(m, n)
    p, q = k / n, m / n
    margins = math.sqrt(k * (n - k) * m * (n - m))
    product = float(both * neither - only_first * only_second)
    # A positive correlation is drawn towards zero: it would narrow the interval too much.
    if product > 0:
        product = max(0.0, product - n / 2)
    phi = product / margins if margins else 0.0

    def reach(a: float, b: float) -> float:
        return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))

    return Estimate(
        p - q, p - q - reach(p - low_k, high_m - q), p - q + reach(high_k - p, q - low_m)
    )


def holm(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P values adjusted by Holm's step-down method, in the order given, float64 (K,).

    p: 0 … 1 or NaN, (K,); a NaN (a test that says nothing) stays NaN and does not count. Raises
    ValueError.

    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand J Stat 6, 65-70.
    """
    values = np.asarray(p, np.float64)
    known = ~np.isnan(values)
    if values.ndim != 1 or not ((values[known] >= 0) & (values[known] <= 1)).all():
        raise ValueError("Expected p values (K,) within 0 and 1, or NaN.")
    order = np.argsort(values[known], kind="stable")
    falling = np.arange(order.size, 0, -1)
    steps = np.minimum(1.0, np.maximum.accumulate(values[known][order] * falling))
    adjusted = np.full(values.shape, np.nan)
    adjusted[np.flatnonzero(known)[order]] = steps
    return adjusted


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
