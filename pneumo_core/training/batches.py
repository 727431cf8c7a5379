"""Batches for Keras from the pixel cache, without decoding or a second copy."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.formatting import file_size
from pneumo_core.training.augment import Augmentation, FilmAugment
from pneumo_core.training.framing_bias import LEFT_ALONE, NO_COUNTERWEIGHT, Counterweight
from pneumo_core.training.hardware import device_memory_left
from pneumo_core.training.sources import share_within_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pneumo_core.training.distributed import Devices
    from pneumo_core.training.hardware import Machine
    from pneumo_core.training.recipe import Recipe


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
        """The films of a batch: their pixels."""
        return {"film": self.cache[rows][..., None]}


class RowBatches(FilmBatches):
    """The same batches for a model with `FilmsOnDevice`: "row" int32 (B,) alone."""

    def films(self, rows: NDArray[np.int64]) -> dict[str, Any]:
        """The films of a batch: their rows."""
        return {"row": rows.astype("int32")}


@dataclass(frozen=True)
class PooledFilms:
    """What frozen blocks make of films, computed once: `pooled` float32 (N, F), as the head sees
    them, with their targets (N, C) and weights (N,).
    """

    pooled: NDArray[np.float32]
    targets: NDArray[np.float32]
    weights: NDArray[np.float32]


class PooledBatches(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches ({"pooled": float32 (B, F)}, targets (B, C), weights (B,)) for a head alone.

    Each of `views` is the same films under other augmentations; the epochs take turns among them.
    Without a seed every film comes in its order, else order depends on `seed` and epoch alone.
    """

    def __init__(self, views: Sequence[PooledFilms], *, batch: int, seed: int | None) -> None:
        super().__init__(workers=1)
        self.views, self.batch, self.seed = views, batch, seed
        self.start_epoch(0)

    def start_epoch(self, epoch: int) -> None:
        """Take the view of epoch `epoch`, and shuffle."""
        self.view = self.views[epoch % len(self.views)]
        films = len(self.view.weights)
        self.order = np.arange(films)
        if self.seed is not None:
            self.order = np.random.default_rng((self.seed, epoch)).permutation(films)

    def __len__(self) -> int:
        return max(1, len(self.views[0].weights) // self.batch)

    def __getitem__(self, index: int) -> tuple[dict[str, Any], Any, Any]:
        rows = self.order[index * self.batch : (index + 1) * self.batch]
        view = self.view
        return {"pooled": view.pooled[rows]}, view.targets[rows], view.weights[rows]


def pooled_films(
    feed: FilmBatches, pool: Callable[[dict[str, Any]], Any], done: Callable[[], bool]
) -> PooledFilms:
    """Every batch of `feed` through `pool`, which makes (B, F) of its inputs.

    `done` is called after each batch; where it is true the rest is left out.
    """
    pooled, targets, weights = [], [], []
    for index in range(len(feed)):
        inputs, batch_targets, batch_weights = feed[index]
        pooled.append(np.asarray(pool(inputs), "float32"))
        targets.append(np.asarray(batch_targets, "float32"))
        weights.append(batch_weights)
        if done():
            break
    return PooledFilms(*(np.concatenate(parts) for parts in (pooled, targets, weights)))


def as_fed(feed: FilmBatches | PooledBatches) -> Any:
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


HELD_OUT_BATCH = 64


@dataclass(frozen=True)
class Films:
    """The films of a run: pixels uint8 (N, S, S), labels int (N,) into the recipe's classes.

    sources: int (N,), the source of each, None where there is one; on_device: whether they are put
    on the device once (see `room_for`).
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    on_device: bool = False
    sources: NDArray[np.int64] | None = None

    @property
    def batches(self) -> type[FilmBatches]:
        """The class of the batches: films by row number, or their pixels."""
        return RowBatches if self.on_device else FilmBatches


def training_feed(
    recipe: Recipe,
    films: Films,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> FilmBatches:
    """The training films `rows`; `weights` (N,): of each film, multiplied by its class weight."""
    return films.batches(
        films.pixels,
        films.labels,
        rows,
        classes=len(recipe.classes),
        batch=recipe.batch,
        seed=recipe.seed,
        weights=class_weights(recipe, films.labels, rows, films.sources)
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
    recipe: Recipe,
    labels: NDArray[np.int64],
    rows: NDArray[np.int64],
    sources: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """The class weight of each film, (N,): mean 1 over `rows`, other films 1.

    Among `rows` all classes have the same total; of several `sources` within each, which weighs as
    much as it has films (see `sources.share_within_source`).
    """
    weights = np.ones(len(labels))
    if recipe.class_weights:
        of = np.zeros(len(rows), np.int64) if sources is None else sources[rows]
        shares = share_within_source(labels[rows], of, classes=len(recipe.classes))
        _, of, films = np.unique(of, return_inverse=True, return_counts=True)
        weights[rows] = shares * films[of]
    return weights


# Of the device's free memory. The rest is for the step: weights, three copies of them in the
# optimizer, and the activations of a batch, which alone are some thousand bytes a pixel.
SHARE = 0.25


def room_for(pixels: NDArray[np.uint8], machine: Machine, devices: Devices) -> bool:
    """Whether the films (N, S, S) should be put on the device once, at the start.

    On a CPU nothing is gained: its memory is the host's. Several devices would each need
    all films; they are sent their part of every batch.
    """
    if not machine.gpus or devices.replicas > 1:
        return False
    return pixels.nbytes <= SHARE * device_memory_left()


def sentence(pixels: NDArray[np.uint8], *, on_device: bool) -> str:
    """Where the films of a training are held, as a run prints it at its start."""
    if on_device:
        return f"all films on the device ({file_size(pixels.nbytes)})"
    return "films sent batch by batch"


class FilmsOnDevice(keras.layers.Layer):  # type: ignore[misc]
    """Rows int32 (B,) of `pixels` uint8 (N, S, S) → films uint8 (B, S, S, 1).

    The films are a variable: put on the device once and passed from step to step, where JAX
    would compile a constant into the step itself. They are not trained, and not saved.
    """

    def __init__(self, pixels: NDArray[np.uint8], **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.films = self.add_weight(
            shape=pixels.shape,
            dtype="uint8",
            initializer=lambda *_, **__: ops.convert_to_tensor(pixels),
            trainable=False,
            name="films",
        )

    def call(self, rows: Any) -> Any:
        """Gather."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # From a variable TensorFlow gathers bytes on a GPU; from a tensor on a CPU alone.
            return tf.gather(self.films.value, rows)[..., None]
        return ops.take(self.films, rows, axis=0)[..., None]

    def save_own_variables(self, store: Any) -> None:
        """Keep the films out of every backup."""

    def load_own_variables(self, store: Any) -> None:
        """A backup holds no films."""


def seen_films(recipe: Recipe, films: Films, **mode: bool) -> tuple[dict[str, Any], Any]:
    """The inputs of a training, and of them the augmented films (B, S, S, 1) that it sees."""
    plan = keras.Input((3,), name="plan")
    if films.on_device:
        given = keras.Input((), name="row", dtype="int32")
        film = FilmsOnDevice(films.pixels, name="films")(given)
    else:
        given = film = keras.Input((recipe.size, recipe.size, 1), name="film")
    seen = ops.cast(film, "float32")
    if recipe.augment:
        strength = Augmentation(area=(recipe.least_area, 1.1))
        augment = FilmAugment(strength, seed=recipe.seed, name="augment")
        seen = augment([seen, plan], **mode)
    return {given.name: given, "plan": plan}, seen


VIEWS = 3
"""Augmented views of each film that a head alone is trained on: more cost time and show little."""


def views_of(recipe: Recipe) -> int:
    """How many views of each training film a head alone is trained on."""
    return min(VIEWS, recipe.epochs) if recipe.augment else 1


def pooled_views(
    network: Any,
    recipe: Recipe,
    films: Films,
    feed: FilmBatches,
    *,
    done: Callable[[], bool] = lambda: False,
) -> list[PooledFilms]:
    """The features of the films of `feed` below the head, in the views of its first epochs.

    Without augmentation, or in a feed without a seed, there is one view. `done` as in
    `batches.pooled_films`; without it every epoch of a resumed training sees the same features.
    """
    trunk = keras.Model(network.input, network.get_layer("pooled").output)
    varied = recipe.augment and feed.seed is not None
    given, seen = seen_films(recipe, films, **({"training": varied} if recipe.augment else {}))
    model = keras.Model(given, trunk(seen))
    made: list[PooledFilms] = []
    for view in range(views_of(recipe) if varied else 1):
        feed.start_epoch(view)
        for number, state in enumerate(v for v in model.variables if "seed_generator" in v.path):
            state.assign([recipe.seed + number, view << 16])
        films_of_view = pooled_films(feed, model.predict_on_batch, done)
        if made and len(films_of_view.weights) < len(made[0].weights):
            break
        made.append(films_of_view)
    return made


def pooled_feeds(
    network: Any,
    recipe: Recipe,
    films: Films,
    feeds: tuple[FilmBatches, FilmBatches | None],
    pooling: Callable[[int, int], bool],
) -> tuple[PooledBatches, PooledBatches | None]:
    """The feeds of training and held-out films as the head alone sees them."""
    feed, held_out = feeds
    total, counted = views_of(recipe) * len(feed) + len(held_out or ()), itertools.count(1)

    def done() -> bool:
        return pooling(next(counted), total)

    seen = pooled_views(network, recipe, films, feed, done=done)
    pooled = PooledBatches(seen, batch=recipe.batch, seed=recipe.seed)
    if held_out is None:
        return pooled, None
    seen = pooled_views(network, recipe, films, held_out, done=done)
    return pooled, PooledBatches(seen, batch=held_out.batch, seed=None)
