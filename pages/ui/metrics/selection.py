"""The choice of model and films, the evaluation on a folder, and the record of test evaluations."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.folder_field import show_picker
from pages.ui.job_progress import show_job
from pages.ui.metrics import predictions
from pages.ui.metrics.predictions import (
    ELSEWHERE,
    OWN,
    Predictions,
    elsewhere_predictions_of,
    evaluated_predictions,
    shipped_predictions_of,
)
from pages.ui.page import plain
from pages.ui.state import start_key, starting
from pneumo_core.dataset.sources import check_folder, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.test_log import logged_evaluations
from pneumo_core.formatting import capital, estimate
from pneumo_core.metrics import Estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pages.ui.models.inventory import Checked
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.test_log import LoggedEvaluation

_RECORDED = (
    "A test set is independent only once: a model that is changed after a test result is fitted to "
    "the test. So every evaluation is recorded here, and none is removed."
)
_FOLDER = "metrics.folder"
PHASES = {
    "index": "reading the files",
    "copies": "looking for copies",
    "decode": "decoding",
    "read": "predicting",
}


def pick_model(listed: Sequence[Checked]) -> Checked:
    """The model chosen on this or on another screen; else the one in service."""
    names = [one.found.name for one in listed]
    asked = state.measured_model.get()
    key = "metrics.model"
    if st.session_state.get(key) not in names:
        st.session_state[key] = asked if asked in names else names[0]
    elif asked in names:
        st.session_state[key] = asked
    by_name = dict(zip(names, listed, strict=True))
    name = st.selectbox(
        "Model",
        names,
        key=key,
        format_func=lambda one: _title(by_name[one]),
        on_change=lambda: state.measured_model.set(st.session_state[key]),
    )
    state.measured_model.set(name)
    return by_name[name]


def pick_films(bundle: Bundle, settings: Settings) -> Predictions:
    """The films chosen: the model's own, or a folder that it was evaluated on."""
    done = [
        one
        for one in predictions.evaluations(bundle, settings=settings)
        if predictions.is_done(one, settings=settings)
    ]
    by_key = {one.key: one for one in done}
    elsewhere = elsewhere_predictions_of(bundle)
    named = {"": OWN, **{one.key: one.films for one in done}}
    if elsewhere is not None:
        named = {"": OWN, elsewhere.key: ELSEWHERE, **named}
    options = list(named)
    key = "metrics.films"
    st.session_state[key] = (
        state.prediction_source.get() if state.prediction_source.get() in options else ""
    )
    chosen = st.selectbox(
        "Films",
        options,
        key=key,
        format_func=lambda one: capital(named[one]),
        on_change=lambda: state.prediction_source.set(st.session_state[key]),
    )
    if elsewhere is not None and chosen == elsewhere.key:
        return elsewhere
    if chosen:
        return evaluated_predictions(bundle, by_key[chosen], settings)
    return shipped_predictions_of(bundle)


def offer_evaluation(bundle: Bundle, settings: Settings) -> None:
    """Evaluate the model on a labelled folder."""
    key = f"metrics.measure.{state.measurements.get()}"
    label, icon = "New evaluation", ":material/add_chart:"
    with st.popover(label, icon=icon, width="stretch", key=key):
        _show_evaluation(bundle, settings)


def show_test_evaluations(subject: Predictions) -> None:
    """Every recorded evaluation on a split called test."""
    st.caption(_RECORDED)
    past = logged_evaluations(subject.bundle)
    if not past:
        st.info(
            "This model has not been evaluated on a test set on this machine.",
            icon=":material/visibility_off:",
        )
        return
    st.dataframe(
        evaluations_table(past), hide_index=True, placeholder="–", alt="Test-set evaluations"
    )


def evaluations_table(past: list[LoggedEvaluation]) -> pd.DataFrame:
    """One row an evaluation, the latest first."""
    import pandas as pd

    return pd.DataFrame(
        {
            "when (UTC)": [_moment(one) for one in past],
            "version": [one.version for one in past],
            "films": [one.n for one in past],
            "AUC (DeLong)": [_area(one) for one in past],
            "sensitivity": [_rate(one, "sensitivity") for one in past],
            "specificity": [_rate(one, "specificity") for one in past],
            "data": [one.data for one in past],
        }
    )[::-1]


def _show_evaluation(bundle: Bundle, settings: Settings) -> None:
    st.write("The model predicts every film of a labelled folder; the result appears under Films.")
    source = remembered_source(settings=settings)
    st.session_state.setdefault(_FOLDER, str(source.path) if source else "")
    typed = st.text_input(
        "Folder of labelled films: class folders, or images with a table of labels",
        placeholder="/home/me/chest_xray",
        key=_FOLDER,
    )
    with st.expander("Pick a folder", expanded=not typed):
        show_picker(settings, _FOLDER)
    split = st.segmented_control(
        "Split", predictions.SPLITS, default="test", required=True, key="metrics.split"
    )
    if split == "test":
        past = len(logged_evaluations(bundle))
        times = "none" if not past else f"{past:,}"
        st.caption(
            "Test-set evaluations are recorded with the model: so far "
            f"{times}. Evaluate on test when everything else is settled. Synthetic films are not "
            "counted, nor is a folder without a test split, which is measured as a whole."
        )
    if st.button("Evaluate", type="primary", key=start_key("metrics.begin")):
        try:
            path = check_folder(typed, settings=settings)
            with starting():
                new = predictions.begin(bundle, path, split, settings=settings)
        except DataSetError as error:
            st.error(plain(str(error)), icon=":material/error:")
        else:
            state.prediction_source.set(new.key)
            state.measurements.set(state.measurements.get() + 1)
            st.rerun()


def show_jobs(bundle: Bundle, settings: Settings) -> None:
    """Evaluations in progress, and those that failed, the newest first."""
    for one in predictions.evaluations(bundle, settings=settings):
        job = one.job(settings)
        if job is None:
            continue
        running = job.status().state == "running"
        if running or (
            one.key == state.prediction_source.get() and not one.table_path(settings).is_file()
        ):
            show_job(job, doing=reads(one), phases=PHASES)


def reads(one: predictions.Evaluation) -> str:
    """The job in words: "Evaluating kermany on the test split of chest_xray"."""
    return f"Evaluating {one.model} on {one.films}"


def _title(checked: Checked) -> str:
    found = checked.found
    version = f" {found.bundle.version}" if found.bundle else ""
    notes = [
        note
        for note, holds in (("in service", found.in_service), ("damaged", bool(found.fault)))
        if holds
    ]
    return f"{found.name}{version}" + (f" ({', '.join(notes)})" if notes else "")


def _moment(one: LoggedEvaluation) -> str:
    return f"{one.at:.16}".replace("T", " ")


def _rate(one: LoggedEvaluation, name: str) -> str | None:
    rate = Estimate.from_dict(one.figures, name)
    return None if math.isnan(rate.value) else estimate(rate, as_percent=True)


def _area(one: LoggedEvaluation) -> str | None:
    area = Estimate.from_dict(one.figures, "auc")
    return None if math.isnan(area.value) else estimate(area)
