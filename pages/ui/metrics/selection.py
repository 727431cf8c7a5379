"""Which model on which films, and the way to other films."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.job_progress import show_job
from pages.ui.metrics import predictions
from pages.ui.metrics.predictions import OWN, Subject, measured_subject, own_subject
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.dataset.sources import check_folder, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.test_log import logged_evaluations
from pneumo_core.formatting import times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.models.inventory import Checked
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings

_ROUND = "metrics.measured"
PHASES = {"index": "opening the files", "decode": "decoding", "read": "reading with the model"}


def pick_model(shelf: Sequence[Checked]) -> Checked:
    """The model chosen on this or on another screen; else the one in service."""
    names = [one.found.name for one in shelf]
    asked = state.measured_model()
    key = "metrics.model"
    if st.session_state.get(key) not in names:
        st.session_state[key] = asked if asked in names else names[0]
    elif asked in names:
        st.session_state[key] = asked
    by_name = dict(zip(names, shelf, strict=True))
    name = st.selectbox(
        "Model",
        names,
        key=key,
        format_func=lambda one: _title(by_name[one]),
        on_change=lambda: state.measure(st.session_state[key]),
    )
    state.measure(name)
    return by_name[name]


def pick_films(bundle: Bundle, settings: Settings) -> Subject:
    """The films chosen: the model's own, or a folder that it was measured on."""
    done = [
        one
        for one in predictions.evaluations(bundle, settings=settings)
        if predictions.is_done(one, settings=settings)
    ]
    by_key = {one.key: one for one in done}
    options = ["", *by_key]
    key = "metrics.films"
    st.session_state[key] = (
        state.prediction_source() if state.prediction_source() in options else ""
    )
    chosen = st.selectbox(
        "Films",
        options,
        key=key,
        format_func=lambda one: _capital(by_key[one].films if one else OWN),
        on_change=lambda: state.choose_prediction_source(st.session_state[key]),
    )
    if chosen:
        return measured_subject(bundle, by_key[chosen], settings)
    return own_subject(bundle)


def offer_measuring(bundle: Bundle, settings: Settings) -> None:
    """The way to measure the model on a labelled folder, here and now."""
    # Another popover once it was used: the one it was used in closes.
    key = f"metrics.measure.{st.session_state.get(_ROUND, 0)}"
    label, icon = "Measure a folder", ":material/add_chart:"
    with st.popover(label, icon=icon, width="stretch", key=key):
        _show_measuring(bundle, settings)


def _show_measuring(bundle: Bundle, settings: Settings) -> None:
    st.write(
        "The model reads every film of a labelled folder, and its figures are shown like any other."
    )
    source = remembered_source(settings=settings)
    typed = st.text_input(
        "Folder that holds NORMAL/ and PNEUMONIA/, or train/, val/ and test/ with these",
        value=str(source.path) if source else "",
        placeholder="/home/me/chest_xray",
        key="metrics.folder",
    )
    split = st.segmented_control(
        "Split", predictions.SPLITS, default="test", required=True, key="metrics.split"
    )
    if split == "test":
        st.caption(
            "Evaluations on a test split are logged with the model. So far test films have been "
            f"evaluated {times(len(logged_evaluations(bundle)))}. Evaluate them once everything "
            "else is settled. Synthetic films are not logged."
        )
    if st.button("Measure", type="primary", key=start_key("metrics.begin")):
        try:
            path = check_folder(typed, settings=settings)
            with starting():
                new = predictions.begin(bundle, path, split, settings=settings)
        except DataSetError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            state.choose_prediction_source(new.key)
            st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1
            st.rerun()


def show_jobs(bundle: Bundle, settings: Settings) -> None:
    """What is being read, and what could not be: the newest first."""
    for one in predictions.evaluations(bundle, settings=settings):
        job = one.job(settings)
        if job is None:
            continue
        running = job.status().state == "running"
        if running or (
            one.key == state.prediction_source() and not one.table_path(settings).is_file()
        ):
            show_job(job, doing=reads(one), phases=PHASES)


def reads(one: predictions.Evaluation) -> str:
    """What is being done, in words: "kermany reads the split test of chest_xray"."""
    return f"{one.model} reads {one.films}"


def _title(checked: Checked) -> str:
    found = checked.found
    version = f" {found.bundle.version}" if found.bundle else ""
    notes = [
        note
        for note, holds in (("in service", found.in_service), ("damaged", bool(found.fault)))
        if holds
    ]
    return f"{found.name}{version}" + (f" ({', '.join(notes)})" if notes else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
