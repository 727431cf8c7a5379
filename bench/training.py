"""How fast a training runs: the films on their way to the network, and a whole epoch.

    python -m bench.training [DATA] [--films N] [--size S] [--batch B] [--repeats R]

Prints a Markdown table of films a second on this machine. The usual way is what tutorials show
(`bench.training`); network, augmentation and batch are the same in both. DATA holds a folder a
class (or train/ with them); synthetic films if not said. As in the preset `standard` the upper
blocks are trained; the lower ones hold random numbers here, which take as long.

All ways take turns, `--repeats` times, so that what else the machine does meets all alike; a row
is the median, with the lowest and highest turn behind it. The first epoch of a turn is not counted.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training.augment import Augmentation, FilmAugment
from pneumo_core.training.batches import FilmBatches, Films, as_fed
from pneumo_core.training.fit import fit
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.network import build_network
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.estimate import random_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pneumo_core.training.hardware import Machine
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


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


EPOCHS = 3  # the first is not counted


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", type=Path, help="folder of labelled films")
    parser.add_argument("--films", type=int, default=320, help="of the pipeline alone")
    parser.add_argument("--epoch-films", type=int, default=96, help="of a whole epoch; 0: none")
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3, help="turns of each way")
    parser.add_argument("--backbone", default="resnet50v2")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pneumo-bench-") as scratch:
        data = asked.data
        if data is None:
            data = Path(scratch) / "films"
            write_demo_data(data, films=asked.films + 200, seed=1)
        measure(data, Path(scratch), asked)


def measure(data: Path, scratch: Path, asked: argparse.Namespace) -> None:
    """All ways; the table."""
    index = chosen_films(data, asked.films)
    recipe = bench_recipe(asked, scratch)
    began = time.perf_counter()
    pixels = pixel_cache(index, data, size=recipe.size, cache_dir=scratch / "cache")
    decoded = len(index) / (time.perf_counter() - began)
    began = time.perf_counter()
    pixel_cache(index, data, size=recipe.size, cache_dir=scratch / "cache")
    again = time.perf_counter() - began
    films = Films(pixels, (index["label"] == "pneumonia").to_numpy().astype(np.int64))
    load = os.getloadavg()[0]
    machine = find_machine()
    print(f"{machine.processor}, load {load:.1f}, {len(index)} films, {asked.backbone}, medians\n")
    print("| what | films a second | against the usual way |\n| --- | --- | --- |")
    print(f"| the routine: decode once, into the cache | {decoded:,.0f} | |", flush=True)
    usual = usual_films(copied_by_class(index, data, scratch / "usual"), recipe)
    table(pipelines(usual, films, recipe), 3 * asked.repeats)
    if asked.epoch_films:
        some = np.linspace(0, len(index) - 1, min(asked.epoch_films, len(index))).astype(int)
        folder = copied_by_class(index.iloc[some], data, scratch / "few")
        few = Films(films.pixels[some], films.labels[some])
        table(epochs(usual_films(folder, recipe), few, recipe, scratch), asked.repeats)
    print(f"\nThe cache of films that are decoded opens in {1000 * again:.0f} ms.")


def bench_recipe(asked: argparse.Namespace, scratch: Path) -> Recipe:
    """The preset `standard` of two classes, from a file of random weights."""
    recipe = make_recipe(
        "standard",
        backbone=asked.backbone,
        weights="none" if asked.backbone == "cnn" else "imagenet",
        task="binary",
        size=asked.size,
        batch=min(asked.batch, asked.films),
        epochs=EPOCHS,
        patience=0,
    )
    if recipe.weights == "none":
        return recipe
    return replace(recipe, weights=random_weights(recipe, scratch))


def chosen_films(data: Path, count: int) -> Any:
    """The index of `count` films outside the test split, spread over all; repeated if too few."""
    index = index_folder(data)
    usable = index[index["readable"] & (index["split"] != "test")].reset_index(drop=True)
    spread = np.linspace(0, len(usable) - 1, min(count, len(usable))).astype(int)
    return usable.iloc[np.resize(spread, count)].reset_index(drop=True)


def table(ways: dict[str, Callable[[], float]], turns: int) -> None:
    """Let the ways take turns; a line each, beside the first of its kind, the usual one."""
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns):
        for name, turn in ways.items():
            speeds[name].append(turn())
    usual: list[float] = []
    for name, found in speeds.items():
        usual = found if "usual" in name else usual
        times = median(found) / median(usual)
        beside = "" if found is usual else f"{times:.1f} times"
        span = f"{median(found):,.0f} ({min(found):,.0f}–{max(found):,.0f})"
        print(f"| {name} | {span} | {beside} |", flush=True)


def pipelines(usual: Any, films: Films, recipe: Recipe) -> dict[str, Callable[[], float]]:
    """What comes out of both pipelines alone: the same shapes, in bytes and in float32."""
    rows = np.arange(len(films.labels))
    feed = FilmBatches(
        films.pixels, films.labels, rows, classes=2, batch=recipe.batch, seed=recipe.seed
    )

    def cast(batches: Any, kind: Any) -> Any:
        def to(inputs: Any, targets: Any, *_: Any) -> Any:
            film = inputs["film"] if isinstance(inputs, dict) else inputs
            return tf.cast(film, kind), targets

        return batches.map(to, num_parallel_calls=2).prefetch(-1)

    batches = {
        "pipeline alone, the usual way, uint8": cast(usual, tf.uint8),
        "pipeline alone, the routine, uint8": as_fed(feed),
        "pipeline alone, the usual way, float32": usual.prefetch(-1),
        "pipeline alone, the routine, float32": cast(as_fed(feed), tf.float32),
    }
    return {name: partial(pace_of, made) for name, made in batches.items()}


def pace_of(batches: Iterable[Any]) -> float:
    """Films a second that come out."""
    began, films = time.perf_counter(), 0
    for batch in batches:
        films += len(batch[1])
    return films / (time.perf_counter() - began)


def epochs(
    usual: Any, films: Films, recipe: Recipe, scratch: Path
) -> dict[str, Callable[[], float]]:
    """Whole epochs of `films`: the usual way, and the routine in float32 and as it would train."""
    count = len(films.labels)

    def routine(machine: Machine) -> float:
        steps = max(1, count // recipe.batch)
        seconds = routine_epochs(films, recipe, machine, scratch)
        return steps * recipe.batch / median(seconds)

    ways: dict[str, Callable[[], float]] = {
        f"epoch of {count} films, the usual way, float32": lambda: (
            count / median(usual_epochs(usual, recipe))
        )
    }
    for machine in dict.fromkeys((find_machine("float32"), find_machine())):
        ways[f"epoch, the routine, {machine.policy}"] = partial(routine, machine)
    return ways


def routine_epochs(films: Films, recipe: Recipe, machine: Machine, scratch: Path) -> list[float]:
    """Seconds of each epoch of the routine, with all that it writes."""
    watch, nobody = EpochSeconds(), np.array([], dtype=np.int64)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        fit(
            recipe,
            films,
            np.arange(len(films.labels)),
            nobody,
            machine=machine,
            folder=Path(folder) / "fold-0",
            callbacks=(watch,),
        )
    return watch.seconds


if __name__ == "__main__":
    main()
