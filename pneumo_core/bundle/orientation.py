"""`orientation.npy`, which a bundle may hold: which way round a film lies, as its network sees it.

A network that learnt from upright films answers one that is upside down, on its side or a negative
as if nothing were wrong. A linear classifier on its pooled features tells the four apart. The file
is float32 (4, K + 1), a row a class of `WAYS`: a weight for each of K features scaled to length 1,
and the bias. Below the card's `orientation.limit` of probability a film is not taken for upright.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.array_file import inspect_array, load_array
from pneumo_core.bundle.integrity import ORIENTATION

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.bundle.store import Bundle

UPRIGHT = "upright"
WAYS = (UPRIGHT, "sideways", "upside down", "negative")
WHAT = "a linear classifier"


@dataclass(frozen=True)
class Orientation:
    """weights: float32 (4, K + 1), the bias last; limit: of P(upright), 0..1."""

    weights: NDArray[np.float32]
    limit: float

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of the classes `WAYS`, float32 (N, 4), for pooled features (N, K) of any length."""
        length = np.linalg.norm(features, axis=1, keepdims=True)
        score = features / np.maximum(length, 1e-12) @ self.weights[:, :-1].T + self.weights[:, -1]
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
        return found

    def ways(self, features: NDArray[np.float32]) -> list[str]:
        """The class of each row: "upright" wherever its probability is not below the limit."""
        chances = self.probabilities(features)
        likeliest = 1 + chances[:, 1:].argmax(axis=1)
        upright = chances[:, 0] >= self.limit
        return [WAYS[0 if fine else k] for fine, k in zip(upright, likeliest, strict=True)]


def load_orientation(bundle: Bundle) -> Orientation | None:
    """The bundle's own, or None where it has none. Raises BundleError on a damaged file."""
    weights = load_array(bundle, ORIENTATION, key="orientation", what=WHAT)
    if weights is None:
        return None
    return Orientation(weights, float(bundle.card["orientation"]["limit"]))


def save_orientation(weights: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, weights.astype(np.float32), allow_pickle=False)


def inspect_orientation(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float32 (4, K + 1), nothing else."""
    inspect_array(path, WHAT, np.float32, rows=len(WAYS))
