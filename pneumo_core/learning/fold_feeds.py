"""The films of one training, and how they come to the network: what is learnt from, what checks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.learning.counterweight import NO_COUNTERWEIGHT, Counterweight
from pneumo_core.learning.feed import FilmBatches, RowBatches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.learning.distribution import Devices
    from pneumo_core.learning.recipe import Recipe

HELD_OUT_BATCH = 64


@dataclass(frozen=True)
class Films:
    """The films of a run: pixels uint8 (N, S, S), labels int (N,) into the recipe's classes.

    on_device: whether they are put on the device once (see `on_device.room_for`).
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    on_device: bool = False

    @property
    def batches(self) -> type[FilmBatches]:
        """How a batch names its films."""
        return RowBatches if self.on_device else FilmBatches


def training_feed(
    recipe: Recipe,
    films: Films,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> FilmBatches:
    """The films `rows` to learn from; `weights` (N,): how much each counts beside its class."""
    return films.batches(
        films.pixels,
        films.labels,
        rows,
        classes=len(recipe.classes),
        batch=recipe.batch,
        seed=recipe.seed,
        weights=class_weights(recipe, films.labels, rows)
        * (np.ones(len(films.labels)) if weights is None else weights),
        counterweight=Counterweight() if recipe.augment else NO_COUNTERWEIGHT,
    )


def held_out_feed(
    recipe: Recipe, films: Films, rows: NDArray[np.int64], devices: Devices
) -> FilmBatches | None:
    """The films held out, in batches that all devices can share; None without any."""
    if not len(rows):
        return None
    share = math.ceil(min(len(rows), HELD_OUT_BATCH) / devices.replicas)
    return films.batches(
        films.pixels,
        films.labels,
        rows,
        classes=len(recipe.classes),
        batch=share * devices.replicas,
        seed=None,
    )


def class_weights(
    recipe: Recipe, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much each film counts for its class, (N,): among `rows` all classes weigh the same."""
    if not recipe.class_weights:
        return np.ones(len(labels))
    counts = np.bincount(labels[rows], minlength=len(recipe.classes))
    by_class: NDArray[np.float64] = len(rows) / (len(counts) * np.maximum(1, counts))
    return by_class[labels]
