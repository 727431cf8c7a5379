"""The settings that are folded away, each with its usual name, default, range and meaning."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import streamlit as st

from pneumo_core.training.recipe import PRECISIONS, Recipe

_PERSIST: Any = "session"  # over a visit to another page


@dataclass(frozen=True)
class Setting:
    """A setting that is folded away: its name in the recipe, its label, its meaning, its kind.

    kind: "whole", "number", "yes" or a tuple of choices ("" is the network's default); low, high:
    of numbers.
    """

    name: str
    label: str
    meaning: str
    kind: str | tuple[str, ...]
    low: float = 0.0
    high: float = 1.0


MORE = (
    Setting(
        "folds",
        "Folds",
        "1: one validation fold, a fifth of the patients. 5: five-fold cross-validation.",
        "whole",
        1,
        10,
    ),
    Setting(
        "batch",
        "Batch size",
        "Smaller needs less memory; larger uses a GPU better.",
        "whole",
        1,
        512,
    ),
    Setting(
        "learning_rate",
        "Learning rate",
        "Peak rate of AdamW; lower it if the loss becomes NaN.",
        "number",
        0.0,
        0.1,
    ),
    Setting(
        "warm_up",
        "Warm-up",
        "Share of the steps over which the learning rate rises to its peak; a cosine follows.",
        "number",
    ),
    Setting(
        "lower_rate",
        "Learning rate of lower layers",
        "Share of the learning rate, for layers below those that are trained by default.",
        "number",
    ),
    Setting(
        "head_first",
        "Head alone",
        "Share of the steps in which only the last layer of a pretrained network is trained.",
        "number",
    ),
    Setting(
        "ema_momentum",
        "EMA momentum",
        "Decay of the weights' moving average, which is validated and saved as the model.",
        "number",
        0.0,
        0.9999,
    ),
    Setting(
        "patience",
        "Patience (early stopping)",
        "Epochs without a better validation AUC before training stops; 0: never, last epoch used.",
        "whole",
        0,
        100,
    ),
    Setting(
        "trained_from",
        "Fine-tune from layer",
        "Trained part of a pretrained network: upper blocks (default), the head only, or all.",
        ("", "head", "all"),
    ),
    Setting(
        "hold_out",
        "Validation fold",
        "Patients at random, or ranges of file numbers: a harder test if these follow the date.",
        ("patients", "numbers"),
    ),
    Setting(
        "framing_weights",
        "Framing-bias weights",
        "0: equal weights. 1: more weight on films whose framing does not predict their class.",
        "number",
    ),
    Setting(
        "least_area",
        "Smallest crop",
        "Smallest share of a film that augmentation keeps.",
        "number",
        0.05,
    ),
    Setting(
        "robustness",
        "Robustness suite",
        "Evaluates the validation fold under some forty perturbations, after the model is saved.",
        "yes",
    ),
    Setting("class_weights", "Class weights", "Rare classes weigh as much as common ones.", "yes"),
    Setting(
        "augment",
        "Augmentation",
        "Random crops, rotations and brightness changes in every epoch.",
        "yes",
    ),
    Setting(
        "label_smoothing",
        "Label smoothing",
        "Softens the labels, against overconfidence.",
        "number",
        0.0,
        0.5,
    ),
    Setting(
        "dropout", "Dropout", "Share of the features dropped at each step.", "number", 0.0, 0.9
    ),
    Setting("weight_decay", "Weight decay", "AdamW: decoupled penalty on large weights.", "number"),
    Setting("precision", "Precision", "auto: bfloat16 where the hardware supports it.", PRECISIONS),
    Setting("seed", "Seed", "The same seed and data give the same run.", "whole", 0, 2**31 - 1),
)


def show_more(usual: Recipe, preset: str) -> dict[str, Any]:
    """The settings that differ from the preset's."""
    known = {field.name for field in fields(Recipe)}
    chosen = {}
    shown = [setting for setting in MORE if setting.name in known]
    for first in range(0, len(shown), 2):
        for setting, column in zip(shown[first : first + 2], st.columns(2), strict=False):
            with column:
                value = _widget(setting, getattr(usual, setting.name), preset)
                st.caption(f"{setting.meaning} {_range(setting, getattr(usual, setting.name))}")
            if value != getattr(usual, setting.name):
                chosen[setting.name] = value
    return chosen


def _range(setting: Setting, usual: Any) -> str:
    """The default and the limits: "Default 32, 1 to 512"."""
    if setting.kind == "yes":
        return f"Default {'on' if usual else 'off'}."
    if isinstance(setting.kind, tuple):
        return f"Default {usual or 'upper blocks'}."
    if setting.name == "seed":
        return f"Default {usual}, any whole number."
    return f"Default {usual:g}, {setting.low:g} to {setting.high:g}."


def _widget(setting: Setting, usual: Any, preset: str) -> Any:
    about: dict[str, Any] = {
        "key": f"training.{setting.name}.{preset}",
        "persist_state": _PERSIST,
    }
    if setting.kind == "yes":
        return st.toggle(setting.label, usual, **about)
    if isinstance(setting.kind, tuple):
        at = setting.kind.index(usual)
        return st.selectbox(
            setting.label,
            setting.kind,
            index=at,
            format_func=lambda name: name or "default",
            **about,
        )
    if setting.kind == "whole":
        return st.number_input(
            *(setting.label, int(setting.low), int(setting.high), int(usual)), **about
        )
    return st.number_input(
        *(setting.label, setting.low, setting.high, float(usual), usual / 2 or 0.01),
        format="%g",
        **about,
    )
