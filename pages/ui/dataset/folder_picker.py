"""A path that is typed or picked: the folders that may be opened, and those inside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.dataset.sources import check_folder, data_roots, subfolders
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.config import Settings

TYPED = "dataset.typed"
_PICK = "dataset.pick"
_UP = ".. (one folder up)"


def show_picker(settings: Settings) -> None:
    """A list of the folders inside the one that is typed; a choice types it."""
    here = _here(settings)
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
        key=_PICK,
        on_change=_picked,
        args=(options,),
    )


def _here(settings: Settings) -> Path | None:
    """The folder that is typed, None where it is none that may be opened."""
    typed = st.session_state.get(TYPED, "")
    if not typed:
        return None
    try:
        return check_folder(typed, settings=settings)
    except DataSetError:
        return None


def _picked(options: dict[str, Path]) -> None:
    chosen = st.session_state.get(_PICK)
    if chosen in options:
        st.session_state[TYPED] = str(options[chosen])
    st.session_state[_PICK] = None
