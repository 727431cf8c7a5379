"""What a session remembers between runs of a page, under keys of its own.

Widgets forget their value when another page is opened; these do not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.words import SENSES, UNREAD, sense_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pages.ui.entry import Entry

MAX_FILMS = 200  # some 40 MB of pictures
FULL = (
    f"Not read: the list holds {MAX_FILMS} films and is full. Download the table, clear the list, "
    "then drop this file again."
)

_FILMS, _OPEN = "diagnose.films", "diagnose.open"
_TAKEN, _ROUND = "diagnose.taken", "diagnose.round"
_PICTURE = "diagnose.picture"
_MEASURED = "measured.model"
_STARTS = "starts"


def prepare() -> None:
    """Give every key its first value."""
    st.session_state.setdefault(_FILMS, {})
    st.session_state.setdefault(_OPEN, None)
    st.session_state.setdefault(_TAKEN, set())
    st.session_state.setdefault(_ROUND, 0)
    st.session_state.setdefault(_PICTURE, ("Blend", 45))


def films() -> dict[str, Entry]:
    """The films of this session by key, in the order in which they came."""
    entries: dict[str, Entry] = st.session_state[_FILMS]
    return entries


def worklist() -> list[Entry]:
    """The films of this session by suspicion."""
    return by_suspicion(films().values())


def by_suspicion(entries: Iterable[Entry]) -> list[Entry]:
    """Signs of pneumonia, refer, no sign, each from most to least probable; last the unread."""
    return sorted(entries, key=_suspicion)


def keep(entry: Entry) -> None:
    """Add a film to the session."""
    films()[entry.key] = entry


def put_in_place(old: Entry, new: Entry) -> None:
    """Let `new` take the place of `old`, shown large if that was."""
    was_open = st.session_state[_OPEN] == old.key
    entries = [new if one is old else one for one in films().values()]
    st.session_state[_FILMS] = {one.key: one for one in entries}
    if was_open:
        open_film(new.key)


def known(content: str) -> Entry | None:
    """A film of the same content, under whatever name."""
    return next((entry for entry in films().values() if entry.content == content), None)


def taken() -> set[str]:
    """Ids of the uploads that were read; the drop zone may still name them."""
    ids: set[str] = st.session_state[_TAKEN]
    return ids


def is_full() -> bool:
    """Whether the session holds as many pictures as it may."""
    return sum(bool(entry.picture) for entry in films().values()) >= MAX_FILMS


def opened() -> Entry | None:
    """The film shown large: the one last chosen, else the first of the worklist."""
    order = worklist()
    return films().get(st.session_state[_OPEN]) or (order[0] if order else None)


def open_film(key: str) -> None:
    """Show this film large."""
    st.session_state[_OPEN] = key


def picture() -> tuple[str, int]:
    """How films are shown: the view last chosen, and the opacity of the map in per cent."""
    view, opacity = st.session_state[_PICTURE]
    return str(view), int(opacity)


def keep_picture(view: str, opacity: int) -> None:
    """Show the next films in the same way."""
    st.session_state[_PICTURE] = (view, opacity)


def measured_model() -> str:
    """Name of the model that the Metrics screen shows, "" for the one in service."""
    return str(st.session_state.get(_MEASURED, ""))


def measure(name: str) -> None:
    """Let the Metrics screen show this model: any screen may say so, then switch to it."""
    st.session_state[_MEASURED] = name


def clear() -> None:
    """Forget every film, and what the drop zone says of them."""
    st.session_state[_FILMS] = {}
    st.session_state[_OPEN] = None
    st.session_state[_ROUND] += 1


def start_key(button: str) -> str:
    """Key of a button that starts a job or a run; another one as soon as one has started.

    The second click of a double click may wait behind the first for as long as a slow machine
    needs: it was made on a widget that is gone by then, and Streamlit drops it.
    """
    count = int(st.session_state.get(_STARTS, 0))
    return f"{button}.{count}" if count else button


@contextmanager
def starting() -> Iterator[None]:
    """Start a job or a run in this block, then rerun the page: the click is used up, unless the
    block raises.
    """
    before = int(st.session_state.get(_STARTS, 0))
    # Before the start: a rerun that waits may cut in here, and has to find nothing started.
    st.session_state[_STARTS] = before + 1
    try:
        yield
    except Exception:
        st.session_state[_STARTS] = before
        raise


def drop_zone_key() -> str:
    """Key of the drop zone; it changes when the session is cleared, and so empties the zone."""
    return f"diagnose.drop.{st.session_state[_ROUND]}"


def _suspicion(entry: Entry) -> tuple[int, float]:
    sense = sense_of(entry.reading)
    p = entry.reading.p_pneumonia
    return SENSES.index(sense), 0.0 if sense is UNREAD or p is None else -p
