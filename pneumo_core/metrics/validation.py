"""What every metric expects of its arrays, checked in one place."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def labels_and_scores(
    y: npt.ArrayLike, p: npt.ArrayLike, *, both_classes: bool = False, probability: bool = False
) -> tuple[Bools, Floats]:
    """Return y as bool (N,) and p as float64 (N,), N >= 1.

    `both_classes` asks for at least one film of each, `probability` for 0 <= p <= 1. Raises
    ValueError for anything else: shapes that differ, labels other than 0 and 1, NaN, infinity.
    """
    labels, scores = np.asarray(y), np.asarray(p, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape or labels.size == 0:
        raise ValueError(
            "Expected y and p of one shape (N,) with N >= 1, "
            f"got shapes {labels.shape} and {scores.shape}."
        )
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(
            f"Expected y of 0 (normal) and 1 (pneumonia), got {np.unique(labels)[:5].tolist()}."
        )
    finite(scores, "p")
    if probability and not ((scores >= 0) & (scores <= 1)).all():
        raise ValueError(
            "Expected p to be probabilities within 0 and 1, "
            f"got {float(scores.min())} to {float(scores.max())}."
        )
    positive = labels.astype(np.bool_)
    if both_classes and (positive.all() or not positive.any()):
        raise ValueError(
            f"Expected films of both classes, got {positive.size} of class {int(positive[0])} only."
        )
    return positive, scores


def finite(values: Floats, name: str) -> None:
    """Raise ValueError if there is a NaN or an infinity among `values`."""
    strange = int(np.count_nonzero(~np.isfinite(values)))
    if strange:
        raise ValueError(f"Expected finite numbers in {name}, got {strange} that are NaN or inf.")


def share(value: float, name: str) -> None:
    """Raise ValueError unless 0 < value <= 1."""
    if not 0 < value <= 1:
        raise ValueError(f"Expected {name} above 0 and at most 1, got {value}.")


def normal_quantile(level: float) -> float:
    """Two-sided standard normal quantile: 1.96 at level 0.95. Raises ValueError off (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"Expected a confidence level between 0 and 1, got {level}.")
    return NormalDist().inv_cdf(0.5 + level / 2)
