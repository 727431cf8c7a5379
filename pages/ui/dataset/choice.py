"""What a session looks at: the conditions on the films, kept over a change of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.dataset.conditions import without

if TYPE_CHECKING:
    from pages.ui.dataset.conditions import Condition

_CONDITIONS, _ROUND, _OF = "dataset.conditions", "dataset.round", "dataset.of"
_LOOK = "dataset.look"


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


def look() -> int:
    """The choice after which the page last had to go to the films; 0 if none."""
    return int(st.session_state.get(_LOOK, 0))
