"""Import of a model from a dropped zip, after all of it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pages.ui import state
from pages.ui.identity import may
from pages.ui.page import plain
from pneumo_core.access import Right
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_MEGABYTES = 1024
WHAT_IS_CHECKED = (
    "Before import, every file is compared with its hash, the network is scanned for executable "
    "code, and it predicts a synthetic film. It is not put in service. Hashes show damage, not the "
    "author: compare the SHA-256 with the sender's."
)


def show_import(names: list[str], in_service: str) -> None:
    """The drop zone, for who may import; `names` are those of the models that are there."""
    if not may(Right.MANAGE):
        return
    _expect_a_model()
    with st.container(key="models-intake"):
        file = st.file_uploader(
            "Import a model: drop an exported zip here",
            key=state.import_zone_key(),
            max_upload_size=MAX_MEGABYTES,
        )
        if file is not None:
            state.import_refusal.set("")
            _start_import(file, names, in_service)
        if state.import_refusal.get():
            st.error(plain(state.import_refusal.get()), icon=":material/block:")
        st.caption(WHAT_IS_CHECKED)


def _expect_a_model() -> None:
    """Let this session upload more than a film; see `pneumo_core/server/uploads.py`."""
    from pneumo_core.server.uploads import ASKED

    context = get_script_run_ctx()
    if context is not None:
        ASKED.expect_model(context.session_id)


def _start_import(file: UploadedFile, names: list[str], in_service: str) -> None:
    from pneumo_core.bundle.transfer import name_in_zip

    try:
        name = name_in_zip(file)
    except BundleError as error:
        _end(f"{file.name}: nothing was imported. {error}")
        return
    if name not in names:
        _import(file, name, replace=False)
        return
    at_once = " That model is in service: the new one would read films at once." * (
        name == in_service
    )
    st.warning(
        f"{plain(file.name)} holds a model named {name}, which exists already. Import it under "
        f"another name, or replace the existing model permanently.{at_once}",
        icon=":material/content_copy:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.text_input(
            "Name of the import", _free(name, names), key="models.name", width=260
        )
        rename = st.button("Import under this name", key="models.rename", type="primary")
        replace = st.button(f"Replace {name}", key="models.replace")
        cancel = st.button("Cancel", key="models.leave")
    if rename or replace:
        _import(file, name if replace else other.strip(), replace=replace)
    if cancel:
        _end("")


def _import(file: UploadedFile, name: str, *, replace: bool) -> None:
    from pneumo_core.bundle.transfer import import_bundle

    with st.status(f"Importing {plain(file.name)}: a few seconds", expanded=False) as status:
        try:
            made = import_bundle(
                file,
                name=name,
                replace=replace,
                report=lambda step: status.update(
                    label=f"{plain(file.name)}: {step[0].lower()}{step[1:]}…"
                ),
            )
        except BundleError as error:
            _end(f"{file.name}: {error}")
    state.models_message.set(
        f"{made.name} {made.version} is imported. Put it in service to use it on Diagnose."
    )
    _end("")


def _end(refusal: str) -> None:
    """Empty the drop zone and start the page anew."""
    state.import_refusal.set(refusal)
    state.empty_import_zone()
    st.rerun()


def _free(name: str, names: list[str]) -> str:
    """A name like `name` that no model has."""
    return next(
        candidate
        for number in range(2, len(names) + 3)
        if (candidate := f"{name[:60]}-{number}") not in names
    )
