"""Plausibility of two lung masks: can they be the lungs of one frontal chest radiograph?

Seventeen features describe the shape of the two masks and how sure the network is of them. A
logistic regression separates chest radiographs from other images; the Mahalanobis distance from the
features of chest radiographs catches what the regression has not seen. Both must be within limits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CELLS = 64  # side of the maps that are judged
POSITIVE = 0.5  # from this probability on, a cell belongs to a lung
# In the order of `shape_features`. Exchanging right and left changes none of them.
FEATURES = (
    *("smaller area", "larger area", "log ratio of areas"),
    *("lower confidence", "higher confidence", "ambiguity"),
    *("lower solidity", "higher solidity", "lower axis ratio", "higher axis ratio"),
    *("distance of centres", "offset along the body", "log ratio of lengths"),
    *("overlap", "scattered cells", "share of the border", "mirror agreement"),
)
_SHARES_NEAR_ZERO = [0, 1, 13, 14, 15]  # square roots of these are nearer to a normal distribution


@dataclass(frozen=True, eq=False)
class Plausibility:
    """The fitted judgement, float64 arrays; D = 17 features as `evened` gives them.

    mean, spread (D,): standardise the features for `weights` (D + 1,), the intercept first, of a
    logistic regression whose positive class is "chest radiograph". centre (D,) and
    inverse_covariance (D, D): of the features of chest radiographs. least_score (log odds),
    largest_distance (standard deviations), least_area (share of the image, of each lung): limits.
    box_shift (4,): added to the left, top, right and bottom edge of a lung's box, as shares of the
    image's width and height; the median error of the network's edges on held-out patients.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]
    centre: NDArray[np.float64]
    inverse_covariance: NDArray[np.float64]
    least_score: float
    largest_distance: float
    least_area: float
    box_shift: NDArray[np.float64]

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log odds (N,) of "chest radiograph" for features (N, D)."""
        standard = (evened(features) - self.mean) / self.spread
        return np.asarray(standard @ self.weights[1:] + self.weights[0])

    def distance(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mahalanobis distance (N,) from chest radiographs for features (N, D)."""
        offset = evened(features) - self.centre
        squared = np.einsum("ni,ij,nj->n", offset, self.inverse_covariance, offset)
        return np.asarray(np.sqrt(np.maximum(squared, 0)))

    def accepts(self, features: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which rows (N,) of the features (N, D) can be a pair of lungs."""
        return np.asarray(
            (features[:, 0] >= self.least_area)
            & (self.score(features) >= self.least_score)
            & (self.distance(features) <= self.largest_distance)
        )

    def save(self, path: Path) -> None:
        """Write all of it as one .npz file of plain arrays."""
        arrays: dict[str, Any] = {
            one.name: np.asarray(getattr(self, one.name), np.float64) for one in fields(self)
        }
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it. Raises OSError, or ValueError where the file holds something else."""
        with np.load(path, allow_pickle=False) as stored:
            given = {name: np.asarray(stored[name]) for name in stored.files}
        expected = {one.name: _shape_of(one.name) for one in fields(cls)}
        found = {name: array.shape for name, array in given.items()}
        if found != expected:
            raise ValueError(f"expected arrays of the shapes {expected}, found {found}")
        if any(array.dtype != np.float64 for array in given.values()):
            raise ValueError("expected float64 arrays")
        if not all(np.isfinite(array).all() for array in given.values()):
            raise ValueError("expected finite numbers")
        values: dict[str, Any] = {
            name: array if array.ndim else float(array) for name, array in given.items()
        }
        return cls(**values)


def _shape_of(name: str) -> tuple[int, ...]:
    n = len(FEATURES)
    special = {"weights": (n + 1,), "inverse_covariance": (n, n), "box_shift": (4,)}
    scalars = {"least_score", "largest_distance", "least_area"}
    return () if name in scalars else special.get(name, (n,))


def evened(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Features (N, 17) as they are judged: small shares replaced by their square roots."""
    even = features.copy()
    even[:, _SHARES_NEAR_ZERO] = np.sqrt(even[:, _SHARES_NEAR_ZERO])
    return even


def shape_features(
    probabilities: NDArray[np.float32], masks: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The values that FEATURES names, float64 (17,), of one image.

    probabilities: float32 (64, 64, 2), 0..1, of the right and left lung; masks: bool (64, 64, 2).
    """
    areas = masks.mean(axis=(0, 1))
    confidence = [
        float(probabilities[..., side][masks[..., side]].mean()) if areas[side] else 0.0
        for side in (0, 1)
    ]
    uncertain = (4 * probabilities * (1 - probabilities)).sum()
    shapes = [_shape(masks[..., side]) for side in (0, 1)]
    solidity = [shape.solidity for shape in shapes]
    ratio = [shape.axis_ratio for shape in shapes]
    return np.array([
        *(areas.min(), areas.max()),
        math.log((areas.max() + 0.005) / (areas.min() + 0.005)),
        *(min(confidence), max(confidence)),
        float(uncertain / max(probabilities.sum(), 1.0)),
        *(min(solidity), max(solidity), min(ratio), max(ratio)),
        *_arrangement(*shapes),
        *_leftover(probabilities, masks),
        _mirror_agreement(masks, *shapes) if areas.min() > 0 else 0.0,
    ])  # fmt: skip


class _Shape(NamedTuple):
    """Of one mask: solidity and ratio of axes 0..1, long axis in cells, centre and axis (x, y)."""

    solidity: float = 0.0
    axis_ratio: float = 0.0
    length: float = 0.0
    centre: NDArray[np.float64] = np.zeros(2)
    axis: NDArray[np.float64] = np.zeros(2)


def _shape(mask: NDArray[np.bool_]) -> _Shape:
    y, x = np.nonzero(mask)
    if len(x) < 6:
        return _Shape()
    points = np.stack([x, y], axis=1).astype(np.float32)
    # The hull goes through the cells' centres: half a cell more on every side.
    hull = cv2.convexHull(points)
    area = cv2.contourArea(hull) + cv2.arcLength(hull, closed=True) / 2 + 1
    variance, axes = np.linalg.eigh(np.cov(points.T))
    spread = np.sqrt(np.maximum(variance, 1e-3))
    return _Shape(
        solidity=min(len(x) / area, 1.0),
        axis_ratio=float(spread[0] / spread[1]),
        length=float(4 * spread[1]),
        centre=points.mean(0).astype(np.float64),
        axis=np.asarray(axes[:, 1], np.float64),
    )


def _arrangement(right: _Shape, left: _Shape) -> tuple[float, float, float]:
    """Distance of the centres by length, its part along the body, log ratio of the lengths."""
    apart = left.centre - right.centre if min(right.length, left.length) else np.zeros(2)
    size = max(math.sqrt(right.length * left.length), 1.0)
    # The body's long axis: both lungs' axes, made to point the same way.
    axis = right.axis + math.copysign(1.0, right.axis @ left.axis) * left.axis
    axis = axis / max(float(np.linalg.norm(axis)), 1e-6)
    between = float(np.linalg.norm(apart))
    return (
        min(between / size, 3.0),
        float(abs(apart @ axis)) / max(between, 1.0),
        abs(math.log(max(right.length, 1) / max(left.length, 1))),
    )


def _leftover(
    probabilities: NDArray[np.float32], masks: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Cells claimed by both lungs, cells outside the masks, and the share of the border covered."""
    found = max(int(masks.sum()), 20)
    both = (probabilities.min(-1) >= 0.3).sum()
    covered = masks.any(-1)
    outside = ((probabilities >= POSITIVE).any(-1) & ~covered).sum()
    border = np.ones(masks.shape[:2], np.bool_)
    border[1:-1, 1:-1] = False
    return (
        min(float(both / found), 2.0),
        min(float(outside / found), 2.0),
        float((covered & border).sum() / border.sum()),
    )


def _mirror_agreement(masks: NDArray[np.bool_], right: _Shape, left: _Shape) -> float:
    """Jaccard index 0..1 of the right lung and the left one mirrored on the midline."""
    apart = left.centre - right.centre
    across = apart / max(float(np.linalg.norm(apart)), 1e-6)
    mirror = np.eye(2) - 2 * np.outer(across, across)
    middle = right.centre + apart / 2
    matrix = np.column_stack([mirror, middle - mirror @ middle])
    mirrored = cv2.warpAffine(masks[..., 1].astype(np.float32), matrix, masks.shape[1::-1])
    both = np.minimum(mirrored, masks[..., 0]).sum()
    return float(both / max(float(np.maximum(mirrored, masks[..., 0]).sum()), 1.0))
