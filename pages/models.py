"""Models: all models with their figures and integrity, and which one is in service."""

from __future__ import annotations

import streamlit as st

from pages.ui import state
from pages.ui.models import inventory
from pages.ui.models.actions import ask_about_service, confirm_deletion, show_import
from pages.ui.models.fit import show_fit
from pages.ui.models.model_view import show_model
from pages.ui.page import heading, page_frame, plain


def models() -> None:
    """The page, top to bottom."""
    listed, in_service = inventory.all_models(), inventory.name_in_service()
    names = [checked.found.name for checked in listed]
    _head(in_service, listed)
    if message := state.models_message.take():
        st.toast(plain(message), icon=":material/check:")
    if not listed:
        _welcome()
    show_fit(listed)
    for checked in listed:
        show_model(checked)
    show_import(names, in_service)
    if state.delete_request.get() in names:
        confirm_deletion(state.delete_request.get())
    else:
        ask_about_service()


def _head(in_service: str, listed: list[inventory.Checked]) -> None:
    """The heading, and a warning where no film can be read."""
    here = [checked.found for checked in listed if checked.found.in_service]
    damaged = ", damaged" if here and here[0].fault else ""
    heading("Models", f"in service: {in_service}{damaged}" if here else "no model in service")
    if in_service and not here:
        st.warning(
            f"The model in service, {in_service}, is missing, so no film can be read. Put another "
            "one in service.",
            icon=":material/model_training:",
        )


def _welcome() -> None:
    st.html(
        '<section class="pn-welcome"><h2>There is no model yet.</h2><p>Import an exported '
        "model below, or train one on the Training screen.</p><p>A model is the network in two "
        "formats, its model card, its predictions on films it was not trained on, and the hashes "
        "of all files.</p></section>"
    )
    st.page_link("pages/training.py", label="Train a model", icon=":material/model_training:")


with page_frame("Models"):
    models()
