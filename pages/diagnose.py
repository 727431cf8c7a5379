"""Diagnose: drop films, see what the model thinks of them, where it looked and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.diagnose.reread import offer_to_read_again, offer_to_set_right, standing_html
from pages.ui.diagnose.result import show_verdict
from pages.ui.diagnose.upload import chosen_sample, drop_zone, take_in, take_sample
from pages.ui.diagnose.viewer import is_wide, show_film, show_stepper
from pages.ui.diagnose.worklist import show_welcome, show_worklist
from pages.ui.page import heading, page_frame, plain
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle


def diagnose() -> None:
    """The page, top to bottom."""
    bundle = _model()
    if bundle is not None:
        _ask(bundle)
    shown = state.opened()
    if shown is not None:
        _show(shown, state.worklist(), bundle)
    elif bundle is not None:
        show_welcome(bundle)
    if bundle is not None:
        cache.warm_up(bundle)


def _model() -> Bundle | None:
    """The model in service, named in the heading; in words where there is none."""
    try:
        bundle = cache.model_in_service()
    except BundleError as error:
        heading("Diagnose", "no model in service")
        st.warning(
            plain(f"No film can be read without a model. {error}"),
            icon=":material/model_training:",
        )
        return None
    heading("Diagnose", f"model in service: {bundle.name} {bundle.version}")
    return bundle


def _ask(bundle: Bundle) -> None:
    """The drop zone and the samples; a film that comes is read, and the page starts anew."""
    if state.films():
        films, samples = st.columns([5, 1], vertical_alignment="bottom")
    else:
        films, samples = st.container(), st.container()
    with films:
        files = drop_zone()
    with samples:
        sample = chosen_sample(pictures=not state.films())
    if files:
        take_in(files, bundle)
    if sample is not None:
        take_sample(sample, bundle)
    if files or sample is not None:
        st.rerun()


def _show(shown: Entry, entries: list[Entry], bundle: Bundle | None) -> None:
    """The film shown large with what was found, and the table of all films below it."""
    show_stepper(shown, entries)
    with st.container(key="reading"):
        # Words first, as they are read; style.css puts the picture on the left of a wide page.
        words, picture = st.columns([2, 5] if is_wide() else [4, 5], gap="medium")
        with words:
            show_verdict(shown, standing_html(shown, bundle))
            offer_to_read_again([shown], bundle, "diagnose.again")
            offer_to_set_right(shown, bundle)
        with picture:
            show_film(shown.key)
    show_worklist(entries, shown, bundle)


with page_frame("Diagnose"):
    diagnose()
