"""`familiar.npy`, which a bundle may hold: what films look like to its network.

A network answers whatever picture it is given. Features of films lie near a subspace of few
dimensions; how far a picture's features lie off it says whether the answer means anything (the
residual of Wang et al. 2022, ViM, arXiv 2203.10807). The file is float16 (D + 1, K): the mean of
the films' features at length 1, then D orthonormal directions; beyond the card's
`familiarity.limit` a picture is unlike any film.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.integrity import FAMILIAR, ORIENTATION, REMEDY
from pneumo_core.bundle.untrusted_zip import refused
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from pneumo_core.bundle.registry import Bundle


def load_array(bundle: Bundle, file: str, *, key: str, what: str) -> NDArray[np.float32] | None:
    """The bundle's `file`, which holds `what`; None where it, or the card's part `key`, is missing.

    Raises BundleError on a damaged file.
    """
    path = bundle.path / file
    if getattr(bundle.card, key) is None or not path.is_file():
        return None
    try:
        found: NDArray[np.float32] = _read(path).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(
            f"Model {bundle.name}: expected {what} in {file}, but the file cannot be read. {REMEDY}"
        ) from error
    return found


def inspect_array(path: Path, what: str, dtype: DTypeLike, *, rows: int | None = None) -> None:
    """Raise BundleError unless a stranger's file holds finite numbers of `dtype` in two dimensions,
    in so many `rows` where that is given, and nothing else.
    """
    named = f"{what} in {path.name}"
    try:
        found = _read(path)
    except (OSError, ValueError, EOFError) as error:
        raise refused(named, "it is no array of numbers") from error
    fits = found.dtype == dtype and found.ndim == 2 and rows in (None, len(found))
    if not fits or not np.isfinite(found).all():
        raise refused(named, f"it is {found.dtype} {found.shape}, or not finite")


def _read(path: Path) -> NDArray[Any]:
    found: NDArray[Any] = np.load(path, allow_pickle=False)
    return found


FAMILIAR_FILE = "a subspace of features"


@dataclass(frozen=True)
class Familiarity:
    """subspace: float32 (D + 1, K), mean and orthonormal directions; limit: of the distance."""

    subspace: NDArray[np.float32]
    limit: float

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far pooled features (N, K), at length 1, lie off the subspace: (N,), 0..2."""
        length = np.linalg.norm(features, axis=1, keepdims=True)
        off = features / np.maximum(length, 1e-12) - self.subspace[0]
        directions = self.subspace[1:]
        found: NDArray[np.float32] = np.linalg.norm(off - off @ directions.T @ directions, axis=1)
        return found


def load_familiarity(bundle: Bundle) -> Familiarity | None:
    """The bundle's own, or None where it has none. Raises BundleError on a damaged file."""
    subspace = load_array(bundle, FAMILIAR, key="out_of_distribution", what=FAMILIAR_FILE)
    if subspace is None:
        return None
    check = bundle.card.out_of_distribution
    return None if check is None else Familiarity(subspace, check.limit)


def save_familiarity(subspace: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, subspace.astype(np.float16), allow_pickle=False)


def inspect_familiarity(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float16 (D + 1, K), nothing else."""
    inspect_array(path, FAMILIAR_FILE, np.float16)


UPRIGHT = "upright"
WAYS = (UPRIGHT, "sideways", "upside down", "negative")
ORIENTATION_FILE = "a linear classifier"


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
    weights = load_array(bundle, ORIENTATION, key="orientation", what=ORIENTATION_FILE)
    if weights is None:
        return None
    check = bundle.card.orientation
    return None if check is None else Orientation(weights, check.limit)


def save_orientation(weights: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, weights.astype(np.float32), allow_pickle=False)


def inspect_orientation(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float32 (4, K + 1), nothing else."""
    inspect_array(path, ORIENTATION_FILE, np.float32, rows=len(WAYS))
