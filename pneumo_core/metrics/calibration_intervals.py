"""Intervals of the Brier score and the calibration error, by the patient-level bootstrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.metrics.bootstrap import Resampling, percentiles
from pneumo_core.metrics.calibration import bin_places, brier, ece
from pneumo_core.metrics.checks import labels_and_scores
from pneumo_core.metrics.proportion import Estimate

if TYPE_CHECKING:
    import numpy.typing as npt


def grouped_bootstrap_calibration(  # noqa: PLR0913 - three of the six are options
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    groups: npt.ArrayLike | None,
    *,
    seed: int,
    rounds: int = 2000,
    bins: int = 15,
) -> tuple[Estimate, Estimate]:
    """The Brier score and the expected calibration error, each with its 95 % interval.

    y: 0 or 1 (N,), one class alone is fine; p: P(pneumonia), 0 … 1, (N,); groups: patient keys
    (N,), or None for a patient a film. The Brier score's interval is the percentile one. A drawn
    calibration error is larger than the true one on average, by about as much as the one of the
    films: its interval is the draws' reflected at the films' value, and cut at 0. Raises
    ValueError.

    Davison, A. C., Hinkley, D. V. (1997). Bootstrap methods and their application, section 5.2
    (basic bootstrap limits).
    """
    positive, p_positive = labels_and_scores(y, p, probability=True)
    draws = Resampling(groups, p_positive.size, seed=seed, rounds=rounds)
    _, place = bin_places(p_positive, bins)
    # Both figures need sums only: they are made once a patient, and drawn patient by patient.
    cell = draws.member * bins + place
    shape = (draws.n_groups, bins)
    gaps = np.bincount(cell, weights=positive - p_positive, minlength=np.prod(shape))
    errors = np.bincount(draws.member, weights=(positive - p_positive) ** 2)
    films = np.bincount(draws.member)
    briers, eces = [], []
    for times in draws.patients():
        n = times @ films
        briers.append(times @ errors / n)
        eces.append(np.abs(times @ gaps.reshape(shape)).sum(axis=1) / n)
    value = ece(positive, p_positive, bins=bins)
    low, high = percentiles(np.concatenate(eces))
    reflected = Estimate(value, max(0.0, 2 * value - float(high)), min(1.0, 2 * value - float(low)))
    ends = percentiles(np.concatenate(briers))
    return Estimate(brier(positive, p_positive), float(ends[0]), float(ends[1])), reflected
