"""Start from an earlier run's settings: they are put into the widgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.page import plain
from pages.ui.training.more_settings import MORE
from pneumo_core.errors import TrainingError
from pneumo_core.training.network import find_backbone
from pneumo_core.training.plan.parent import is_parent
from pneumo_core.training.recipe import PRESETS
from pneumo_core.training.runs.run import list_runs

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.training.recipe import Recipe

_KEY, _MOST = "training.earlier", 20


def offer_earlier(settings: Settings) -> None:
    """A choice of the latest runs; the chosen one's settings fill the widgets below."""
    runs = [run.id for run in list_runs(settings.runs_dir)[:_MOST]]
    if not runs:
        return
    st.selectbox(
        "Settings of an earlier run",
        runs,
        index=None,
        placeholder="Start from an earlier run's settings…",
        key=_KEY,
        on_change=_take_over,
        args=(settings,),
        label_visibility="collapsed",
    )
    if refused := st.session_state.get(f"{_KEY}.refused"):
        st.caption(plain(refused))


def _take_over(settings: Settings) -> None:
    """Runs before the page: widgets may still be given values."""
    chosen, refused = st.session_state.get(_KEY), f"{_KEY}.refused"
    st.session_state.pop(refused, None)
    for run in list_runs(settings.runs_dir):
        if run.id == chosen:
            try:
                st.session_state.update(widget_values(run.recipe()))
            except TrainingError as error:
                st.session_state[refused] = str(error)


def widget_values(recipe: Recipe) -> dict[str, Any]:
    """The value of every widget of the Training screen that makes this recipe, by its key."""
    preset = recipe.preset if recipe.preset in PRESETS else "standard"
    values: dict[str, Any] = {
        "training.preset": preset,
        "training.backbone": recipe.backbone,
        "training.task": recipe.task,
        f"training.size.{preset}": recipe.size,
        f"training.epochs.{preset}": recipe.epochs,
        **_start(recipe),
    }
    for setting in MORE:
        values[f"training.{setting.name}.{preset}"] = getattr(recipe, setting.name)
    return values


def _start(recipe: Recipe) -> dict[str, Any]:
    if not find_backbone(recipe.backbone).application:
        return {}
    if recipe.weights in {"imagenet", "none"}:
        return {"training.weights": recipe.weights}
    if is_parent(recipe.weights):
        return {
            "training.weights": "model",
            f"training.parent.{recipe.backbone}": recipe.weights,
        }
    return {"training.weights": "file", "training.weights.file": recipe.weights}
