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

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.integrity import FAMILIAR, REMEDY
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.bundle.store import Bundle

WHAT = f"a subspace of features in {FAMILIAR}"


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
    path = bundle.path / FAMILIAR
    stated = bundle.card.get("familiarity")
    if stated is None or not path.is_file():
        return None
    try:
        subspace = np.load(path, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(
            f"Model {bundle.name}: expected {WHAT}, but the file cannot be read. {REMEDY}"
        ) from error
    return Familiarity(subspace, float(stated["limit"]))


def save_familiarity(subspace: NDArray[np.float32], path: Path) -> None:
    """Write the file."""
    np.save(path, subspace.astype(np.float16), allow_pickle=False)


def inspect_familiarity(path: Path) -> None:
    """Raise BundleError unless a stranger's file holds finite float16 (D + 1, K), nothing else."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise refused(WHAT, "it is no array of numbers") from error
    if found.dtype != np.float16 or found.ndim != 2 or not np.isfinite(found).all():
        raise refused(WHAT, f"it is {found.dtype} {found.shape}, or not finite")
