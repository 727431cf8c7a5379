"""A folder that is typed or picked, or a ZIP file of films that is unpacked into one."""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal

import streamlit as st

from pages.ui.page import plain
from pneumo_core.dataset.sources import check_folder, data_roots, subfolders, unpack_stream
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings

    Weight = Literal["primary", "secondary"]

ZIP_MEGABYTES = 4000
_UP = ".. (one folder up)"


def show_picker(settings: Settings, typed: str) -> None:
    """A list of the folders inside the one in the text field of key `typed`; a choice types it."""
    here = _here(settings, typed)
    if here is None:
        options = {str(root): root for root in data_roots(settings)}
        label = "Folders that may be opened"
    else:
        options = {path.name: path for path in subfolders(here)}
        if here not in data_roots(settings):
            options = {_UP: here.parent} | options
        label = f"Folders in {here.name or here}"
    if not options:
        return
    st.selectbox(
        label,
        list(options),
        index=None,
        placeholder="Choose a folder",
        key=f"{typed}.pick",
        on_change=_picked,
        args=(typed, options),
    )


def unpacked_upload(settings: Settings, key: str, weight: Weight = "secondary") -> Path | None:
    """The folder of a ZIP file that was uploaded, once its button is pressed."""
    file = st.file_uploader(
        "ZIP archive", type="zip", max_upload_size=ZIP_MEGABYTES, key=f"{key}.zip"
    )
    if file is None or not st.button("Unpack", type=weight, key=f"{key}.unpack"):
        return None
    try:
        with st.spinner("Unpacking the archive…"):
            content = hashlib.file_digest(file, "sha256").hexdigest()[:16]
            return unpack_stream(file, PurePath(file.name).stem, content, settings)
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return None


def _here(settings: Settings, typed: str) -> Path | None:
    """The folder that is typed, None where it is none that may be opened."""
    words = st.session_state.get(typed, "")
    if not words:
        return None
    try:
        return check_folder(words, settings=settings)
    except DataSetError:
        return None


def _picked(typed: str, options: dict[str, Path]) -> None:
    chosen = st.session_state.get(f"{typed}.pick")
    if chosen in options:
        st.session_state[typed] = str(options[chosen])
    st.session_state[f"{typed}.pick"] = None
