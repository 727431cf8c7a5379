"""What a session looks at: the conditions on the films, kept over a change of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.dataset.conditions import Area, without

if TYPE_CHECKING:
    from pages.ui.dataset.conditions import Condition

_CONDITIONS, _ROUND, _OF = "dataset.conditions", "dataset.round", "dataset.of"
_LOOK, _BLANK = "dataset.look", "dataset.blank"


def prepare(data_set: str) -> None:
    """Begin with all films wherever another data set (named by its key) is looked at."""
    if st.session_state.get(_OF) != data_set:
        st.session_state[_OF] = data_set
        clear()


def conditions() -> tuple[Condition, ...]:
    """The conditions that all films shown fulfil, in the order in which they were set."""
    kept: tuple[Condition, ...] = st.session_state.get(_CONDITIONS, ())
    return kept


def choose(new: tuple[Condition, ...], *, look: bool = False) -> None:
    """Look at the films of these conditions; with `look` the page goes to the films themselves."""
    kept = {one.columns for one in new}
    for one in conditions():
        if isinstance(one, Area) and one.columns not in kept:
            st.session_state.setdefault(_BLANK, {})[one.columns] = blank(one.columns) + 1
    st.session_state[_CONDITIONS] = new
    st.session_state[_ROUND] = round_() + 1
    if look:
        st.session_state[_LOOK] = round_()


def drop(columns: frozenset[str]) -> None:
    """Let go of the condition on these columns."""
    choose(without(conditions(), columns))


def clear() -> None:
    """Look at all films."""
    choose(())


def round_() -> int:
    """Counts the choices: part of each chart's key, so that no chart keeps an old selection."""
    return int(st.session_state.get(_ROUND, 0))


def blank(columns: frozenset[str]) -> int:
    """Counts how often the rectangle over these columns was let go of: part of the key of their
    chart, which keeps what was drawn in it as long as it is the same chart.
    """
    counts: dict[frozenset[str], int] = st.session_state.get(_BLANK, {})
    return counts.get(columns, 0)


def look() -> int:
    """The choice after which the page last had to go to the films; 0 if none."""
    return int(st.session_state.get(_LOOK, 0))
