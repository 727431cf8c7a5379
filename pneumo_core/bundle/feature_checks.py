"""Feature checks of a bundle: is an image out of distribution, and which orientation has it?

Both read the pooled features that the network's head sees, scaled to length 1, from one array file
and one limit in the card.

`familiar.npy`, float16 (D + 1, K): the mean feature of training films, then D orthonormal
directions. The distance of a feature from that subspace shows whether the image is out of
distribution (the residual of Wang et al. 2022, ViM, arXiv 2203.10807).

`orientation.npy`, float32 (4, K + 1): weights of a linear classifier into `ORIENTATIONS`, the bias
last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from pneumo_core.bundle.integrity import FAMILIAR, ORIENTATION, REMEDY
from pneumo_core.errors import BundleError
from pneumo_core.untrusted_zip import refused

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from pneumo_core.bundle.registry import Bundle

UPRIGHT = "upright"
ORIENTATIONS = (UPRIGHT, "sideways", "upside down", "negative")


@dataclass(frozen=True)
class FeatureCheck:
    """One array and the limit of what is derived from it; a subclass says which."""

    array: NDArray[np.float32]
    limit: float

    file: ClassVar[str]
    part: ClassVar[str]  # of the card, which holds the limit
    content: ClassVar[str]
    dtype: ClassVar[DTypeLike]
    rows: ClassVar[int | None] = None  # None: any number

    @property
    def features(self) -> int:
        """How many features K it takes."""
        return int(self.array.shape[1])

    @classmethod
    def load(cls, bundle: Bundle) -> Self | None:
        """The bundle's own; None without its file or its limit. Raises BundleError if damaged."""
        path, facts = bundle.path / cls.file, getattr(bundle.card, cls.part)
        if facts is None or not path.is_file():
            return None
        try:
            array = _read(path).astype(np.float32)
        except (OSError, ValueError, EOFError) as error:
            raise BundleError(
                f"Model {bundle.name}: expected {cls.content} in {cls.file}, but the file cannot "
                f"be read. {REMEDY}"
            ) from error
        return cls(array, facts.limit)

    @classmethod
    def save(cls, array: NDArray[np.float32], folder: Path) -> None:
        """Write the array into the folder of a bundle."""
        np.save(folder / cls.file, array.astype(cls.dtype), allow_pickle=False)

    @classmethod
    def inspect(cls, folder: Path) -> None:
        """Raise BundleError unless an untrusted file holds finite numbers of the right shape."""
        path = folder / cls.file
        named = f"{cls.content} in {cls.file}"
        try:
            array = _read(path)
        except (OSError, ValueError, EOFError) as error:
            raise refused(named, "it is no array of numbers") from error
        fits = array.dtype == cls.dtype and array.ndim == 2 and cls.rows in (None, len(array))
        if not fits or not np.isfinite(array).all():
            raise refused(named, f"it is {array.dtype} {array.shape}, or not finite")


class OutOfDistribution(FeatureCheck):
    """Subspace of features (D + 1, K); beyond the limit an image is out of distribution."""

    file, part = FAMILIAR, "out_of_distribution"
    content, dtype = "a subspace of features", np.float16

    def distances(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Distances of pooled features (N, K) from the subspace: (N,), 0..2."""
        offset = unit_length(features) - self.array[0]
        directions = self.array[1:]
        found: NDArray[np.float32] = np.linalg.norm(
            offset - offset @ directions.T @ directions, axis=1
        )
        return found


class Orientation(FeatureCheck):
    """Linear classifier (4, K + 1); below the limit of P(upright) an image is not upright."""

    file, part = ORIENTATION, "orientation"
    content, dtype, rows = "a linear classifier", np.float32, len(ORIENTATIONS)

    @property
    def features(self) -> int:
        """How many features K it takes: all columns but the bias."""
        return int(self.array.shape[1]) - 1

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of the classes `ORIENTATIONS`, float32 (N, 4), for pooled features (N, K)."""
        scores = unit_length(features) @ self.array[:, :-1].T + self.array[:, -1]
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        found: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
        return found

    def classify(self, features: NDArray[np.float32]) -> list[str]:
        """The orientation of each row: "upright" where P(upright) reaches the limit."""
        p = self.probabilities(features)
        likeliest = 1 + p[:, 1:].argmax(axis=1)
        upright = p[:, 0] >= self.limit
        return [ORIENTATIONS[0 if fine else k] for fine, k in zip(upright, likeliest, strict=True)]


FEATURE_CHECKS: tuple[type[FeatureCheck], ...] = (OutOfDistribution, Orientation)


def unit_length(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features (N, K) scaled to length 1."""
    length = np.linalg.norm(features, axis=1, keepdims=True)
    found: NDArray[np.float32] = features / np.maximum(length, 1e-12)
    return found


def _read(path: Path) -> NDArray[Any]:
    found: NDArray[Any] = np.load(path, allow_pickle=False)
    return found
