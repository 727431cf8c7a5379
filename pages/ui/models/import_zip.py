"""Take in a model by dropping its zip: refused in words, or there once all of it is checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.page import plain
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

MAX_MEGABYTES = 1024
WHAT_IS_CHECKED = (
    "Before it is taken in, every file of it is compared with its hash, the network is looked "
    "through for anything that could run code, and it reads a synthetic film. It is not put in "
    "service. Hashes tell damage, not who made it: compare its SHA-256 with the sender's."
)


def show_intake(names: list[str], in_service: str) -> None:
    """The drop zone; `names` are those of the models that are there."""
    with st.container(key="models-intake"):
        file = st.file_uploader(
            "Import a model: drop the zip that Export made",
            key=state.import_zone_key(),
            max_upload_size=MAX_MEGABYTES,
        )
        if file is not None:
            state.set_import_refusal("")
            _take_in(file, names, in_service)
        if state.import_refusal():
            st.error(plain(state.import_refusal()), icon=":material/block:")
        st.caption(WHAT_IS_CHECKED)


def _take_in(file: UploadedFile, names: list[str], in_service: str) -> None:
    from pneumo_core.bundle.transfer import name_in_zip

    try:
        name = name_in_zip(file)
    except BundleError as error:
        _end(f"{file.name}: nothing was imported. {error}")
        return
    if name not in names:
        _import(file, name, replace=False)
        return
    at_once = " It is in service: films would be read with this one at once." * (name == in_service)
    st.warning(
        f"{plain(file.name)} holds a model named {name}, and there is one already. Give this one "
        f"another name, or replace that one, which is then gone for good.{at_once}",
        icon=":material/content_copy:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        other = st.text_input("Name for this one", _free(name, names), key="models.name", width=260)
        rename = st.button("Import under this name", key="models.rename", type="primary")
        replace = st.button(f"Replace {name}", key="models.replace")
        leave = st.button("Leave it", key="models.leave")
    if rename or replace:
        _import(file, name if replace else other.strip(), replace=replace)
    if leave:
        _end("")


def _import(file: UploadedFile, name: str, *, replace: bool) -> None:
    from pneumo_core.bundle.transfer import import_bundle

    with st.status(f"Importing {plain(file.name)}: some seconds", expanded=False) as status:
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
    state.set_models_message(
        f"{made.name} {made.version} is there. Put it in service when you want to read with it."
    )
    _end("")


def _end(refusal: str) -> None:
    """Empty the drop zone and start the page anew."""
    state.set_import_refusal(refusal)
    state.empty_import_zone()
    st.rerun()


def _free(name: str, names: list[str]) -> str:
    """A name like `name` that no model has."""
    return next(
        candidate
        for number in range(2, len(names) + 3)
        if (candidate := f"{name[:60]}-{number}") not in names
    )
