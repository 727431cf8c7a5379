"""The name of the film shown large, and the way to the one before and after it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pages.ui.session_film import Entry


def show_stepper(shown: Entry, entries: list[Entry]) -> None:
    """Name and place in the worklist, with buttons (and arrow keys) where there are several."""
    badge = '<span class="pn-badge">synthetic</span>' if shown.origin else ""
    keys = [entry.key for entry in entries]
    show_steps(
        shown.key, keys, state.open_film, key="diagnose", title=f"{escape(shown.name)} {badge}"
    )


def show_film_steps(film: str, order: Sequence[str], go: Callable[[str], None], key: str) -> None:
    """The same for a film of a folder, told by its path there, among the films of a gallery."""
    show_steps(film, order, go, key=key, title=escape(film.rpartition("/")[2]))


def show_steps(
    shown: str, order: Sequence[str], go: Callable[[str], None], *, key: str, title: str
) -> None:
    """`title` (HTML), the place of `shown` in `order`, and buttons that go to its neighbours.

    key: of this row of buttons; where `shown` is not in `order` there is nowhere to go.
    """
    at = order.index(shown) if shown in order else -1
    with st.container(horizontal=True, vertical_alignment="center", key="stepper"):
        st.html(f'<p class="pn-name">{title}</p>')
        if at >= 0 and len(order) > 1:
            _step("Previous", "Left", order, at - 1, go, key)
            st.html(f'<p class="pn-place">{at + 1:,} of {len(order):,}</p>', width="content")
            _step("Next", "Right", order, at + 1, go, key)


def _step(  # noqa: PLR0913, PLR0917 - a button
    label: str, shortcut: str, order: Sequence[str], to: int, go: Callable[[str], None], key: str
) -> None:
    inside = 0 <= to < len(order)
    st.button(
        label,
        key=f"{key}.{label.lower()}",
        shortcut=shortcut,
        disabled=not inside,
        on_click=go,
        args=(order[to] if inside else "",),
    )
