"""Models: which there are, how good and how whole they are, and which one is in service."""

from __future__ import annotations

import streamlit as st

from pages.ui import state
from pages.ui.models import inventory
from pages.ui.models.actions import ask_about_service, confirm_removal
from pages.ui.models.import_zip import show_intake
from pages.ui.models.model_view import show_model
from pages.ui.page import heading, page_frame, plain


def models() -> None:
    """The page, top to bottom."""
    shelf, in_service = inventory.shelf(), inventory.name_in_service()
    names = [checked.found.name for checked in shelf]
    _head(in_service, shelf)
    if words := state.take_models_message():
        st.toast(plain(words), icon=":material/check:")
    if not shelf:
        _welcome()
    for checked in shelf:
        show_model(checked)
    show_intake(names, in_service)
    if state.delete_request() in names:
        confirm_removal(state.delete_request())
    else:
        ask_about_service()


def _head(in_service: str, shelf: list[inventory.Checked]) -> None:
    """The heading, and in words where no film can be read."""
    here = [checked.found for checked in shelf if checked.found.in_service]
    damaged = ", damaged" if here and here[0].fault else ""
    heading("Models", f"in service: {in_service}{damaged}" if here else "no model in service")
    if in_service and not here:
        st.warning(
            f"The model in service, {in_service}, is not there any more: no film can be read. Put "
            "another one in service.",
            icon=":material/model_training:",
        )


def _welcome() -> None:
    st.html(
        '<section class="pn-welcome"><h2>There is no model yet.</h2><p>Drop one below that '
        "somebody exported, or train one: on the Training screen, or with "
        "<code>python -m pneumo_core train DATA --activate</code>."
        "</p><p>A model is a folder with the network in two forms, its card, its predictions on "
        "films it was not trained on, and the hashes of all of it.</p></section>"
    )
    st.page_link("pages/training.py", label="Train a model", icon=":material/model_training:")


with page_frame("Models"):
    models()
