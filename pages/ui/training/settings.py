"""The settings of the next run: the few that matter, the rest folded away with their meaning."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.training.words import (
    BACKBONES,
    MORE,
    TASKS,
    WEIGHTS,
    WEIGHTS_MEANING,
    Setting,
    backbone_title,
)
from pneumo_core.dataset.sources import check_folder
from pneumo_core.errors import DataSetError, TrainingError
from pneumo_core.training.recipe import PRESETS, Recipe, make_recipe

if TYPE_CHECKING:
    from pneumo_core.config import Settings

SIZES = (64, 96, 128, 160, 192, 224, 256, 288, 320, 384, 448, 512)
_KEPT: Any = "session"  # over a visit to another page


def show_settings(settings: Settings) -> Recipe:
    """The settings as widgets, and the recipe they make. Raises TrainingError for an impossible
    one.
    """
    preset = st.segmented_control(
        "Preset",
        list(PRESETS),
        default="quick",
        required=True,
        key="training.preset",
        persist_state=_KEPT,
        format_func=str.capitalize,
    )
    st.caption(f"{PRESETS[preset].promise[:1].upper()}{PRESETS[preset].promise[1:]}.")
    usual = make_recipe(preset, backbone="cnn")
    choices: dict[str, Any] = {"backbone": _backbone()}
    weights = _weights(choices["backbone"])
    task, size, epochs = st.columns([2, 1, 1], gap="small")
    with task:
        choices["task"] = st.selectbox(
            "Task", list(TASKS), format_func=TASKS.get, key="training.task", persist_state=_KEPT
        )
    with size:
        choices["size"] = st.selectbox(
            "Size (pixels)",
            SIZES,
            index=SIZES.index(usual.size),
            key=f"training.size.{preset}",
            persist_state=_KEPT,
        )
    with epochs:
        choices["epochs"] = st.number_input(
            *("Epochs", 1, 500, usual.epochs),
            key=f"training.epochs.{preset}",
            persist_state=_KEPT,
        )
    with st.expander("More settings"):
        choices |= _more(usual, preset)
    if weights is not None and weights not in WEIGHTS:
        weights = _checked(weights, settings)
    return make_recipe(preset, weights=weights, **choices)


def _backbone() -> str:
    chosen: str = st.selectbox(
        "Network",
        list(BACKBONES),
        format_func=backbone_title,
        key="training.backbone",
        persist_state=_KEPT,
    )
    st.caption(BACKBONES[chosen])
    return chosen


def _weights(backbone: str) -> str | None:
    """Where the network starts from, or the file that was typed; None for one that has no
    pretrained weights.
    """
    if backbone == "cnn":
        return None
    chosen = st.segmented_control(
        "Start from",
        list(WEIGHTS),
        default="imagenet",
        required=True,
        format_func=WEIGHTS.get,
        key="training.weights",
        persist_state=_KEPT,
    )
    st.caption(WEIGHTS_MEANING[chosen])
    if chosen != "file":
        return str(chosen)
    typed = st.text_input(
        "Weights file",
        placeholder="/home/me/resnet50_notop.weights.h5",
        key="training.weights.file",
        persist_state=_KEPT,
    )
    return str(typed).strip()


def _checked(typed: str, settings: Settings) -> str:
    """The file that was typed, if it lies where this screen may look. Raises TrainingError."""
    if not typed:
        raise TrainingError("Expected a weights file, got nothing. Type where it is.")
    try:
        path = check_folder(Path(typed).parent, settings=settings) / Path(typed).name
    except DataSetError as error:
        raise TrainingError(
            f"Expected a weights file in a folder that may be opened from here; {typed} is in "
            "none. Copy it there, or name its folder in the variable PNEUMO_DATA_ROOTS and start "
            "the app again."
        ) from error
    if not path.is_file():
        raise TrainingError(f"Expected a weights file, got {typed}, which is none. Check the path.")
    return str(path)


def _more(usual: Recipe, preset: str) -> dict[str, Any]:
    """The settings that differ from the preset's."""
    known = {field.name for field in fields(Recipe)}
    chosen = {}
    shown = [setting for setting in MORE if setting.name in known]
    for first in range(0, len(shown), 2):
        for setting, column in zip(shown[first : first + 2], st.columns(2), strict=False):
            with column:
                value = _widget(setting, getattr(usual, setting.name), preset)
                st.caption(setting.meaning)
            if value != getattr(usual, setting.name):
                chosen[setting.name] = value
    return chosen


def _widget(setting: Setting, usual: Any, preset: str) -> Any:
    about: dict[str, Any] = {
        "key": f"training.{setting.name}.{preset}",
        "persist_state": _KEPT,
    }
    if setting.kind == "yes":
        return st.toggle(setting.label, usual, **about)
    if isinstance(setting.kind, tuple):
        at = setting.kind.index(usual)
        return st.selectbox(
            setting.label, setting.kind, index=at, format_func=lambda name: name or "usual", **about
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
