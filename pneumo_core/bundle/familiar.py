"""`prototypes.npy`, which a bundle may hold: what films look like to its network.

A network answers whatever picture it is given. How far a picture's pooled features point away from
those of every film it learnt from says whether the answer means anything. The file is float16
(M, K), a row a prototype; beyond the card's `familiarity.limit` a picture is unlike any film.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.integrity import PROTOTYPES, REMEDY
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.bundle.store import Bundle

WHAT = f"prototypes in {PROTOTYPES}"


@dataclass(frozen=True)
class Familiarity:
    """prototypes: float32 (M, K), rows of length 1; limit: of the distance, 0..2."""

    prototypes: NDArray[np.float32]
    limit: float

    def distance(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cosine distance, 0..2, of pooled features (N, K) to the nearest prototype: (N,)."""
        length = np.linalg.norm(features, axis=1, keepdims=True)
        found: NDArray[np.float32] = 1 - (
            features / np.maximum(length, 1e-12) @ self.prototypes.T
        ).max(axis=1)
        return found


def load_familiarity(bundle: Bundle) -> Familiarity | None:
    """The bundle's own, or None where it has none. Raises BundleError on a damaged file."""
    path = bundle.path / PROTOTYPES
    stated = bundle.card.get("familiarity")
    if stated is None or not path.is_file():
        return None
    try:
        prototypes = np.load(path, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(
            f"Model {bundle.name}: expected {WHAT}, but the file cannot be read. {REMEDY}"
        ) from error
    return Familiarity(prototypes, float(stated["limit"]))


def save_prototypes(prototypes: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, prototypes.astype(np.float16), allow_pickle=False)


def inspect_prototypes(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float16 (M, K), and nothing else."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise refused(WHAT, "it is no array of numbers") from error
    if found.dtype != np.float16 or found.ndim != 2 or not np.isfinite(found).all():
        raise refused(WHAT, f"it is {found.dtype} {found.shape}, or not finite")
