"""Several sources in one training: further folders beside the one that is open."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.folder_field import show_picker
from pages.ui.page import plain
from pneumo_core.dataset.sources import check_folder
from pneumo_core.errors import DataSetError
from pneumo_core.training.dataset import joined
from pneumo_core.training.sources import check_apart

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.training.dataset import Material

_TYPED = "training.source"
_MEANING = (
    "Films of another hospital or archive. Classes weigh the same within each source, and the card "
    "has the figures by source."
)
_LEAVE_OUT = (
    "Trains one more network for each source, on the others alone, and measures it on that source: "
    "how a model does where it was never trained."
)


@dataclass(frozen=True)
class Sources:
    """The folders of a training, the first being the one that is open; their films together."""

    folders: tuple[Path, ...]
    material: Material
    leave_out: bool = False


def show_further(first: Path, found: Material, settings: Settings) -> Sources:
    """The further folders, added and removed here, folded away."""
    folders, parts = [first], [found]
    with st.expander("Several sources", key="training.sources"):
        st.caption(_MEANING)
        for path in map(Path, state.further_sources.get()):
            if (part := _listed(path, folders, settings)) is not None:
                folders.append(path)
                parts.append(part)
        _offer(folders, settings)
        if len(folders) == 1:
            return Sources((first,), found)
        leave_out = st.toggle(
            "Leave each source out once",
            key="training.leave_source_out",
            persist_state="session",
            help=_LEAVE_OUT,
        )
    together = joined(parts)
    st.html(f'<p class="pn-aside">With {len(folders) - 1} more: {escape(together.sentence())}</p>')
    return Sources(tuple(folders), together, leave_out)


def _listed(path: Path, before: list[Path], settings: Settings) -> Material | None:
    """A further source with its films and a way to take it out; None for one that is not used."""
    part, why = None, ""
    try:
        check_folder(path, settings=settings)
        check_apart([*before, path])
        part = cache.material_of(path)
    except DataSetError as error:
        why = str(error)
    with st.container(horizontal=True, vertical_alignment="center"):
        words = part.sentence() if part is not None else f"not used: {why}"
        st.html(
            f'<p class="pn-place"><strong>{escape(path.name)}</strong> {escape(words)}</p>',
            width="stretch",
        )
        st.button("Remove", key=f"training.source.{path}", on_click=_remove, args=(str(path),))
    return part


def _offer(folders: list[Path], settings: Settings) -> None:
    with st.form("training.source.form", border=False, clear_on_submit=False):
        typed = st.text_input("Folder of another source", key=_TYPED, placeholder="/home/me/films")
        added = st.form_submit_button("Add the source")
    show_picker(settings, _TYPED)
    if not added:
        return
    try:
        path = check_folder(typed, settings=settings)
        check_apart([*folders, path])
        cache.material_of(path)  # it has labelled films
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    state.further_sources.set((*state.further_sources.get(), str(path)))
    st.rerun()


def _remove(path: str) -> None:
    state.further_sources.set(tuple(one for one in state.further_sources.get() if one != path))
