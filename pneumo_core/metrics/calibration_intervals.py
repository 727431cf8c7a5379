"""Intervals of the Brier score and the calibration error, by the patient-level bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.bootstrap import Resampling, percentiles
from pneumo_core.metrics.calibration import bin_places, brier
from pneumo_core.metrics.checks import labels_and_scores
from pneumo_core.metrics.proportion import Estimate

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Floats

_HALVINGS = 30  # of 0..1, until the answer is known to a thousand-millionth


def grouped_bootstrap_calibration(  # noqa: PLR0913 - three of the six are options
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    *,
    seed: int,
    rounds: int = 2000,
    bins: int = 15,
) -> tuple[Estimate, Estimate]:
    """The Brier score, and the expected calibration error freed of chance, each at 95 %.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,); groups: patient keys
    (N,), or None for a patient a film. The Brier score's interval is the percentile one.

    The error as `ece` counts it is too large: of a perfectly calibrated model chance leaves gaps
    as well (Roelofs et al. 2022; Kumar et al. 2019), and more of them in each draw, so that the
    usual bootstrap intervals miss the truth. Here a true error of size s is judged by what would
    be counted if it were so: gaps of size s plus the chance of the draws. The answer is the s
    under which what was counted is the median, its ends those under which it is the 97.5th and the
    2.5th percentile (test inversion: Carpenter 1999); at s = 0 this is the consistency test of
    Bröcker and Smith (2007), and the low end is 0 where it is passed. How s is spread over the bins
    is not known: both as it was seen and as it was seen beyond its own standard error are tried,
    the value lies between the two answers and the interval holds both. Raises ValueError.

    Carpenter, J. (1999). Test inversion bootstrap confidence intervals. J R Stat Soc B 61, 159-172.
    Bröcker, J., Smith, L. A. (2007). Increasing the reliability of reliability diagrams. Weather
    and Forecasting 22, 651-661. Kumar, A., Liang, P., Ma, T. (2019). Verified uncertainty
    calibration. NeurIPS 32. Roelofs, R., Cain, N., Shlens, J., Mozer, M. C. (2022). Mitigating bias
    in calibration error estimation. AISTATS 25.
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    draws = Resampling(groups, p_positive.size, seed=seed, rounds=rounds)
    _, place = bin_places(p_positive, bins)
    # Both figures need sums only: they are made once a patient, and drawn patient by patient.
    cell = draws.member * bins + place
    shape = (draws.n_groups, bins)
    gaps = np.bincount(cell, weights=positive - p_positive, minlength=np.prod(shape)).reshape(shape)
    errors = np.bincount(draws.member, weights=(positive - p_positive) ** 2)
    films = np.bincount(draws.member)
    briers, drawn = [], []
    for times in draws.patients():
        n = times @ films
        briers.append(times @ errors / n)
        drawn.append(times @ gaps / n[:, np.newaxis])
    low, high = percentiles(np.concatenate(briers))
    score = Estimate(brier(positive, p_positive), float(low), float(high))
    return score, _freed_of_chance(gaps.sum(axis=0) / p_positive.size, np.concatenate(drawn))


def _freed_of_chance(gaps: Floats, drawn: Floats) -> Estimate:
    """The calibration error of gaps (B,), each weighted by its films, as (R, B) draws scatter."""
    chance = drawn - gaps
    spread = chance.std(axis=0)
    beyond = np.sign(gaps) * np.maximum(np.abs(gaps) - spread, 0)
    # Without a gap there is no direction but that of chance; without chance nothing is unsure.
    seen = gaps if gaps.any() else spread
    if not seen.any():
        return Estimate(0.0, 0.0, 0.0)
    ends = np.array(
        [
            [_size(gaps, chance, way, share) for share in (0.5, 0.975, 0.025)]
            for way in (seen, beyond if beyond.any() else seen)
        ]
    )
    value, low, high = ends.mean(axis=0)[0], ends.min(axis=0)[1], ends.max(axis=0)[2]
    return Estimate(float(value), float(low), float(high))


def _size(gaps: Floats, chance: Floats, way: Floats, share: float) -> float:
    """The error, spread over the bins as `way` is, of which no more than was counted is counted in
    a `share` of the draws; 0 where even no error gives more.
    """
    counted = np.abs(gaps).sum() + 1e-12
    unit = way / np.abs(way).sum()

    def enough(size: float) -> bool:
        return bool(np.mean(np.abs(size * unit + chance).sum(axis=1) <= counted) >= share)

    if not enough(0.0):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low
