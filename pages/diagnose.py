"""Diagnose: drop films; see decision, probability, stability range and saliency map."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.diagnose.explanations import show_explanations
from pages.ui.diagnose.history import show_history
from pages.ui.diagnose.reading_log import keep_in_log, show_log_state
from pages.ui.diagnose.reread import evidence_html, offer_to_correct, offer_to_read_again
from pages.ui.diagnose.result import show_glossary, show_result
from pages.ui.diagnose.study import show_studies, show_study
from pages.ui.diagnose.take_away import show_take_away, show_worklist_take_away
from pages.ui.diagnose.upload import (
    chosen_sample,
    drop_zone,
    follow_intake,
    merge_arrived,
    read_sample,
    reading_paused,
    show_intake,
    show_notices,
    show_presentation_switch,
    take_in,
)
from pages.ui.diagnose.verdict import (
    any_hidden,
    show_blinded_form,
    show_blinded_list,
    show_blinded_switch,
    show_hidden_film,
    show_verdict,
)
from pages.ui.diagnose.viewer import is_wide, show_film, show_stepper
from pages.ui.diagnose.worklist import show_welcome, show_worklist, visible
from pages.ui.page import heading, page_frame, plain, warn_before_leaving
from pneumo_core.bundle.provenance import fitted_words
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle


def diagnose() -> None:
    """The page, top to bottom."""
    bundle = _model()
    if state.study.get():
        show_study(bundle)
        return
    if bundle is not None:
        _upload(bundle)
    warn_before_leaving(films=bool(state.films()))
    shown = state.opened()
    if shown is not None:
        _show(shown, state.worklist(), bundle)
    elif bundle is not None:
        show_welcome(bundle)
    keep_in_log(state.films().values())
    if not state.presenting.get():
        show_log_state()
        show_history()
        show_studies()
    if bundle is not None:
        cache.warm_up(bundle)


def _model() -> Bundle | None:
    """The model in service, named in the heading; a warning where there is none."""
    try:
        bundle = cache.model_in_service()
    except BundleError as error:
        heading("Diagnose", "no model in service")
        st.warning(
            plain(f"There is no model in service, so no film can be read. {error}"),
            icon=":material/model_training:",
        )
        return None
    fitted = fitted_words(bundle.card)
    named = f"model in service: {bundle.name} {bundle.version}"
    heading("Diagnose", f"{named}, {fitted}" if fitted else named)
    return bundle


def _upload(bundle: Bundle) -> None:
    """The drop zone and the samples; new films are read, then the page reruns."""
    with st.container(horizontal=True, vertical_alignment="center", key="switches"):
        if not state.presenting.get():
            show_blinded_switch()
        show_presentation_switch()
        show_glossary()
    if state.presenting.get():
        merge_arrived()
        return
    # The drop zone keeps its place in the page: one that moved would lose a drop that is under way.
    beside = bool(state.films())
    with st.container(horizontal=beside, vertical_alignment="bottom", key="drop"):
        with st.container():
            files = drop_zone()
        with st.container(width="content" if beside else "stretch"):
            sample = chosen_sample(thumbnails=not beside)
    if files:
        take_in(files, bundle)
    else:
        merge_arrived()
        show_notices()
        _progress.append(show_intake())
    if sample is not None:
        read_sample(sample, bundle)
    if files or sample is not None:
        st.rerun()


def _show(shown: Entry, entries: list[Entry], bundle: Bundle | None) -> None:
    """One film large with its result, and the table of all films below it."""
    order = visible(entries)
    show_stepper(shown, order if shown in order else entries)
    if shown.record.hidden is None:
        _show_answered(shown, bundle)
    else:
        _show_blinded(shown)
    if state.presenting.get():
        return
    if any_hidden(entries):
        show_blinded_list(entries, shown)
    else:
        show_worklist(entries, shown, bundle)
        show_worklist_take_away(entries)


def _show_answered(shown: Entry, bundle: Bundle | None) -> None:
    """The film with its result; below them what the reader says and takes away."""
    with st.container(key="reading"):
        # Result first, for screen readers and phones; style.css puts the image left on a wide page.
        wide = is_wide()
        words, picture = st.columns([1, 2] if wide else [4, 5], gap="medium")
        with words:
            show_result(shown, evidence_html(shown, bundle))
            offer_to_read_again([shown], bundle, "diagnose.again")
            offer_to_correct(shown, bundle)
        with picture:
            show_film(shown.key, wide=wide)
    if (
        shown.picture and not state.presenting.get()
    ):  # of a file that could not be decoded there is nothing to say
        show_explanations(shown, bundle)
        verdict, take_away = st.columns(2, gap="medium")
        with verdict, st.expander("Your verdict"):
            show_verdict(shown)
        with take_away, st.expander("Take away"):
            show_take_away(shown)


def _show_blinded(shown: Entry) -> None:
    """The film alone and the reader's form, the film first on a phone as well."""
    wide = is_wide()
    picture, words = st.columns([5, 4], gap="medium")
    with picture:
        show_film(shown.key, wide=wide)
    with words:
        show_hidden_film()
        show_blinded_form(shown)


with page_frame("Diagnose"):
    _progress: list[DeltaGenerator | None] = []
    with reading_paused():
        diagnose()
    follow_intake(_progress[-1] if _progress else None)
