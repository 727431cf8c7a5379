"""`familiar.npy`, which a bundle may hold: what films look like to its network.

A network answers whatever picture it is given. Features of films lie near a subspace of few
dimensions; how far a picture's features lie off it says whether the answer means anything (the
residual of Wang et al. 2022, ViM, arXiv 2203.10807). The file is float16 (D + 1, K): the mean of
the films' features at length 1, then D orthonormal directions; beyond the card's
`familiarity.limit` a picture is unlike any film.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.array_file import inspect_array, load_array
from pneumo_core.bundle.integrity import FAMILIAR

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.bundle.store import Bundle

WHAT = "a subspace of features"


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
    subspace = load_array(bundle, FAMILIAR, key="familiarity", what=WHAT)
    if subspace is None:
        return None
    return Familiarity(subspace, float(bundle.card["familiarity"]["limit"]))


def save_familiarity(subspace: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, subspace.astype(np.float16), allow_pickle=False)


def inspect_familiarity(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float16 (D + 1, K), nothing else."""
    inspect_array(path, WHAT, np.float16)
