"""How fast a training runs: the films on their way to the network, and a whole epoch.

    python -m bench.training [DATA] [--films N] [--size S] [--batch B]

Prints a Markdown table of films a second on this machine. The usual way is what tutorials show:
`keras.utils.image_dataset_from_directory` and `model.fit`; network, augmentation and batch are the
same in both. DATA holds a folder a class (or train/ with them); synthetic films if not said. As in
the preset `standard` the upper blocks are trained; the lower ones hold random numbers here, which
take as long. All rows come from one process; each is the best of several epochs, the first of which
is not counted: what else the machine does makes an epoch slower, never faster.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from pneumo_core.films.index import index_folder
from pneumo_core.films.pixels import pixel_cache
from pneumo_core.films.synthetic import write_demo_data
from pneumo_core.learning.augment import Augmentation, FilmAugment
from pneumo_core.learning.feed import FilmBatches
from pneumo_core.learning.fit import fit
from pneumo_core.learning.fold_feeds import Films
from pneumo_core.learning.machine import survey
from pneumo_core.learning.network import build_network
from pneumo_core.learning.pace import _random_weights as random_weights
from pneumo_core.learning.recipe import make_recipe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe

EPOCHS = 4  # the first is not counted


class EpochSeconds(keras.callbacks.Callback):
    """How long each epoch took, the first one left out."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        if epoch:
            self.seconds.append(time.perf_counter() - self.began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="folder of labelled films")
    parser.add_argument("--films", type=int, default=320, help="of the pipeline alone")
    parser.add_argument("--epoch-films", type=int, default=96, help="of a whole epoch")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--backbone", default="resnet50v2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pneumo-bench-") as scratch:
        data = asked.data
        if data is None:
            data = Path(scratch) / "films"
            write_demo_data(data, films=asked.films + 200, seed=1)
        measure(data, Path(scratch), asked)


def measure(data: Path, scratch: Path, asked: argparse.Namespace) -> None:
    """Both ways, row by row as they are measured."""
    index = chosen_films(data, asked.films)
    recipe = make_recipe(
        "standard",
        backbone=asked.backbone,
        weights="none" if asked.backbone == "cnn" else "imagenet",
        task="binary",
        size=asked.size,
        batch=min(asked.batch, len(index)),
        epochs=EPOCHS,
        patience=0,
    )
    if recipe.weights != "none":
        recipe = replace(recipe, weights=random_weights(recipe, scratch))
    auto = survey()
    print(f"{auto.device}, {len(index)} films, {asked.backbone} at {asked.size} px\n")
    print("| what | films a second | against the usual way |\n| --- | --- | --- |")
    began = time.perf_counter()
    pixels = pixel_cache(index, data, size=recipe.size, cache_dir=scratch / "cache")
    row("the routine: decode once, into the cache", len(index) / (time.perf_counter() - began))
    began = time.perf_counter()
    pixel_cache(index, data, size=recipe.size, cache_dir=scratch / "cache")
    again = time.perf_counter() - began
    films = Films(pixels, (index["label"] == "pneumonia").to_numpy().astype(np.int64))

    usual = usual_films(copied_by_class(index, data, scratch / "usual"), recipe)
    some = np.linspace(0, len(index) - 1, min(asked.epoch_films, len(index))).astype(int)
    few, few_films = index.iloc[some], Films(films.pixels[some], films.labels[some])
    usual_few = usual_films(copied_by_class(few, data, scratch / "few"), recipe)
    usual_pipeline = pipeline(usual)
    row("pipeline alone, the usual way", usual_pipeline)
    row("pipeline alone, the routine", pipeline(routine_films(films, recipe)), usual_pipeline)
    usual_epoch = epoch_of_the_usual_way(usual_few, recipe, len(few))
    print(f"| *a whole epoch of {len(few)} films:* | | |")
    row("epoch, the usual way, float32", usual_epoch)
    for machine in dict.fromkeys((survey("float32"), auto)):
        speed = epoch_of_the_routine(few_films, recipe, machine, scratch)
        row(f"epoch, the routine, {machine.policy}", speed, usual_epoch)
    print(f"\nThe cache of films that are decoded opens in {1000 * again:.0f} ms.")


def row(what: str, speed: float, usual: float | None = None) -> None:
    """One line of the table."""
    times = f"{speed / usual:.1f} times" if usual else ""
    shown = f"{speed:,.0f}" if speed >= 100 else f"{speed:.1f}"
    print(f"| {what} | {shown} | {times} |", flush=True)


def chosen_films(data: Path, count: int) -> Any:
    """The index of `count` films outside the test split, spread over all; repeated if too few."""
    index = index_folder(data)
    usable = index[index["readable"] & (index["split"] != "test")].reset_index(drop=True)
    spread = np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)
    return usable.iloc[np.resize(spread, count)].reset_index(drop=True)


def copied_by_class(index: Any, data: Path, target: Path) -> Path:
    """The films as links, a folder a class: what image_dataset_from_directory reads."""
    for number, film in enumerate(index.itertuples()):
        source = (data / film.film).resolve()
        (target / film.label).mkdir(parents=True, exist_ok=True)
        (target / film.label / f"{number}{source.suffix}").symlink_to(source)
    return target


def usual_films(folder: Path, recipe: Recipe) -> Any:
    """A tf.data.Dataset as tutorials make it."""
    return keras.utils.image_dataset_from_directory(
        folder,
        label_mode="categorical",
        color_mode="grayscale",
        image_size=(recipe.size, recipe.size),
        batch_size=recipe.batch,
        seed=recipe.seed,
        verbose=False,
    ).prefetch(-1)


def feed_of(films: Films, recipe: Recipe) -> FilmBatches:
    rows = np.arange(len(films.labels))
    return FilmBatches(
        films.pixels, films.labels, rows, classes=2, batch=recipe.batch, seed=recipe.seed
    )


def routine_films(films: Films, recipe: Recipe) -> Any:
    """The routine's batches as Keras hands them to TensorFlow: through a generator."""
    import tensorflow as tf

    feed = feed_of(films, recipe)
    specs = tf.nest.map_structure(
        lambda array: tf.TensorSpec((None, *array.shape[1:]), array.dtype), feed[0]
    )
    batches = tf.data.Dataset.from_generator(
        lambda: (feed[i] for i in range(len(feed))), output_signature=specs
    )
    return batches.prefetch(-1)


def pipeline(batches: Iterable[Any]) -> float:
    """Films a second that come out, best of the epochs after the first."""
    speeds = []
    for _ in range(EPOCHS):
        began, films = time.perf_counter(), 0
        for batch in batches:
            films += len(batch[1])
        speeds.append(films / (time.perf_counter() - began))
    return max(speeds[1:])


def epoch_of_the_usual_way(batches: Any, recipe: Recipe, films: int) -> float:
    """Films a second of `model.fit`, as tutorials call it."""
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
    model.fit(batches, epochs=EPOCHS, callbacks=[watch], shuffle=False, verbose=0)
    return films / min(watch.seconds)


def epoch_of_the_routine(films: Films, recipe: Recipe, machine: Machine, scratch: Path) -> float:
    """Films a second of the routine, with all that it writes."""
    watch, nobody = EpochSeconds(), np.array([], dtype=np.int64)
    rows = np.arange(len(films.labels))
    fit(
        recipe,
        films,
        rows,
        nobody,
        machine=machine,
        folder=scratch / machine.policy / "fold-0",
        callbacks=(watch,),
    )
    steps = max(1, len(rows) // recipe.batch)
    return steps * recipe.batch / min(watch.seconds)


if __name__ == "__main__":
    main()
