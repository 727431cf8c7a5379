"""What a session remembers between runs of a page, under keys of its own.

Widgets forget their value when another page is opened; these do not.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.outcomes import OUTCOMES, UNREAD, outcome_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pages.ui.session_film import Entry


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
    sense = outcome_of(entry.reading)
    p = entry.reading.p_pneumonia
    return OUTCOMES.index(sense), 0.0 if sense is UNREAD or p is None else -p


PREVALENCE = 20  # per cent, until the reader says otherwise
MISSED = "missed"

_PREDICTION_SOURCE, _THRESHOLD, _PREVALENCE = "metrics.chosen", "metrics.at", "metrics.percent"
_CELL, _CELL_REQUESTS = "metrics.of", "metrics.look"


def prediction_source() -> str:
    """Key of the films chosen last, "" for the model's own."""
    return str(st.session_state.get(_PREDICTION_SOURCE, ""))


def choose_prediction_source(key: str) -> None:
    """Look at these films from now on."""
    st.session_state[_PREDICTION_SOURCE] = key


def threshold(subject: str, locked: float) -> float:
    """The threshold looked at; another model or other films begin at their locked point."""
    of, at = st.session_state.get(_THRESHOLD, ("", locked))
    return float(at) if of == subject else locked


def set_threshold(subject: str, at: float) -> None:
    """Look at another threshold, 0..1."""
    st.session_state[_THRESHOLD] = (subject, min(max(at, 0.0), 1.0))


def prevalence() -> int:
    """Children with pneumonia among 100, where the model would be used."""
    return int(st.session_state.get(_PREVALENCE, PREVALENCE))


def set_prevalence(percent: int) -> None:
    """Suppose another prevalence."""
    st.session_state[_PREVALENCE] = percent


def confusion_cell() -> str:
    """Whose films are shown: found, missed, false alarms, cleared or referred."""
    return str(st.session_state.get(_CELL, MISSED))


def go_to_cell(cell_name: str) -> None:
    """Show the films of this cell, and go there."""
    st.session_state[_CELL] = cell_name
    st.session_state[_CELL_REQUESTS] = cell_requests() + 1


def cell_requests() -> int:
    """Grows with each wish to see films."""
    return int(st.session_state.get(_CELL_REQUESTS, 0))


def show_cell(cell_name: str) -> None:
    """Show the films of this cell, without going there."""
    st.session_state[_CELL] = cell_name


_MODELS_MESSAGE, _IMPORT_REFUSAL, _IMPORT_ROUND = "models.said", "models.refused", "models.round"
_DELETE_REQUEST = "models.doomed"


def set_models_message(words: str) -> None:
    """Say this on the next run of the page."""
    st.session_state[_MODELS_MESSAGE] = words


def take_models_message() -> str:
    """What there is to say, once."""
    return str(st.session_state.pop(_MODELS_MESSAGE, ""))


def set_import_refusal(words: str) -> None:
    """Keep in sight why a zip was not let in, until another one is dropped; "" forgets it."""
    st.session_state[_IMPORT_REFUSAL] = words


def import_refusal() -> str:
    """Why the last zip was not let in."""
    return str(st.session_state.get(_IMPORT_REFUSAL, ""))


def empty_import_zone() -> None:
    """Forget the zip that was dropped."""
    st.session_state[_IMPORT_ROUND] = st.session_state.get(_IMPORT_ROUND, 0) + 1


def import_zone_key() -> str:
    """Key of the drop zone; another key is another, empty zone."""
    return f"models.drop.{st.session_state.get(_IMPORT_ROUND, 0)}"


def request_delete(name: str) -> None:
    """Ask whether this model may be deleted."""
    st.session_state[_DELETE_REQUEST] = name


def delete_request() -> str:
    """The model whose deletion waits for an answer, or ""."""
    return str(st.session_state.get(_DELETE_REQUEST, ""))


def cancel_delete() -> None:
    """No model waits for its deletion any more."""
    st.session_state[_DELETE_REQUEST] = ""
