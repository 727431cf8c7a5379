"""Training: the plan of the next run, the run in progress with its curves, all runs, lessons."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from pages.ui import state
from pages.ui.models.actions import ask_about_service
from pages.ui.page import heading, page_frame, plain
from pages.ui.training.actions import ask_delete
from pages.ui.training.lessons import show_lessons
from pages.ui.training.plan import show_further, show_plan
from pages.ui.training.run_view import show_running
from pages.ui.training.runs_table import show_runs, show_tensorboard
from pages.ui.training.setup import show_settings, show_source
from pneumo_core.config import Settings, load_settings
from pneumo_core.errors import TrainingError
from pneumo_core.training.runs.run import list_runs


def training() -> None:
    """The page, top to bottom."""
    settings = load_settings()
    heading("Training")
    if message := state.models_message.take():
        st.toast(plain(message), icon=":material/check:")
    with st.container(key="training-top"):
        left, right = st.columns([2, 3], gap="large")
    with left:
        can_start = _plan(settings)
    with right:
        show_running(settings, can_start=can_start)
    show_runs(settings)
    show_lessons(settings)
    show_tensorboard(settings)
    if not ask_delete(list_runs(settings.runs_dir)):
        ask_about_service()


def _plan(settings: Settings) -> bool:
    """The plan in a sentence, then its settings. Returns whether there is a Start button."""
    sentence = st.container()
    chosen = show_source(settings)
    sources = None if chosen is None else show_further(chosen[0].path, chosen[1], settings)
    try:
        recipe = show_settings(settings, None if sources is None else sources.material)
    except TrainingError as error:
        sentence.warning(str(error), icon=":material/block:")
        return False
    if sources is None:
        return False
    with sentence:
        show_plan(replace(recipe, leave_source_out=sources.leave_out), sources, settings)
    return True


with page_frame("Training"):
    training()
