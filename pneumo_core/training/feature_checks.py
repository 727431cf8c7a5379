"""What films look like to a trained network, and how far a film may be from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.feature_checks import UPRIGHT, WAYS, Familiarity, Orientation
from pneumo_core.perturbations import DISTURBANCES, disturb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


DIRECTIONS = 32  # of the subspace: with 64 and 128, films of other hospitals come nearer the limit
FEATURE_IMAGES, FEATURE_HELD_OUT = 1000, 60  # films
FEATURE_QUANTILE, FEATURE_SLACK = 0.99, 1.15


def pooled_features(network: Any) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """From films uint8 (N, S, S) to the pooled features (N, K) that the head sees."""
    import keras

    trunk = keras.Model(network.input, network.get_layer("pooled").output)

    def features(films: NDArray[np.uint8]) -> NDArray[np.float32]:
        parts = []
        for start in range(0, len(films), 64):
            batch = films[start : start + 64]
            full = np.resize(batch, (64, *batch.shape[1:]))  # one size, compiled once
            parts.append(np.asarray(trunk.predict_on_batch(full[..., None]))[: len(batch)])
        return np.concatenate(parts)

    return features


def in_one_view_each(films: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Films (N, S, S), each in one of the views that keep the lungs, which come in turn."""
    views = [name for name, one in DISTURBANCES.items() if one.keeps_lungs]
    seen = films.copy()
    for i, view in enumerate(views[: len(films)]):
        seen[i :: len(views)] = disturb(films[i :: len(views)], view)
    return seen


def at_length_one(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features (N, K) scaled to length 1."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    found: NDArray[np.float32] = features / np.maximum(length, 1e-12)
    return found


def fit_familiarity(
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    *,
    seed: int,
    share: float = 1.0,
) -> tuple[Familiarity, dict[str, Any]]:
    """The subspace of films uint8 (N, S, S), the limit, and what the card says of both.

    share: of the usual number of films, where time is short.

    Directions are the principal components of features of unit length, of films as they are and in
    one view each. The limit is the 99th percentile of the distances of other films in every view
    that keeps the lungs, and 15 % more, so that films of another room are let through and
    pictures of something else are not.
    """
    order = np.random.default_rng(seed).permutation(len(pixels))
    apart = min(round(FEATURE_HELD_OUT * share), len(pixels) // 4)
    others = np.sort(order[:apart])
    own = np.sort(order[apart : apart + round(FEATURE_IMAGES * share)])
    films = np.asarray(pixels[own])
    found = at_length_one(np.concatenate([features(films), features(in_one_view_each(films))]))
    mean = found.mean(axis=0)
    _, _, directions = np.linalg.svd(found - mean, full_matrices=False)
    kept = directions[: min(DIRECTIONS, len(own) // 2, found.shape[1] // 2)]
    # As they are stored: in half precision.
    subspace = np.vstack([mean, kept]).astype(np.float16).astype(np.float32)
    known = Familiarity(subspace, 0.0)
    films = np.asarray(pixels[others])
    views = [name for name, one in DISTURBANCES.items() if one.keeps_lungs]
    seen = [known.distance(features(disturb(films, name))) for name in views]
    away = np.concatenate([known.distance(features(films)), *seen])
    limit = FEATURE_SLACK * float(np.quantile(away, FEATURE_QUANTILE))
    facts = {
        "limit": limit,
        "directions": len(kept),
        "learnt_from": len(own),
        "measured_on": f"{len(films)} other films as they are and in {len(views)} views",
        "median": float(np.median(away)),
        "largest": float(away.max()),
    }
    return Familiarity(subspace, limit), facts


ORIENTATION_IMAGES, ORIENTATION_HELD_OUT = 300, 120  # films, other ones
STRENGTH = 0.01  # inverse of the L2 penalty of the logistic regression
ORIENTATION_LIMIT, ORIENTATION_SLACK = (
    0.2,
    0.5,
)  # of P(upright): the limit, and its share of what good films reach


def turned(films: NDArray[np.uint8], way: str) -> NDArray[np.uint8]:
    """Films (N,S,S) as they lie in the class `way` of `WAYS`; two ways round, where there are two.

    Every second film on its other side, or mirrored as well.
    """
    made = films.copy()
    if way == "sideways":
        made[::2] = np.rot90(films[::2], 1, (1, 2))
        made[1::2] = np.rot90(films[1::2], -1, (1, 2))
    elif way == "upside down":
        made = made[:, ::-1].copy()
        made[::2] = made[::2, :, ::-1]
    elif way == "negative":
        made = 255 - made
    return made


def fit_orientation(
    features: Features, pixels: NDArray[np.uint8], *, seed: int, share: float = 1.0
) -> tuple[Orientation, dict[str, Any]]:
    """The classifier for films uint8 (N,S,S) that lie upright, and what the card says of it.

    Logistic regression on features of unit length; each film as it lies, in one of the views that
    keep the lungs, and turned into each other class of `WAYS`. The limit is 0.2, or half of what
    all but a thousandth of other upright films reach, if that is less: a network whose features do
    not tell refers nobody.
    share: of the usual number of films, where time is short.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    order = np.random.default_rng(seed).permutation(len(pixels))
    apart = min(round(ORIENTATION_HELD_OUT * share), len(pixels) // 4)
    others = np.sort(order[:apart])
    own = np.sort(order[apart : apart + round(ORIENTATION_IMAGES * share)])
    learnt, held = (_examples(features, np.asarray(pixels[rows])) for rows in (own, others))
    scaler = StandardScaler()
    linear = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
    make_pipeline(scaler, linear).fit(*learnt)
    weights = linear.coef_ / scaler.scale_
    bias = linear.intercept_ - weights @ scaler.mean_
    found = Orientation(np.column_stack([weights, bias]).astype(np.float32), 0.0)
    upright = found.probabilities(held[0])[held[1] == 0, 0]
    limit = min(ORIENTATION_LIMIT, ORIENTATION_SLACK * float(np.quantile(upright, 0.001)))
    known = Orientation(found.weights, limit)
    ways = np.array(known.ways(held[0]))
    facts = {
        "limit": limit,
        "learnt_from": len(own),
        "measured_on": len(others),
        "referred": {
            way: {
                "films": int((held[1] == k).sum()),
                "found": int((ways[held[1] == k] != UPRIGHT).sum()),
            }
            for k, way in enumerate(WAYS)
        },
    }
    return known, facts


def _examples(
    features: Features, films: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features of unit length (M, K) and classes (M,) of films as they are and in other views."""
    seen = in_one_view_each(films)
    parts = [features(films)]
    parts += [features(turned(seen, way)) for way in WAYS]
    found = at_length_one(np.concatenate(parts))
    return found, np.repeat([0, *range(len(WAYS))], len(films))
