"""The limits of an answer as evidence (which model gave it, whether that was trained on the film),
and reading a film again.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui import cache, state
from pages.ui.diagnose.verdict import hide
from pages.ui.html import decode_grey, jpeg
from pages.ui.page import plain
from pages.ui.session_film import Record, content_of, make_entry
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle


NEGATIVE = "negative"
READ_AGAIN = "read again from the picture at display size"
TRAINED_ON = "The model was trained on this film: its answer here says nothing about its accuracy."
EVALUATED_ON = (
    "The model was tuned and evaluated on this film: its answer here is weak evidence of its "
    "accuracy."
)
_CORRECTIONS = {
    "sideways": ":material/rotate_right: Rotate upright and read again",
    "upside down": ":material/rotate_right: Rotate upright and read again",
    NEGATIVE: ":material/invert_colors: Invert the grey levels and read again",
}


def is_old(entry: Entry, bundle: Bundle | None) -> bool:
    """Whether another model than the one in service gave the answer."""
    return (
        bundle is not None and entry.reading.decision is not None and entry.model != bundle.digest
    )


def model_of(entry: Entry, bundle: Bundle | None) -> str:
    """The model that read a film: name and version, and whether it has been replaced since."""
    if entry.reading.decision is None:
        return "–"
    if bundle is not None and is_old(entry, bundle) and entry.reading.bundle == _named(bundle):
        return f"{entry.reading.bundle}, since replaced"
    return entry.reading.bundle


def evidence_html(entry: Entry, bundle: Bundle | None) -> str:
    """A line for each limit of the answer as evidence; "" where there is none.

    bundle: the model in service, if there is one.
    """
    lines = []
    if is_old(entry, bundle):
        lines.append(f"Read with {model_of(entry, bundle)}, not the model in service.")
    if entry.record.age and entry.reading.gate_ok:
        lines.append(entry.record.age)
    if entry.role:
        lines.append(TRAINED_ON if "t" in entry.role else EVALUATED_ON)
    inner = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<section class="pn-result">{inner}</section>' if inner else ""


def offer_to_read_again(entries: Sequence[Entry], bundle: Bundle | None, key: str) -> None:
    """A button that reads again, in place, those of `entries` that another model has read."""
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


def offer_to_correct(entry: Entry, bundle: Bundle | None) -> None:
    """A button, for a film that seems rotated or inverted, that reads a corrected copy: an entry of
    its own, read from the picture at display size.

    A picture that is not recognised may be a negative, on which no lungs are found.
    """
    orientation = entry.reading.orientation
    if entry.reading.status == "rejected" and entry.picture:
        orientation = NEGATIVE
    if bundle is None or orientation == UPRIGHT or state.is_full():
        return
    if st.button(_CORRECTIONS[orientation], key="diagnose.set-right"):
        _correct(entry, orientation, bundle)
        st.rerun()


def _read_again(entry: Entry, bundle: Bundle) -> Entry:
    """The film read from its picture at display size, which is finer than what the network sees."""
    from pneumo_core.imaging.film import Film

    facts = entry.reading.facts
    if facts is None:
        return entry
    notes = facts.notes if READ_AGAIN in facts.notes else (*facts.notes, READ_AGAIN)
    reading = cache.reader_of(bundle).read(Film(entry.pixels(), replace(facts, notes=notes)))
    # Not the name of the file's own bytes: dropped again, the file itself is read.
    content = content_of(f"{entry.content} again".encode(), bundle.digest)
    state.keep_full(content, state.full_picture(entry.content))
    return make_entry(
        entry.name, content, reading, bundle, origin=entry.origin, record=_record_again(entry)
    )


def _record_again(entry: Entry) -> Record:
    """What stays known of a film that is read again: not its row in the log, nor its verdicts."""
    record = entry.record
    return Record(sha256=record.sha256, study=record.study, sources=record.sources)


def _named(bundle: Bundle) -> str:
    return f"{bundle.name} {bundle.version}"


def _correct(entry: Entry, orientation: str, bundle: Bundle) -> None:
    from pneumo_core.imaging.film import Film
    from pneumo_core.inference.predict import read_upright

    facts = entry.reading.facts
    if facts is None:
        return
    reading = read_upright(cache.reader_of(bundle), Film(entry.pixels(), facts), orientation)
    done = reading.facts.notes[-1] if reading.facts else ""
    content = content_of(f"{entry.content} {done}".encode(), bundle.digest)
    state.keep_full(content, _corrected(state.full_picture(entry.content), orientation, done))
    made = make_entry(
        f"{entry.name}, {done}",
        content,
        reading,
        bundle,
        origin=entry.origin,
        record=replace(_record_again(entry), sources=None),  # DICOM would state the old orientation
    )
    if state.blinded.get():
        made = hide(made)
    state.keep(made)
    state.open_film(made.key)


def _corrected(picture: bytes, orientation: str, done: str) -> bytes:
    """The JPEG of a film at full size after the correction that the note `done` names."""
    from pneumo_core.inference.predict import CORRECTIONS

    correct = CORRECTIONS[orientation].get(done)
    return jpeg(np.ascontiguousarray(correct(decode_grey(picture)))) if picture and correct else b""
