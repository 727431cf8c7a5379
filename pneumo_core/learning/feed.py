"""Batches for Keras out of the pixel cache: nothing is decoded, nothing is copied twice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumo_core.learning.counterweight import LEFT_ALONE, NO_COUNTERWEIGHT, Counterweight

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FilmBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches ({"film": uint8 (B, S, S, 1), "plan": float32 (B, 3)}, targets (B, C), weights (B,)).

    `cache` uint8 (N, S, S), may be memory-mapped; `rows` which of it; `labels` int (N,); `weights`
    float (N,), how much each film counts. Order and plan of epoch e depend on `seed` and e alone,
    so that a resumed run sees the same ones; all batches are full, and what is left over has its
    turn in another epoch. Without a seed every film comes once, in its order, as it is; the last
    batch is filled up with films that count for nothing, and the others for as much more that the
    mean over all batches is theirs. So all batches have one shape: nothing is compiled twice, and
    several devices can share each.
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
        weights: NDArray[np.float64] | None = None,
        counterweight: Counterweight = NO_COUNTERWEIGHT,
    ) -> None:
        super().__init__(workers=1)
        self.cache, self.labels, self.rows = cache, labels, rows
        self.classes, self.batch, self.seed = classes, batch, seed
        self.weights = np.ones(len(cache)) if weights is None else weights
        self.counterweight = counterweight
        self.epoch = 0
        self.order = rows

    def start_epoch(self, epoch: int) -> None:
        """Shuffle for epoch `epoch`."""
        self.epoch = epoch
        if self.seed is not None:
            self.order = np.random.default_rng((self.seed, epoch)).permutation(self.rows)

    def __len__(self) -> int:
        if self.seed is None:
            return math.ceil(len(self.rows) / self.batch)
        return max(1, len(self.rows) // self.batch)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], Any, Any]:
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        weights = self.weights[rows].astype("float32")
        if self.seed is None:
            weights *= len(self) * self.batch / len(self.rows)
            beyond = self.batch - len(rows)
            rows, weights = np.pad(rows, (0, beyond), "edge"), np.pad(weights, (0, beyond))
        targets = np.eye(self.classes, dtype="float32")[self.labels[rows]]
        if self.seed is None:
            plan = np.tile(np.array(LEFT_ALONE, "float32"), (len(rows), 1))
        else:
            rng = np.random.default_rng((self.seed, self.epoch, index))
            plan, targets = self.counterweight.plan(targets, rng)
        return {**self.films(rows), "plan": plan}, targets, weights

    def films(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """What a batch says of its films: their pixels."""
        return {"film": self.cache[rows][..., None]}


class RowBatches(FilmBatches):
    """The same batches for a model that has the films (see `on_device`): "row" int32 (B,) alone."""

    def films(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """What a batch says of its films: where they lie."""
        return {"row": rows.astype("int32")}


def as_fed(feed: FilmBatches) -> Any:
    """What `fit` takes: `feed` itself or, for TensorFlow, its batches one call each.

    Keras would hand TensorFlow a Python generator, which costs it twice as long a batch.
    """
    if keras.backend.backend() != "tensorflow":
        return feed
    import tensorflow as tf

    whole = feed[0]
    parts = tf.nest.flatten(whole)

    def batch(index: Any) -> Any:
        made = tf.numpy_function(
            lambda i: tf.nest.flatten(feed[int(i)]), [index], [part.dtype for part in parts]
        )
        for tensor, part in zip(made, parts, strict=True):
            tensor.set_shape((None, *part.shape[1:]))
        return tf.nest.pack_sequence_as(whole, made)

    numbered = tf.data.Dataset.range(len(feed))
    return numbered.map(batch, num_parallel_calls=2).prefetch(tf.data.AUTOTUNE)
