"""Figures of the lung finder on held-out patients: Dice, box edges, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pandas as pd

from pneumo_core.imaging.lung_shape import Plausibility
from pneumo_core.imaging.lungs import largest_parts, lungs_of
from pneumo_core.metrics.bootstrap import ROUNDS, Resampling, percentiles
from pneumo_core.metrics.intervals import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

EDGE_TOLERANCE = 0.04  # of the film's width or height
EDGES = ("left", "top", "right", "bottom")
EVERYTHING_PASSES = Plausibility(
    *(np.zeros(17), np.ones(17), np.zeros(18), np.zeros(17), np.eye(17)),
    *(-1e300, 1e300, 0.0),
    np.zeros(4),
)


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Held-out films, one row each: dice, dice_right, dice_left, and for each box edge its error.

    table: DataFrame with film, subtype, group, the three Dice scores and left, top, right, bottom:
    found minus true edge of the box around both lungs, as shares of the film (NaN without a box).
    """

    table: pd.DataFrame

    @property
    def box_shift(self) -> NDArray[np.float64]:
        """What to add to each edge so that its median error is 0, float64 (4,); 0 without boxes."""
        median = self.table[list(EDGES)].median().to_numpy(np.float64)
        return np.asarray(np.nan_to_num(-median))

    def figures(self, seed: int = 0) -> dict[str, Estimate]:
        """Dice of all, of each lung and each subtype, and shares of edges within 4 %; 95 %
        intervals by patient. The edges are shifted by `box_shift`.
        """
        group = self.table["group"]
        found = {
            name: mean_by_patient(self.table[name], group, seed=seed)
            for name in ("dice", "dice_right", "dice_left")
        }
        for subtype, part in self.table.groupby("subtype", sort=True):
            found[f"dice_{subtype}"] = mean_by_patient(part["dice"], part["group"], seed=seed)
        errors = np.abs(self.table[list(EDGES)].to_numpy() + self.box_shift)
        within = errors <= EDGE_TOLERANCE  # an edge that was not found is NaN: not within
        shares = {"edges_within_4_percent": within.mean(1), "films_within_4_percent": within.all(1)}
        shares |= {f"{edge}_within_4_percent": within[:, k] for k, edge in enumerate(EDGES)}
        return found | {
            name: mean_by_patient(values, group, seed=seed) for name, values in shares.items()
        }


def mean_by_patient(values: ArrayLike, groups: ArrayLike, *, seed: int = 0) -> Estimate:
    """The mean of `values` (N,); 95 % bootstrap interval over the patients in `groups` (N,)."""
    value = np.asarray(values, np.float64)
    resampling = Resampling(groups, len(value), seed=seed, rounds=ROUNDS)
    draws = [(times @ value) / times.sum(axis=1) for times in resampling.films()]
    low, high = percentiles(np.concatenate(draws))
    return Estimate(float(value.mean()), float(low), float(high))


def evaluate_maps(
    films: pd.DataFrame, maps: Iterable[NDArray[np.float32]], lungs: NDArray[np.uint8]
) -> HeldOut:
    """The figures of `films` (rows of the index) from their maps (h, h, 2) and masks
    uint8 (N, S, S, 2).
    """
    rows = [
        _one_film(probabilities, truth > 0)
        for probabilities, truth in zip(maps, lungs, strict=True)
    ]
    facts = films[["film", "subtype", "group"]].reset_index(drop=True)
    return HeldOut(pd.concat([facts, pd.DataFrame(rows)], axis=1))


def _one_film(maps: NDArray[np.float32], truth: NDArray[np.bool_]) -> dict[str, float]:
    height, width = truth.shape[:2]
    large = cv2.resize(maps, (width, height), interpolation=cv2.INTER_LINEAR)
    found = largest_parts(np.asarray(large, np.float32))
    box = lungs_of(maps, height, width, EVERYTHING_PASSES).box
    found_either, true_either = (np.asarray(mask.any(-1)) for mask in (found, truth))
    edges = np.full(4, np.nan)
    if box is not None:
        ends = np.array([box.left, box.top, box.right, box.bottom])
        edges = (ends - _ends(true_either)) / (width, height, width, height)
    return {
        "dice": dice(found_either, true_either),
        "dice_right": dice(found[..., 0], truth[..., 0]),
        "dice_left": dice(found[..., 1], truth[..., 1]),
        **dict(zip(EDGES, edges.tolist(), strict=True)),
    }


def dice(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    """Dice coefficient of two masks of one shape, 0..1; 1 where both are empty."""
    size = int(found.sum()) + int(truth.sum())
    return float(2 * (found & truth).sum() / size) if size else 1.0


def _ends(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Left, top, right and bottom edge of what is set in a mask (H, W), in pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
