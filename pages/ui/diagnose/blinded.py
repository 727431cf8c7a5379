"""Blinded mode: the reader answers first, then sees the model's answer.

A film read in this mode has a reading without an answer in the session, so that no part of the page
can show it, and a neutral name; the answer and the name of the file wait in its record.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.outcomes import outcome_of
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.session_film import Entry

HELP = (
    "You answer each film first; the model's answer appears when your answer is saved, and both "
    "answers are kept. Films that are in the list already are not hidden. Turning the mode off "
    "shows all answers."
)
HIDDEN = "The model's answer is hidden until you have answered."
_KEY = "diagnose.blinded-mode"


def show_blinded_switch() -> None:
    """The switch of blinded mode, above the drop zone."""
    st.toggle(
        "Blinded reading",
        state.blinded.get(),
        key=_KEY,
        help=HELP,
        on_change=_switch,
    )


def hide(entry: Entry) -> Entry:
    """The entry with its answer put aside; as it is where there is no decision to hide."""
    reading = entry.reading
    if reading.decision is None:
        return entry
    shown = replace(
        reading,
        message=HIDDEN,
        decision=None,
        **dict.fromkeys(("p_pneumonia", "p_low", "p_high", "p_bacterial", "p_viral")),
        gate_ok=False,
        gate_reasons=(),
        orientation=UPRIGHT,
        in_distribution=False,
        where="",
        inside_lungs=None,
        cam=None,
    )
    return without_name(replace(entry, reading=shown, record=replace(entry.record, hidden=reading)))


def without_name(entry: Entry) -> Entry:
    """A hidden entry under a neutral name: that of the file often tells the label."""
    record = replace(entry.record, file_name=entry.name)
    return replace(entry, name=f"Film {record.sha256[:8]}", record=record)


def reveal(entry: Entry, *, blinded: bool) -> Entry:
    """The entry with its answer; blinded: whether the reader has answered before seeing it."""
    record = entry.record
    if record.hidden is None:
        return entry
    return replace(
        entry,
        name=record.file_name,
        reading=record.hidden,
        record=replace(record, hidden=None, file_name="", blinded=blinded),
    )


def any_hidden(entries: Sequence[Entry]) -> bool:
    """Whether the answer to one of the films is hidden."""
    return any(entry.record.hidden is not None for entry in entries)


def show_hidden_film() -> None:
    """The words in place of the result."""
    st.html(f'<section class="pn-result"><h2>Your answer first</h2><p>{HIDDEN}</p></section>')


def show_blinded_list(entries: Sequence[Entry], shown: Entry) -> None:
    """The films of the session in the order in which they came; answers as far as they are shown.

    The worklist by suspicion takes its place when no answer is hidden any more.
    """
    import pandas as pd

    left = sum(entry.record.hidden is not None for entry in entries)
    words = f"{count(len(entries), 'films')}, {left:,} to answer"
    st.html(f'<p class="pn-summary"><span>Blinded reading: {words}</span></p>')
    rows = pd.DataFrame(
        {
            "Picture": [entry.thumb or None for entry in entries],
            "Film": [entry.name for entry in entries],
            "You": [_own(entry) for entry in entries],
            "Model": [_model(entry) for entry in entries],
            "Shown": ["◀" if entry.key == shown.key else "" for entry in entries],
        }
    )
    st.dataframe(
        rows,
        hide_index=True,
        row_height=56,
        column_config={"Picture": st.column_config.ImageColumn(width=42)},
        alt="The films of the blinded reading, in the order in which they came",
    )


def _own(entry: Entry) -> str:
    """The reader's answer in this session; another reader's is not shown before."""
    record = entry.record
    if not record.blinded or not record.verdicts:
        return "–"
    return next((v.finding or "–" for v in reversed(record.verdicts) if v.finding), "–")


def _model(entry: Entry) -> str:
    return "hidden" if entry.record.hidden is not None else outcome_of(entry.reading).title


def _switch() -> None:
    """Remember the switch; turned off, it shows every answer."""
    on = bool(st.session_state[_KEY])
    state.blinded.set(on)
    if not on:
        for entry in list(state.films().values()):
            state.keep(reveal(entry, blinded=False))
