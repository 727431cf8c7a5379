"""How long a run will take and how much it needs: from what was measured here, else roughly."""

from __future__ import annotations

import hashlib
import json
import math
import platform
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.container import cores, memory_left, memory_limit
from pneumo_core.errors import TrainingError
from pneumo_core.formatting import duration, file_size
from pneumo_core.storage import utc_now, write_json
from pneumo_core.training.hardware import machine_key
from pneumo_core.training.held_out import POINT_VIEWS, SUITE_VIEWS
from pneumo_core.training.network import find_backbone
from pneumo_core.training.runs.run import list_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.status import RunStatus


STEPS, ENOUGH_SECONDS = 4, 15.0  # measured steps, or as many as fit into this time
_VALIDATION_BATCH = 64


@dataclass(frozen=True)
class Pace:
    """Seconds a film in training and in validation, seconds until the first step is done and to
    save an epoch, bytes of memory at the peak; of one network, size, batch and precision.
    """

    train: float
    validation: float
    start: float
    save: float
    memory: int
    measured: str = ""  # when, ISO 8601, UTC


def known_pace(recipe: Recipe, settings: Settings) -> Pace | None:
    """What was measured here for such a recipe, by `measure_pace` or by an earlier run."""
    try:
        return Pace(**json.loads(_pace_file(recipe, settings).read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return _pace_of_runs(recipe, settings)


def measure_pace(recipe: Recipe, settings: Settings, *, report: Progress) -> Pace:
    """Train a few steps on noise, as `fit` trains, and keep how long they took. Loads Keras.

    A pretrained network starts from random numbers here: what is frozen counts, not what is known.
    """
    from pneumo_core.training.batches import Films, room_for
    from pneumo_core.training.distributed import join_devices
    from pneumo_core.training.fit import fit
    from pneumo_core.training.hardware import find_machine

    count = recipe.batch * (STEPS + 1)
    held_out = 2 * _VALIDATION_BATCH
    rng = np.random.default_rng(recipe.seed)
    pixels = rng.integers(0, 256, (count + held_out, recipe.size, recipe.size), dtype=np.uint8)
    machine, labels = find_machine(recipe.precision), np.arange(len(pixels)) % len(recipe.classes)
    films = Films(pixels, labels, room_for(pixels, machine, join_devices()))
    report("pace", 0, 1, f"measuring {STEPS} steps of {recipe.backbone} at {recipe.size} px")
    with tempfile.TemporaryDirectory(prefix="pneumo-pace-") as scratch:
        weights = "none" if recipe.weights == "none" else random_weights(recipe, Path(scratch))
        short = replace(recipe, epochs=1, folds=1, weights=weights)
        clock = _clock()
        fit(
            short,
            films,
            np.arange(count),
            np.arange(count, len(pixels)),
            machine=machine,
            folder=Path(scratch) / "fold-0",
            callbacks=(clock,),
        )
        found: Pace = clock.pace(recipe.batch)
    with suppress(OSError):  # it is measured again the next time
        _pace_file(recipe, settings).parent.mkdir(parents=True, exist_ok=True)
        write_json(_pace_file(recipe, settings), asdict(found))
    report("pace", 1, 1, f"{1 / found.train:.1f} films a second in training")
    return found


def _clock() -> Any:
    import keras

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Times the parts of one short epoch."""

        def __init__(self) -> None:
            super().__init__()
            self.began, self.steps = time.perf_counter(), 0
            self.tests: list[float] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
            # Not called for every step; always for the first and the last one.
            self.last, self.steps = time.perf_counter(), batch + 1
            if batch == 0:
                self.first = self.last
            elif self.last - self.first > ENOUGH_SECONDS:
                self.model.stop_training = True

        def on_test_batch_end(self, _batch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.tests.append(time.perf_counter())

        def pace(self, batch: int) -> Pace:
            return Pace(
                train=(self.last - self.first) / max(1, self.steps - 1) / batch,
                validation=(self.tests[-1] - self.tests[0]) / _VALIDATION_BATCH,
                start=self.first - self.began,
                save=time.perf_counter() - self.tests[-1],
                memory=_peak_memory(),
                measured=utc_now(),
            )

    return Clock()


def random_weights(recipe: Recipe, folder: Path) -> str:
    """A file of untrained weights that the backbone takes for pretrained ones."""
    import keras

    spec = find_backbone(recipe.backbone)
    make = getattr(keras.applications, spec.application)
    full = make(weights=None, include_top=False, input_shape=(recipe.size, recipe.size, 3))
    cut = keras.Model(full.input, full.get_layer(spec.cut).output) if spec.cut else full
    path = folder / "random.weights.h5"
    cut.save_weights(path)
    keras.backend.clear_session()
    return str(path)


def _peak_memory() -> int:
    """Bytes that this process held at its most."""
    try:
        import resource
    except ImportError:  # Windows counts it itself
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def bundle_seconds(recipe: Recipe, runs_dir: Path) -> float | None:
    """What it took the latest run of such a recipe here to make its model; None without one."""
    for status in _earlier(recipe, runs_dir):
        if took := status.took.get("bundle"):
            return float(took)
    return None


def _pace_of_runs(recipe: Recipe, settings: Settings) -> Pace | None:
    """The pace of the latest run here that took as long a step and finished an epoch."""
    for status in _earlier(recipe, settings.runs_dir):
        if facts := status.pace:
            return Pace(**facts, measured=status.updated)
    return None


def _earlier(recipe: Recipe, runs_dir: Path) -> Iterator[RunStatus]:
    """The statuses of the runs on this machine that take as long a step, the latest first."""
    for run in list_runs(runs_dir):
        try:
            status = run.status()
            same = status.host == platform.node() and _kind(run.recipe()) == _kind(recipe)
        except TrainingError:
            continue
        if same:
            yield status


def _kind(recipe: Recipe) -> tuple[Any, ...]:
    """What decides how long a step takes."""
    start = "scratch" if recipe.weights == "none" else recipe.trained_from or "pretrained"
    return (recipe.backbone, recipe.size, recipe.batch, recipe.precision, start, recipe.augment)


def _pace_file(recipe: Recipe, settings: Settings) -> Path:
    """The file of what was measured: one for all recipes that take as long a step."""
    text = " ".join(map(str, (*_kind(recipe), machine_key())))
    key = hashlib.sha256(text.encode()).hexdigest()[:12]
    return settings.cache_dir / "pace" / f"{recipe.backbone}-{recipe.size}-{key}.json"


# Seconds a film and GiB for a batch of 32 in training, at 160 px: `measure_pace` on two cores of
# an AMD EPYC in bfloat16, ImageNet weights, upper blocks trained.
_ROUGH = {
    "cnn": (0.0095, 0.3),
    "mobilenetv2": (0.0074, 0.3),
    "resnet50v2": (0.0136, 0.5),
    "densenet121": (0.0179, 0.7),
    "efficientnetv2b0": (0.0230, 0.6),
    "densenet169": (0.0241, 1.3),
    "resnet50": (0.0409, 0.9),
}
_ROUGH_CORES, _ROUGH_SIZE, _ROUGH_BATCH = 2, 160, 32
_EVERY_BLOCK = 2.2  # as long and as large, where every block is trained
_ON_A_GPU = 1 / 40  # as long as one core, on a consumer's card; an H200 took a ninth of that
_LIBRARIES = 1.2 * 2**30  # bytes of Keras and its backend
_READING = 0.02  # seconds of one core to open, check and decode a film
_PERTURBING = 0.003  # seconds of one core to perturb a film of 160 px in one way
_BUNDLE = 7.0  # seconds to calibrate, write and check the model
# Forward passes to fit the feature checks: for each film, and at most.
_CHECK_READS, _MOST_CHECK_READS = 14, 5000
_ROOM = 1.5 * 2**30  # bytes of checkpoints, and of the model twice


@dataclass(frozen=True)
class Estimate:
    """Seconds that a run takes if no training ends early, and bytes of memory at its peak.

    Validation, evaluation and writing the model are counted. least: seconds if every training ends
    as early as the recipe's patience allows; measured: whether this machine's pace with this
    network is known, or only guessed.
    """

    seconds: float
    memory: int
    measured: bool
    least: float = math.inf

    def sentence(self) -> str:
        """The time in words, and how far they can be relied on."""
        least, most = duration(min(self.least, self.seconds)), duration(self.seconds)
        span = most if least == most else f"{least} (if it stops early) to {most}"
        return f"about {span}" if self.measured else f"very roughly {span}"


def estimate(
    recipe: Recipe, films: int, settings: Settings, *, gpus: int = 0, sources: int = 1
) -> Estimate:
    """What a run of `recipe` on `films` films (outside the test split) takes on this machine.

    sources: folders that they come from; each may be left out once.
    """
    pace = known_pace(recipe, settings)
    known = pace is not None
    pace = pace or _rough(recipe, gpus)
    bundle = bundle_seconds(recipe, settings.runs_dir)
    # Without patience, or on all films, the last epoch counts.
    fewest = min(recipe.epochs, recipe.patience + 1) if recipe.patience else recipe.epochs
    least, seconds = (
        _seconds(recipe, films, pace, bundle, epochs)
        + _without_sources(recipe, films, sources, pace, epochs)
        for epochs in (fewest, recipe.epochs)
    )
    return Estimate(seconds, pace.memory, known, least)


def _seconds(recipe: Recipe, films: int, pace: Pace, bundle: float | None, epochs: int) -> float:
    """Of a run whose folds are trained for so many epochs."""
    held_out = _held_out(recipe, films)
    epoch = pace.train * (films - held_out) + pace.validation * held_out + pace.save
    around = around_training(recipe, films, pace.validation)
    a_fold = pace.start + epochs * epoch + around.answers
    seconds = recipe.held_out_folds * a_fold + _READING * films / cores()
    seconds += (bundle or around.bundle) + around.robustness
    if recipe.folds > 1:  # and then the network of all films
        seconds += pace.start + recipe.epochs * (pace.train * films + pace.save)
    return seconds


def _without_sources(recipe: Recipe, films: int, sources: int, pace: Pace, epochs: int) -> float:
    """Of one more training for each source, on the others, measured on it; 0 where none is."""
    if not recipe.leave_source_out or sources < 2:
        return 0.0
    own = films / sources
    chosen_on = _held_out(recipe, films - own)
    epoch = pace.train * (films - own - chosen_on) + pace.validation * chosen_on + pace.save
    return sources * (pace.start + epochs * epoch + pace.validation * own)


@dataclass(frozen=True)
class Around:
    """Seconds of what is not training: for one fold to read the films it held out, to make the
    model, and for the robustness suite of all folds, 0 where the recipe leaves it out.
    """

    answers: float
    bundle: float
    robustness: float


def around_training(recipe: Recipe, films: float, answer: float) -> Around:
    """What a run on `films` films does besides training.

    answer: seconds in which the network answers to a film.
    """
    seen = answer + _PERTURBING * (recipe.size / _ROUGH_SIZE) ** 2 / cores()
    check_reads = min(_CHECK_READS * films, _MOST_CHECK_READS)
    held_out = _held_out(recipe, films)
    sampled = min(recipe.stress_films or held_out, held_out)
    suite = recipe.held_out_folds * len(SUITE_VIEWS) * sampled * seen
    return Around(
        answers=len(POINT_VIEWS) * held_out * seen,
        bundle=check_reads * seen + _BUNDLE,
        robustness=suite if recipe.robustness else 0.0,
    )


def shortages(recipe: Recipe, films: int, expected: Estimate, settings: Settings) -> list[str]:
    """What the machine lacks for the run, each with what to do; [] if it may start."""
    lacks = _memory_short(expected)
    needed = films * recipe.size**2 + _ROOM
    for folder in {settings.cache_dir, settings.runs_dir}:
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            lacks.append(
                f"Expected {file_size(needed)} of free disk for decoded films and checkpoints; "
                f"{file_size(free)} are free. Free some space, or choose a smaller size."
            )
            break
    return lacks


def _memory_short(expected: Estimate) -> list[str]:
    """A guess is held against all memory that there is, a measure against what is free now."""
    left, limit = memory_left(), memory_limit()
    if expected.measured and expected.memory > left:
        return [
            (
                f"Expected about {file_size(expected.memory)} of free memory, as measured here; "
                f"{file_size(left)} are free. Close other programs, or choose a smaller batch or "
                "size."
            )
        ]
    if not expected.measured and expected.memory > limit:
        return [
            (
                f"Expected very roughly {file_size(expected.memory)} of memory; this machine has "
                f"{file_size(limit)} in all. Choose a smaller batch or size, or measure first what "
                "it takes here."
            )
        ]
    return []


def _held_out(recipe: Recipe, films: float) -> float:
    return films / max(recipe.folds, 5 if recipe.folds == 1 else 2)


def _rough(recipe: Recipe, gpus: int) -> Pace:
    seconds, batch_memory = _ROUGH[recipe.backbone]
    area = (recipe.size / _ROUGH_SIZE) ** 2
    whole = recipe.weights == "none" or recipe.trained_from == "all"
    if whole and recipe.backbone != "cnn":
        seconds, batch_memory = seconds * _EVERY_BLOCK, batch_memory * _EVERY_BLOCK
    train = seconds * area * (_ON_A_GPU * _ROUGH_CORES / gpus if gpus else _ROUGH_CORES / cores())
    memory = _LIBRARIES
    if not gpus:  # there a batch lies in the card's memory
        memory += batch_memory * 2**30 * area * recipe.batch / _ROUGH_BATCH
    return Pace(train, validation=0.4 * train, start=20.0, save=3.0, memory=int(memory))


def _existing(folder: Path) -> Path:
    """The folder itself, or what of the way to it is there."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
