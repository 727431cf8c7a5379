"""What films look like to a trained network, and how far a film may be from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.familiar import Familiarity
from pneumo_core.films.disturb import DISTURBANCES, disturb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PROTOTYPES = 64
LEARNT_FROM, MEASURED_ON = 1500, 60  # films
QUANTILE, SLACK = 0.99, 1.1


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


def fit_familiarity(
    features: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    *,
    seed: int,
) -> tuple[Familiarity, dict[str, Any]]:
    """Prototypes of the films uint8 (N, S, S), the limit, and what the card says of both.

    Prototypes are the centres of k-means on features of unit length. The limit is the 99th
    percentile of the distances of other films in every view that keeps the lungs, and a tenth
    more, so that films of another room are let through and pictures of something else are not.
    """
    from sklearn.cluster import KMeans

    order = np.random.default_rng(seed).permutation(len(pixels))
    apart = min(MEASURED_ON, len(pixels) // 4)
    others, own = np.sort(order[:apart]), np.sort(order[apart : apart + LEARNT_FROM])
    found = features(np.asarray(pixels[own]))
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
    means = KMeans(min(PROTOTYPES, len(own)), n_init=2, random_state=seed).fit(found)
    centres = means.cluster_centers_.astype(np.float32)
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    # As they are stored: in half precision.
    known = Familiarity(centres.astype(np.float16).astype(np.float32), 0.0)
    films = np.asarray(pixels[others])
    views = [name for name, one in DISTURBANCES.items() if one.keeps_lungs]
    seen = [known.distance(features(disturb(films, name))) for name in views]
    away = np.concatenate([known.distance(features(films)), *seen])
    limit = SLACK * float(np.quantile(away, QUANTILE))
    facts = {
        "limit": limit,
        "prototypes": len(centres),
        "learnt_from": len(own),
        "measured_on": f"{len(films)} other films as they are and in {len(views)} views",
        "median": float(np.median(away)),
        "largest": float(away.max()),
    }
    return Familiarity(known.prototypes, limit), facts
