"""Dataset: what a data set holds and what is wrong with it, before a model is trained on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.dataset import filters
from pages.ui.dataset.explorer import audit_of, show_explorer
from pages.ui.dataset.findings import show_downloads, show_folds
from pages.ui.dataset.labels_view import show_known
from pages.ui.dataset.source import (
    ask_labels,
    catalogue_of,
    line_html,
    show_audit_job,
    show_candidate,
    show_chooser,
    show_missing_source,
    show_source_job,
    show_welcome,
)
from pages.ui.page import heading, page_frame, plain_words
from pneumo_core.config import load_settings
from pneumo_core.dataset.sources import remembered_source

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.dataset.sources import Source


def dataset() -> None:
    """The page, top to bottom."""
    heading("Dataset")
    settings = load_settings()
    if show_source_job(settings):
        return
    if show_candidate(settings):
        return
    source = remembered_source(settings=settings)
    if source is None:
        show_missing_source(settings)
        show_welcome(settings)
        show_chooser(settings, primary=False)
        return
    place = st.container()
    catalogue = None
    with plain_words():
        catalogue = catalogue_of(source.path, settings)
    with place:
        _show_source(source, catalogue, settings)
    if catalogue is not None:
        _show(catalogue, source, settings)


def _show_source(source: Source, catalogue: Catalogue | None, settings: Settings) -> None:
    """What is loaded, and the way to another data set."""
    with st.container(horizontal=True, vertical_alignment="center", key="loaded"):
        st.html(line_html(source, catalogue))
        # Another source, another key: the popover it was chosen in closes.
        key = f"dataset.other.{source.chosen}"
        with st.popover("Change data set", icon=":material/folder_open:", width="content", key=key):
            show_chooser(settings, source.kind)
        if source.kind != "synthetic" and st.button(
            "Labels", icon=":material/label:", key="dataset.labels"
        ):
            ask_labels(source.kind, source.path)
    if catalogue is not None:
        show_known(catalogue.listing)


def _show(catalogue: Catalogue, source: Source, settings: Settings) -> None:
    filters.prepare(catalogue.key)
    audit = audit_of(catalogue)
    if audit is None:
        show_audit_job(source.path, settings)
    origin = "synthetic, shows no patient" if source.kind == "synthetic" else ""
    show_explorer(catalogue, audit, origin)
    show_folds(catalogue)
    if audit is not None:
        show_downloads(catalogue)


with page_frame("Dataset"):
    dataset()
