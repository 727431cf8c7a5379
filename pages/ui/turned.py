"""A film that lies on its side, upside down or as a negative: one button sets it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.session_film import content_of, make_entry
from pneumo_core.bundle.feature_checks import UPRIGHT

if TYPE_CHECKING:
    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle

_SAYS = {
    "sideways": ":material/rotate_right: Turn it upright and read it again",
    "upside down": ":material/rotate_right: Turn it upright and read it again",
    "negative": ":material/invert_colors: Invert its greys and read it again",
}


def offer_to_set_right(entry: Entry, bundle: Bundle | None) -> None:
    """The button, for a film that seems to lie otherwise; what is read then is a film of its own.

    It is read from the picture as it is shown, which is finer than what the network sees.
    """
    if bundle is None or entry.reading.lies == UPRIGHT or state.is_full():
        return
    if st.button(_SAYS[entry.reading.lies], key="diagnose.set-right"):
        _set_right(entry, bundle)
        st.rerun()


def _set_right(entry: Entry, bundle: Bundle) -> None:
    from pneumo_core.imaging.film import Film
    from pneumo_core.inference.predict import read_upright

    facts = entry.reading.facts
    if facts is None:
        return
    reading = read_upright(cache.reader_of(bundle), Film(entry.pixels(), facts), entry.reading.lies)
    done = reading.facts.notes[-1] if reading.facts else ""
    content = content_of(f"{entry.content} {done}".encode(), bundle.digest)
    made = make_entry(f"{entry.name}, {done}", content, reading, bundle, origin=entry.origin)
    state.keep(made)
    state.open_film(made.key)
