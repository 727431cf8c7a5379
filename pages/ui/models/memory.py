"""What the Models screen remembers between two runs: what to say, to ask and to take in."""

from __future__ import annotations

import streamlit as st

_SAID, _REFUSED, _ROUND = "models.said", "models.refused", "models.round"
_DOOMED = "models.doomed"


def tell(words: str) -> None:
    """Say this on the next run of the page."""
    st.session_state[_SAID] = words


def told() -> str:
    """What there is to say, once."""
    return str(st.session_state.pop(_SAID, ""))


def refuse(words: str) -> None:
    """Keep in sight why a zip was not let in, until another one is dropped; "" forgets it."""
    st.session_state[_REFUSED] = words


def refusal() -> str:
    """Why the last zip was not let in."""
    return str(st.session_state.get(_REFUSED, ""))


def empty_drop_zone() -> None:
    """Forget the zip that was dropped."""
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def drop_zone_key() -> str:
    """Key of the drop zone; another key is another, empty zone."""
    return f"models.drop.{st.session_state.get(_ROUND, 0)}"


def doom(name: str) -> None:
    """Ask whether this model may be deleted."""
    st.session_state[_DOOMED] = name


def doomed() -> str:
    """The model whose deletion waits for an answer, or ""."""
    return str(st.session_state.get(_DOOMED, ""))


def spare() -> None:
    """No model waits for its deletion any more."""
    st.session_state[_DOOMED] = ""
