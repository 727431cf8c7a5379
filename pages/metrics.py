"""Metrics: performance of a model with its uncertainty, at any threshold, and its errors."""

from __future__ import annotations

import streamlit as st

from pages.ui.metrics.measures import measures_of
from pages.ui.metrics.predictions import find_folder, with_sizes
from pages.ui.metrics.selection import offer_evaluation, pick_films, pick_model, show_jobs
from pages.ui.metrics.threshold import show_live
from pages.ui.models import inventory
from pages.ui.page import heading, page_frame, plain
from pneumo_core.config import load_settings


def metrics() -> None:
    """The page, top to bottom."""
    heading("Metrics")
    settings = load_settings()
    listed = inventory.all_models()
    if not listed:
        _welcome()
        return
    model, films, more = st.columns([4, 5, 2], vertical_alignment="bottom", gap="small")
    with model:
        checked = pick_model(listed)
    bundle = checked.found.bundle
    if bundle is None or checked.found.fault:
        st.error(
            f"{plain(checked.found.fault)} Until then its figures are not shown.",
            icon=":material/error:",
        )
        return
    with more:
        offer_evaluation(bundle, settings)
    show_jobs(bundle, settings)
    with films:
        subject = pick_films(bundle, settings)
    place = find_folder(subject, settings)
    subject = with_sizes(subject, place.catalogue, place.rows or ())
    measures = measures_of(subject.keyed, bundle.points)
    show_live(subject, measures, settings)


def _welcome() -> None:
    st.html(
        '<section class="pn-welcome"><h2>There is no model to evaluate yet.</h2><p>Train one on '
        "the Training screen, or import one on the Models screen. Its predictions on films it was "
        "not trained on come with it and are shown here.</p></section>"
    )
    st.page_link("pages/training.py", label="Train a model", icon=":material/model_training:")


with page_frame("Metrics"):
    metrics()
