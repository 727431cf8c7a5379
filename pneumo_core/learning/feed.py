"""Batches for Keras out of the pixel cache: nothing is decoded, nothing is copied twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumo_core.learning.counterweight import NO_COUNTERWEIGHT, Counterweight

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FilmBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches (films uint8 (B, S, S, 1), targets float32 (B, C)) in an order new each epoch.

    `cache` uint8 (N, S, S), may be memory-mapped; `rows` which of it; `labels` int (N,).
    Order and counterweight of epoch e depend on `seed` and e alone, so that a resumed run sees
    the same ones. Without a seed films keep their order and stay as they are.
    """

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        cache: NDArray[np.uint8],
        labels: NDArray[np.int64],
        rows: NDArray[np.int64],
        *,
        classes: int,
        batch: int,
        seed: int | None,
        counterweight: Counterweight = NO_COUNTERWEIGHT,
    ) -> None:
        super().__init__(workers=1)
        self.cache, self.labels, self.rows = cache, labels, rows
        self.classes, self.batch, self.seed = classes, batch, seed
        self.counterweight = counterweight
        self.epoch = 0
        self.order = rows

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for epoch `epoch`."""
        self.epoch = epoch
        if self.seed is not None:
            self.order = np.random.default_rng((self.seed, epoch)).permutation(self.rows)

    def __len__(self) -> int:
        return math.ceil(len(self.rows) / self.batch)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        films = self.cache[rows]
        targets = np.eye(self.classes, dtype="float32")[self.labels[rows]]
        if self.seed is not None:
            rng = np.random.default_rng((self.seed, self.epoch, index))
            films, targets = self.counterweight.apply(films, targets, rng)
        return films[..., None], targets
