"""What films look like to a trained network, and how far a film may be from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.feature_checks import Familiarity
from pneumo_core.perturbations import DISTURBANCES, disturb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DIRECTIONS = 32  # of the subspace: with 64 and 128, films of other hospitals come nearer the limit
LEARNT_FROM, MEASURED_ON = 1000, 60  # films
QUANTILE, SLACK = 0.99, 1.15


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
    apart = min(round(MEASURED_ON * share), len(pixels) // 4)
    others = np.sort(order[:apart])
    own = np.sort(order[apart : apart + round(LEARNT_FROM * share)])
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
    limit = SLACK * float(np.quantile(away, QUANTILE))
    facts = {
        "limit": limit,
        "directions": len(kept),
        "learnt_from": len(own),
        "measured_on": f"{len(films)} other films as they are and in {len(views)} views",
        "median": float(np.median(away)),
        "largest": float(away.max()),
    }
    return Familiarity(subspace, limit), facts
