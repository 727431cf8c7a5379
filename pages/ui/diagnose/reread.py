"""What a reading is worth as evidence: which model it is of, and whether that had seen the film."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.page import plain
from pages.ui.session_film import content_of, make_entry
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle


AGAIN = "read again from the picture as it is shown"
LEARNT = (
    "The model learnt from this film: its answer here is no evidence of how well it reads films."
)
MEASURED = (
    "The model was tuned and measured on this film: its answer here is weak evidence of how well "
    "it reads films."
)


def is_old(entry: Entry, bundle: Bundle | None) -> bool:
    """Whether another model than the one in service gave the answer."""
    return (
        bundle is not None and entry.reading.decision is not None and entry.model != bundle.digest
    )


def model_of(entry: Entry, bundle: Bundle | None) -> str:
    """The model that read a film: name and version, and that it is not what it was if so."""
    if entry.reading.decision is None:
        return "–"
    if bundle is not None and is_old(entry, bundle) and entry.reading.bundle == _named(bundle):
        return f"{entry.reading.bundle}, since replaced"
    return entry.reading.bundle


def standing_html(entry: Entry, bundle: Bundle | None) -> str:
    """A line for each thing that a reader of the answer should know of it; "" where there is none.

    bundle: the model in service, if there is one.
    """
    lines = []
    if is_old(entry, bundle):
        lines.append(f"Read with {model_of(entry, bundle)}, not the model in service.")
    if entry.role:
        lines.append(LEARNT if "t" in entry.role else MEASURED)
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<section class="pn-verdict">{told}</section>' if told else ""


def offer_to_read_again(entries: Sequence[Entry], bundle: Bundle | None, key: str) -> None:
    """A button that reads those of `entries` anew that another model read, in their places."""
    old = [entry for entry in entries if is_old(entry, bundle)]
    if bundle is None or not old:
        return
    what = "it" if len(entries) == 1 else count(len(old), "films")
    if st.button(
        f"Read {what} again with {plain(_named(bundle))}", key=key, icon=":material/refresh:"
    ):
        bar = st.progress(0.0)
        for done, entry in enumerate(old):
            bar.progress(done / len(old), f"Reading {plain(entry.name)}")
            state.put_in_place(entry, _read_again(entry, bundle))
        st.rerun()


def _read_again(entry: Entry, bundle: Bundle) -> Entry:
    """The film read from the picture that was kept, which is finer than what the network sees."""
    from pneumo_core.imaging.film import Film

    facts = entry.reading.facts
    if facts is None:
        return entry
    notes = facts.notes if AGAIN in facts.notes else (*facts.notes, AGAIN)
    reading = cache.reader_of(bundle).read(Film(entry.pixels(), replace(facts, notes=notes)))
    # Not the name of the file's own bytes: dropped again, the file itself is read.
    content = content_of(f"{entry.content} again".encode(), bundle.digest)
    return make_entry(entry.name, content, reading, bundle, origin=entry.origin)


def _named(bundle: Bundle) -> str:
    return f"{bundle.name} {bundle.version}"


_SAYS = {
    "sideways": ":material/rotate_right: Turn it upright and read it again",
    "upside down": ":material/rotate_right: Turn it upright and read it again",
    "negative": ":material/invert_colors: Invert its greys and read it again",
}


def offer_to_set_right(entry: Entry, bundle: Bundle | None) -> None:
    """The button, for a film that seems to lie otherwise; what is read then is a film of its own.

    It is read from the picture as it is shown, which is finer than what the network sees.
    """
    if bundle is None or entry.reading.orientation == UPRIGHT or state.is_full():
        return
    if st.button(_SAYS[entry.reading.orientation], key="diagnose.set-right"):
        _set_right(entry, bundle)
        st.rerun()


def _set_right(entry: Entry, bundle: Bundle) -> None:
    from pneumo_core.imaging.film import Film
    from pneumo_core.inference.predict import read_upright

    facts = entry.reading.facts
    if facts is None:
        return
    reading = read_upright(
        cache.reader_of(bundle), Film(entry.pixels(), facts), entry.reading.orientation
    )
    done = reading.facts.notes[-1] if reading.facts else ""
    content = content_of(f"{entry.content} {done}".encode(), bundle.digest)
    made = make_entry(f"{entry.name}, {done}", content, reading, bundle, origin=entry.origin)
    state.keep(made)
    state.open_film(made.key)
