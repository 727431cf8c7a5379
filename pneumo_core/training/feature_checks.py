"""Fit the feature checks of a bundle: out of distribution, and orientation.

Each is fitted on some training films and its limit on other ones, as they are and in views that
keep the lungs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.feature_checks import (
    ORIENTATIONS,
    UPRIGHT,
    Orientation,
    OutOfDistribution,
    unit_length,
)
from pneumo_core.perturbations import PERTURBATIONS, perturb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.bundle.framing import Framing

    Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class Extent:
    """How many films a check is fitted on and how many are held out, and in how many views."""

    films: int
    held_out: int
    views: int | None = None  # that keep the lungs; all where None


OUT_OF_DISTRIBUTION, ORIENTATION = Extent(1000, 60), Extent(300, 120)


def extents(reads: int) -> tuple[Extent, Extent]:
    """Both checks with about `reads` films read, beside those whose features are known."""
    views = min(len(_lung_views()), max(3, reads // 50))
    known = OUT_OF_DISTRIBUTION
    first = Extent(
        min(known.films, reads // 4),
        min(known.held_out, max(6, round(0.225 * reads / views))),
        views,
    )
    turned = len(ORIENTATIONS)
    second = Extent(
        min(ORIENTATION.films, round(0.35 * reads / turned)),
        min(ORIENTATION.held_out, round(0.175 * reads / turned)),
    )
    return first, second


BATCH = 16  # films at a time; small, since each of many views is filled up to whole batches
DIRECTIONS = 32  # of the subspace: with 64 and 128, films of other hospitals come nearer the limit
OOD_QUANTILE, OOD_SLACK = 0.99, 1.15
INVERSE_PENALTY = 0.01  # of the L2 norm, in the logistic regression
# Of P(upright): the limit, and its share of what all but a thousandth of upright films reach.
ORIENTATION_LIMIT, ORIENTATION_SLACK = 0.2, 0.5


def pooled_features(network: Any, framing: Framing | None = None) -> Features:
    """From films uint8 (N, S, S) to the pooled features (N, K) that the head sees.

    `framing`: how the network sees films that are given as square copies.
    """
    import keras

    trunk = keras.Model(network.input, network.get_layer("pooled").output)

    def features(films: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(films), BATCH):
            batch = films[start : start + BATCH]
            batch = batch if framing is None else framing.inputs(batch)
            full = np.resize(batch, (BATCH, *batch.shape[1:]))  # one size, compiled once
            parts.append(np.asarray(trunk.predict_on_batch(full[..., None]))[: len(batch)])
        return np.concatenate(parts)

    return features


def fit_out_of_distribution(
    features: Features,
    pixels: NDArray[np.uint8],
    *,
    seed: int,
    extent: Extent = OUT_OF_DISTRIBUTION,
    known: NDArray[np.float32] | None = None,
) -> tuple[OutOfDistribution, dict[str, Any]]:
    """The check fitted to films uint8 (N, S, S), and the card's facts about it.

    known: features (N, K) of all these films as they are, where they have been read already.

    Directions are the principal components of features of unit length, of films as they are and in
    one view each. The limit is the 99th percentile of the distances of held-out films in every
    view that keeps the lungs, and 15 % more, so that films of other places pass and other images
    do not.
    """
    own, others = _split(len(pixels), extent, seed=seed)
    films, views = np.asarray(pixels[own]), _lung_views(extent.views)
    parts = [_as_they_are(features, pixels, own, known), features(in_one_view_each(films))]
    found = unit_length(np.concatenate(parts))
    mean = found.mean(axis=0)
    _, _, directions = np.linalg.svd(found - mean, full_matrices=False)
    kept = directions[: min(DIRECTIONS, len(own) // 2, found.shape[1] // 2)]
    # As they are stored: in half precision.
    subspace = np.vstack([mean, kept]).astype(np.float16).astype(np.float32)
    check = OutOfDistribution(subspace, 0.0)
    films = np.asarray(pixels[others])
    seen = [check.distances(features(perturb(films, name))) for name in views]
    plain = check.distances(_as_they_are(features, pixels, others, known))
    distances = np.concatenate([plain, *seen])
    limit = OOD_SLACK * float(np.quantile(distances, OOD_QUANTILE))
    facts = {
        "limit": limit,
        "directions": len(kept),
        "learnt_from": len(own),
        "measured_on": f"{len(films)} other films as they are and in {len(views)} views",
        "median": float(np.median(distances)),
        "largest": float(distances.max()),
    }
    return OutOfDistribution(subspace, limit), facts


def fit_orientation(
    features: Features,
    pixels: NDArray[np.uint8],
    *,
    seed: int,
    extent: Extent = ORIENTATION,
    known: NDArray[np.float32] | None = None,
) -> tuple[Orientation, dict[str, Any]]:
    """The check fitted to upright films uint8 (N, S, S), and the card's facts about it.

    known: features (N, K) of all these films as they are, where they have been read already.

    Logistic regression on features of unit length; each film as it is, in one of the views that
    keep the lungs, and in each other orientation. The limit is 0.2, or half of what all but a
    thousandth of held-out upright films reach, if that is less: features that carry no orientation
    refer no film.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    own, others = _split(len(pixels), extent, seed=seed)
    fitted, held_out = (_examples(features, pixels, rows, known) for rows in (own, others))
    scaler = StandardScaler()
    linear = LogisticRegression(C=INVERSE_PENALTY, class_weight="balanced", max_iter=500)
    make_pipeline(scaler, linear).fit(*fitted)
    weights = linear.coef_ / scaler.scale_
    bias = linear.intercept_ - weights @ scaler.mean_
    array = np.column_stack([weights, bias]).astype(np.float32)
    upright = Orientation(array, 0.0).probabilities(held_out[0])[held_out[1] == 0, 0]
    limit = min(ORIENTATION_LIMIT, ORIENTATION_SLACK * float(np.quantile(upright, 0.001)))
    check = Orientation(array, limit)
    facts = {
        "limit": limit,
        "learnt_from": len(own),
        "measured_on": len(others),
        "referred": _referred(check, *held_out),
    }
    return check, facts


def in_one_view_each(films: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Films (N, S, S), each in one of the views that keep the lungs, in rotation."""
    views = _lung_views()
    seen = films.copy()
    for i, view in enumerate(views[: len(films)]):
        seen[i :: len(views)] = perturb(films[i :: len(views)], view)
    return seen


def reoriented(films: NDArray[np.uint8], orientation: str) -> NDArray[np.uint8]:
    """Upright films (N, S, S) in another of `ORIENTATIONS`.

    Every second film is rotated the other way, or mirrored as well.
    """
    made = films.copy()
    if orientation == "sideways":
        made[::2] = np.rot90(films[::2], 1, (1, 2))
        made[1::2] = np.rot90(films[1::2], -1, (1, 2))
    elif orientation == "upside down":
        made = made[:, ::-1].copy()
        made[::2] = made[::2, :, ::-1]
    elif orientation == "negative":
        made = 255 - made
    return made


def _split(count: int, extent: Extent, *, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit on and rows held out, each sorted; at most a quarter of all is held out."""
    order = np.random.default_rng(seed).permutation(count)
    apart = min(extent.held_out, count // 4)
    return np.sort(order[apart : apart + extent.films]), np.sort(order[:apart])


def _lung_views(count: int | None = None) -> list[str]:
    """The views that keep the lungs, or `count` of them, evenly chosen."""
    views = [name for name, one in PERTURBATIONS.items() if one.apply is not None]
    if count is None or count >= len(views):
        return views
    return [views[int(place)] for place in np.linspace(0, len(views) - 1, count)]


def _as_they_are(
    features: Features,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    known: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Features (len(rows), K) of films as they are, read where they are not known."""
    return features(np.asarray(pixels[rows])) if known is None else known[rows]


def _examples(
    features: Features,
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    known: NDArray[np.float32] | None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of unit length (M, K) and classes (M,) of films as they are and reoriented."""
    films = np.asarray(pixels[rows])
    seen = in_one_view_each(films)
    parts = [_as_they_are(features, pixels, rows, known)]
    parts += [features(reoriented(seen, orientation)) for orientation in ORIENTATIONS]
    return unit_length(np.concatenate(parts)), np.repeat([0, *range(len(ORIENTATIONS))], len(films))


def _referred(
    check: Orientation, features: NDArray[np.float32], classes: NDArray[np.int64]
) -> dict[str, dict[str, int]]:
    """How many films of each orientation there are, and are found not upright."""
    not_upright = np.array(check.classify(features)) != UPRIGHT
    return {
        orientation: {
            "films": int((classes == k).sum()),
            "found": int(not_upright[classes == k].sum()),
        }
        for k, orientation in enumerate(ORIENTATIONS)
    }
