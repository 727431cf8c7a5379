"""How tutorials train: `keras.utils.image_dataset_from_directory` and `model.fit`, in float32."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras

from pneumo_core.training.augment import Augmentation, FilmAugment
from pneumo_core.training.network import build_network

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.training.recipe import Recipe


class EpochSeconds(keras.callbacks.Callback):
    """How long each epoch took, the first one, which compiles, left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch:
            self.seconds.append(time.perf_counter() - self.began)


def copied_by_class(index: Any, data: Path, target: Path) -> Path:
    """The films as links, a folder a class: what image_dataset_from_directory reads."""
    for number, film in enumerate(index.itertuples()):
        source = (data / film.film).resolve()
        (target / film.label).mkdir(parents=True, exist_ok=True)
        (target / film.label / f"{number}{source.suffix}").symlink_to(source)
    return target


def usual_films(folder: Path, recipe: Recipe) -> Any:
    """Batches (films float32 (B, S, S, 1) in 0..255, targets (B, 2)) as a tf.data.Dataset."""
    return keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        color_mode="grayscale",
        image_size=(recipe.size, recipe.size),
        batch_size=recipe.batch,
        seed=recipe.seed,
        verbose=False,
    )


def usual_epochs(batches: Any, recipe: Recipe) -> list[float]:
    """Seconds of each epoch of `model.fit`, with the routine's own network and augmentation."""
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy("float32")
    network = build_network(recipe.backbone, size=recipe.size, classes=2, weights=recipe.weights)
    film = keras.Input((recipe.size, recipe.size, 1))
    seen = FilmAugment(Augmentation(area=(recipe.least_area, 1.1)), seed=1)(film)
    model = keras.Model(film, network(seen))
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.learning_rate),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    watch = EpochSeconds()
    model.fit(
        batches.prefetch(-1), epochs=recipe.epochs, callbacks=[watch], shuffle=False, verbose=0
    )
    return watch.seconds
