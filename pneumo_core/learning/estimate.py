"""How long a run will take and how much it needs: from what was measured here, else roughly."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.learning.pace import Pace, bundle_seconds, known_pace
from pneumo_core.learning.telling import lasting
from pneumo_core.training.hardware import cores, gigabytes, memory_left, memory_limit
from pneumo_core.training.held_out import POINT_VIEWS, SUITE_VIEWS

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings
    from pneumo_core.training.recipe import Recipe

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
_DISTURBING = 0.003  # seconds of one core to disturb a film of 160 px in one way
_BUNDLE = 7.0  # seconds to calibrate, write and check the model
_LOOKS, _MOST_LOOKS = 14, 5000  # answers for each film, and at most, to what is unlike them
_ROOM = 1.5 * 2**30  # bytes of checkpoints, and of the model twice


@dataclass(frozen=True)
class Estimate:
    """Seconds that a run takes if no training ends early, and bytes of memory at its peak.

    measured: whether this machine's pace with this network is known, or only guessed.
    """

    seconds: float
    memory: int
    measured: bool

    def sentence(self) -> str:
        """The time in words, and how far they can be relied on."""
        if self.measured:
            return f"about {lasting(self.seconds)}"
        return f"very roughly {lasting(self.seconds)}"


def estimate(recipe: Recipe, films: int, settings: Settings, *, gpus: int = 0) -> Estimate:
    """What a run of `recipe` on `films` films (outside the test split) takes on this machine."""
    pace = known_pace(recipe, settings)
    known = pace is not None
    pace = pace or _rough(recipe, gpus)
    held_out = _held_out(recipe, films)
    epoch = pace.train * (films - held_out) + pace.validation * held_out + pace.save
    around = around_training(recipe, films, pace.validation)
    bundle = bundle_seconds(recipe, settings.runs_dir) or around.bundle
    a_fold = pace.start + recipe.epochs * epoch + around.answers
    seconds = recipe.held_out_folds * a_fold + _READING * films / cores() + bundle
    seconds += around.robustness
    if recipe.folds > 1:  # and then the network of all films
        seconds += pace.start + recipe.epochs * (pace.train * films + pace.save)
    return Estimate(seconds, pace.memory, known)


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
    seen = answer + _DISTURBING * (recipe.size / _ROUGH_SIZE) ** 2 / cores()
    looks = min(_LOOKS * films, _MOST_LOOKS)
    held_out = _held_out(recipe, films)
    sampled = min(recipe.stress_films or held_out, held_out)
    suite = recipe.held_out_folds * len(SUITE_VIEWS) * sampled * seen
    return Around(
        answers=len(POINT_VIEWS) * held_out * seen,
        bundle=looks * seen + _BUNDLE,
        robustness=suite if recipe.robustness else 0.0,
    )


def shortages(recipe: Recipe, films: int, expected: Estimate, settings: Settings) -> list[str]:
    """What the machine lacks for the run, each with what to do; [] if it may start."""
    told = _memory_short(expected)
    needed = films * recipe.size**2 + _ROOM
    for folder in {settings.cache_dir, settings.runs_dir}:
        free = shutil.disk_usage(_existing(folder)).free
        if free < needed:
            told.append(
                f"Expected {gigabytes(needed)} of free disk for decoded films and checkpoints; "
                f"{gigabytes(free)} are free. Free some space, or choose a smaller size."
            )
            break
    return told


def _memory_short(expected: Estimate) -> list[str]:
    """A guess is held against all memory that there is, a measure against what is free now."""
    left, limit = memory_left(), memory_limit()
    if expected.measured and expected.memory > left:
        return [
            (
                f"Expected about {gigabytes(expected.memory)} of free memory, as measured here; "
                f"{gigabytes(left)} are free. Close other programs, or choose a smaller batch or "
                "size."
            )
        ]
    if not expected.measured and expected.memory > limit:
        return [
            (
                f"Expected very roughly {gigabytes(expected.memory)} of memory; this machine has "
                f"{gigabytes(limit)} in all. Choose a smaller batch or size, or measure first what "
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
