"""The name of the film shown large, and the way to the one before and after it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state

if TYPE_CHECKING:
    from pages.ui.entry import Entry


def show_stepper(shown: Entry, entries: list[Entry]) -> None:
    """Name and place in the worklist, with buttons (and arrow keys) where there are several."""
    keys = [entry.key for entry in entries]
    at = keys.index(shown.key)
    badge = '<span class="pn-badge">synthetic</span>' if shown.origin else ""
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        st.html(f'<p class="pn-name">{escape(shown.name)} {badge}</p>')
        if len(entries) > 1:
            _step("Previous", "Left", keys, at - 1)
            st.html(f'<p class="pn-place">{at + 1} of {len(entries)}</p>', width="content")
            _step("Next", "Right", keys, at + 1)


def _step(label: str, shortcut: str, keys: list[str], to: int) -> None:
    inside = 0 <= to < len(keys)
    st.button(
        label,
        key=f"diagnose.{label.lower()}",
        shortcut=shortcut,
        disabled=not inside,
        on_click=state.open_film,
        args=(keys[to] if inside else "",),
    )
