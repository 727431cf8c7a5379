"""Teach a bundle which way round films lie, from its network's own features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.feature_checks import UPRIGHT, WAYS, Orientation
from pneumo_core.learning.familiar import at_length_one, in_one_view_each

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Features = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

LEARNT_FROM, MEASURED_ON = 300, 120  # films, other ones
STRENGTH = 0.01  # inverse of the L2 penalty of the logistic regression
LIMIT, SLACK = 0.2, 0.5  # of P(upright): the limit, and its share of what good films reach


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
    apart = min(round(MEASURED_ON * share), len(pixels) // 4)
    others = np.sort(order[:apart])
    own = np.sort(order[apart : apart + round(LEARNT_FROM * share)])
    learnt, held = (_examples(features, np.asarray(pixels[rows])) for rows in (own, others))
    scaler = StandardScaler()
    linear = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
    make_pipeline(scaler, linear).fit(*learnt)
    weights = linear.coef_ / scaler.scale_
    bias = linear.intercept_ - weights @ scaler.mean_
    found = Orientation(np.column_stack([weights, bias]).astype(np.float32), 0.0)
    upright = found.probabilities(held[0])[held[1] == 0, 0]
    limit = min(LIMIT, SLACK * float(np.quantile(upright, 0.001)))
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
