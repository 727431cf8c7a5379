"""The patient-level bootstrap: patients are drawn with replacement, each with all of its films.

Efron, B., Tibshirani, R. (1993). An introduction to the bootstrap, chapters 8 and 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pneumo_core.metrics.intervals import Estimate, measured_share
from pneumo_core.metrics.roc import Ranked, areas, auc
from pneumo_core.metrics.validation import labels_and_scores

if TYPE_CHECKING:
    from pneumo_core.metrics.validation import Bools, Floats

Ints = npt.NDArray[np.int64]
# From true and false positives (R, T) of R draws to (R,), or to (R, K) for a curve.
Statistic = Callable[[Ints, Ints], npt.NDArray[np.float64]]

# Draws for the AUC of a model wherever it is shown, its card included: with the same seed the same
# interval to the last digit.
ROUNDS = 1000
# Counts held at once: a draw's worth stays in the processor's cache.
_AT_ONCE = 400_000


class Resampling:
    """Draws of patients: how often each film counts in each of `rounds` draws.

    groups: patient keys (N,), of any type that sorts; None makes each film a patient of its own.
    The same seed gives the same draws. Raises ValueError where groups do not fit `n` films.
    """

    def __init__(self, groups: npt.ArrayLike | None, n: int, *, seed: int, rounds: int) -> None:
        keys = np.arange(n) if groups is None else np.asarray(groups)
        if keys.shape != (n,) or rounds < 1:
            raise ValueError(
                f"Expected groups of shape {(n,)} and at least 1 round, "
                f"got shape {keys.shape} and {rounds}."
            )
        unique, self.member = np.unique(keys, return_inverse=True)
        self.n_groups, self.n, self.seed, self.rounds = unique.size, n, seed, rounds

    def patients(self) -> Iterator[Ints]:
        """How often each patient is drawn, int (r, G) at a time, `rounds` rows together."""
        rng = np.random.default_rng(self.seed)
        step = max(1, _AT_ONCE // self.n)
        for start in range(0, self.rounds, step):
            rows = min(step, self.rounds - start)
            sampled = rng.integers(self.n_groups, size=(rows, self.n_groups))
            sampled += np.arange(rows)[:, np.newaxis] * self.n_groups
            counted = np.bincount(sampled.ravel(), minlength=rows * self.n_groups)
            yield counted.reshape(rows, self.n_groups)

    def films(self) -> Iterator[Ints]:
        """How often each film is drawn, int (r, N) at a time."""
        for times in self.patients():
            yield times[:, self.member]


def percentiles(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Both ends of the 95 % percentile interval over the draws in `values` (R, …): (2, …)."""
    found: npt.NDArray[np.float64] = np.quantile(values, (0.025, 0.975), axis=0)
    return found


def bootstrap(
    positive: Bools, scores: Floats, resampling: Resampling, statistics: dict[str, Statistic]
) -> dict[str, npt.NDArray[np.float64]]:
    """Each statistic in each draw that has both classes, (R', …).

    Raises ValueError where no draw has both.
    """
    ranked = Ranked(positive, scores)
    found: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in statistics}
    for times in resampling.films():
        tp, fp = ranked.counts(times)
        both = (tp[:, -1] > 0) & (fp[:, -1] > 0)
        if not both.all():
            tp, fp = tp[both], fp[both]
        for name, statistic in statistics.items():
            found[name].append(statistic(tp, fp))
    joined = {name: np.concatenate(parts) for name, parts in found.items()}
    if any(not len(values) for values in joined.values()):
        raise ValueError(
            f"Expected a draw with both classes, got none in {resampling.rounds} rounds."
        )
    return joined


def grouped_bootstrap_auc(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    *,
    seed: int,
    rounds: int = 2000,
) -> Estimate:
    """Area under the ROC curve with a patient-level bootstrap interval, each 0 … 1.

    y: 0 or 1 (N,), both present; p: finite scores (N,); groups: patient keys (N,), of any type
    that sorts, or None for a patient a film. The interval is the percentile one, at 95 %. A draw
    with one class only has no AUC and is left out. Perfect separation stays perfect in every
    draw: the interval is then a point, `auc_delong`'s is not. Raises ValueError.
    """
    labelled = labels_and_scores(y, p, both_classes=True)
    draws = Resampling(groups, labelled[1].size, seed=seed, rounds=rounds)
    low, high = percentiles(bootstrap(*labelled, draws, {"auc": areas})["auc"])
    return Estimate(auc(y, p), float(low), float(high))


def grouped_bootstrap_share(
    hits: npt.ArrayLike, among: npt.ArrayLike, groups: npt.ArrayLike, *, seed: int = 0
) -> Estimate:
    """The share of `hits` among the films of `among`, with a patient-level bootstrap interval.

    hits, among: bool (N,); groups: patients (N,). Where every draw gives the same share, as at 0
    and 1, the interval is Wilson's; UNKNOWN without a film. Raises ValueError.
    """
    counted = np.asarray(among, np.bool_)
    found = np.asarray(hits, np.bool_) & counted
    k, n = int(found.sum()), int(counted.sum())
    if not n or k in {0, n}:
        return measured_share(k, n)
    parts = []
    for times in Resampling(groups, counted.size, seed=seed, rounds=ROUNDS).films():
        whole = times @ counted
        parts.append((times @ found)[whole > 0] / whole[whole > 0])
    low, high = percentiles(np.concatenate(parts))
    return Estimate(k / n, min(float(low), k / n), max(float(high), k / n))
