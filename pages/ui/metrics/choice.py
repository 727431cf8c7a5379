"""What is looked at: model, films, threshold, prevalence, and the films behind a number."""

from __future__ import annotations

import streamlit as st

PREVALENCE = 20  # per cent, until the reader says otherwise
MISSED = "missed"

_FILMS, _AT, _PREVALENCE = "metrics.chosen", "metrics.at", "metrics.percent"
_CELL, _LOOK = "metrics.of", "metrics.look"


def films() -> str:
    """Key of the films chosen last, "" for the model's own."""
    return str(st.session_state.get(_FILMS, ""))


def choose_films(key: str) -> None:
    """Look at these films from now on."""
    st.session_state[_FILMS] = key


def threshold(subject: str, locked: float) -> float:
    """The threshold looked at; another model or other films begin at their locked point."""
    of, at = st.session_state.get(_AT, ("", locked))
    return float(at) if of == subject else locked


def move(subject: str, at: float) -> None:
    """Look at another threshold, 0..1."""
    st.session_state[_AT] = (subject, min(max(at, 0.0), 1.0))


def prevalence() -> int:
    """Children with pneumonia among 100, where the model would be used."""
    return int(st.session_state.get(_PREVALENCE, PREVALENCE))


def suppose(percent: int) -> None:
    """Suppose another prevalence."""
    st.session_state[_PREVALENCE] = percent


def cell() -> str:
    """Whose films are shown: found, missed, false alarms, cleared or referred."""
    return str(st.session_state.get(_CELL, MISSED))


def look_at(cell_name: str) -> None:
    """Show the films of this cell, and go there."""
    st.session_state[_CELL] = cell_name
    st.session_state[_LOOK] = look() + 1


def look() -> int:
    """Grows with each wish to see films."""
    return int(st.session_state.get(_LOOK, 0))


def show(cell_name: str) -> None:
    """Show the films of this cell, without going there."""
    st.session_state[_CELL] = cell_name
