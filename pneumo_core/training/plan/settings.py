"""The settings of a run as others write them: one command line, JSON, a learning-rate curve."""

from __future__ import annotations

import json
import shlex
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Fields of the recipe that `train` has an option of its own for; the others go by --set.
OPTIONS = {
    "backbone": "--backbone",
    "weights": "--weights",
    "task": "--task",
    "size": "--size",
    "frame": "--frame",
    "epochs": "--epochs",
    "batch": "--batch",
    "folds": "--folds",
    "learning_rate": "--learning-rate",
    "thaw": "--thaw",
    "hold_out": "--hold-out",
    "measured_folds": "--measured-folds",
    "seed": "--seed",
    "precision": "--precision",
}
_KINDS = {field.name: type(getattr(Recipe(), field.name)) for field in fields(Recipe)}
_TRUE, _FALSE = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


def parse_choices(given: Sequence[str]) -> dict[str, Any]:
    """The recipe's fields out of words NAME=VALUE. Raises TrainingError."""
    return dict(_choice(words) for words in given)


def _choice(words: str) -> tuple[str, Any]:
    name, sign, value = words.partition("=")
    name = name.strip().replace("-", "_")
    if not sign or name not in _KINDS or name == "preset":
        known = ", ".join(name for name in _KINDS if name != "preset")
        raise TrainingError(f"Expected --set NAME=VALUE with a name out of {known}; got {words!r}.")
    kind = _KINDS[name]
    try:
        if kind is bool:
            return name, {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}[value]
        return name, kind(value)
    except (ValueError, KeyError) as error:
        wanted = "true or false" if kind is bool else {int: "a whole number", float: "a number"}
        what = wanted if isinstance(wanted, str) else wanted.get(kind, "a word")
        raise TrainingError(f"Expected {what} for {name}; got {value!r}.") from error


def command_words(recipe: Recipe, data: Sequence[str]) -> list[str]:
    """The words after `python -m pneumo_core` that start such a run on the folders `data`."""
    usual = usual_recipe(recipe).as_dict()
    words = ["train", *data, "--preset", recipe.preset, "--backbone", recipe.backbone]
    for name, value in recipe.as_dict().items():
        if value == usual[name] or name in {"preset", "backbone"}:
            continue
        if name in OPTIONS:
            words += [OPTIONS[name], str(value)]
        elif name == "leave_source_out":
            words.append("--leave-source-out")
        elif name == "robustness":
            words.append("--robustness" if value else "--no-robustness")
        else:
            written = str(value).lower() if isinstance(value, bool) else value
            words += ["--set", f"{name}={written}"]
    # What the films allow is chosen where no task is named.
    return words if recipe.task != usual["task"] else [*words, "--task", recipe.task]


def command_line(recipe: Recipe, data: Sequence[str]) -> str:
    """The command that starts such a run, to copy into a shell."""
    return f"python -m pneumo_core {shlex.join(command_words(recipe, data))}"


def settings_json(recipe: Recipe) -> str:
    """All settings as JSON."""
    return json.dumps(recipe.as_dict(), indent=1)


def usual_recipe(recipe: Recipe) -> Recipe:
    """The preset of such a recipe with its backbone and start, nothing else changed."""
    preset = recipe.preset if recipe.preset in PRESETS else "standard"
    weights = None if recipe.backbone == "cnn" else "imagenet"
    return make_recipe(preset, backbone=recipe.backbone, weights=weights)


def learning_rates(recipe: Recipe, points: int = 200) -> tuple[NDArray[Any], NDArray[Any]]:
    """Epochs and the learning rate there, float64 (points,): linear warm-up, then a cosine.

    As `keras.optimizers.schedules.CosineDecay` has it: from 2 % up to the peak, down to 1 % of
    where it began (Loshchilov and Hutter 2017, SGDR).
    """
    share = np.linspace(0, 1, points)
    peak, warm = recipe.learning_rate, recipe.warm_up
    start, least = 0.02 * peak, 0.01
    rising = start + (peak - start) * share / max(warm, 1e-9)
    cosine = 0.5 * (1 + np.cos(np.pi * np.clip((share - warm) / max(1 - warm, 1e-9), 0, 1)))
    falling = peak * ((1 - least) * cosine + least)
    return share * recipe.epochs, np.where(share < warm, rising, falling)
