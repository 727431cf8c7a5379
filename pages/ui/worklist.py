"""The table of all films of the session, by suspicion; a click opens the film above it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.words import SENSES, UNREAD, sense_of, why_unread
from pneumo_core.reading.table import as_row, to_csv

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.entry import Entry

_KEY = "diagnose.table"
_UNFOLDED = 5  # reasons shown at once


def show_worklist(entries: list[Entry], shown: Entry) -> None:
    """The summary, what was not read and why, the table and its download.

    `entries` in the order of the rows; the row of the film `shown` is marked.
    """
    st.html(_summary_html(entries) + _unread_html(entries))
    keys = [entry.key for entry in entries]
    marked = {"rows": [keys.index(shown.key)], "columns": [], "cells": []}
    st.session_state[_KEY] = {"selection": marked}
    st.dataframe(
        table(entries),
        key=_KEY,
        hide_index=True,
        row_height=56,
        height="content" if len(entries) <= 8 else 500,
        selection_mode=["single-row-required", "single-cell"],
        on_select=partial(_open_selected, keys),
        column_config=_columns(),
        placeholder="–",
        alt="The films of this session, most suspicious first",
    )
    with st.container(horizontal=True):
        st.download_button(
            "Download table (CSV)",
            to_csv(as_row(entry.name, entry.reading) for entry in entries),
            "pneumo-readings.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
        with st.popover("Clear the list", icon=":material/delete:"):
            st.write(f"This forgets {_count(len(entries))} and their readings.")
            st.button("Clear", on_click=state.clear, type="primary")


def table(entries: list[Entry]) -> pd.DataFrame:
    """One row a film, in the order given."""
    import pandas as pd

    readings = [entry.reading for entry in entries]
    return pd.DataFrame(
        {
            "film": [entry.thumb or None for entry in entries],
            "decision": [[sense_of(reading).title] for reading in readings],
            "p": pd.array([_whole(reading.p_pneumonia) for reading in readings], dtype="Int64"),
            "check": [_check(entry) for entry in entries],
            "file": [entry.name for entry in entries],
        }
    )


def _columns() -> dict[str, Any]:
    return {
        "film": st.column_config.ImageColumn("Film", width=52),
        "decision": st.column_config.MultiselectColumn(
            "Decision",
            width=172,
            options=[sense.title for sense in SENSES],
            color=[sense.colour for sense in SENSES],
        ),
        "p": st.column_config.NumberColumn("Probability", width=84, format="%d %%"),
        "check": st.column_config.TextColumn("Film check", width=160),
        "file": st.column_config.TextColumn("File", width=560),
    }


def _open_selected(keys: list[str]) -> None:
    """Open the film of the cell that was clicked, or else of the row that was ticked."""
    selection = st.session_state[_KEY]["selection"]
    rows = [row for row, _ in selection["cells"]] or selection["rows"]
    if rows:
        state.open_film(keys[rows[0]])


def _summary_html(entries: list[Entry]) -> str:
    counts = Counter(sense_of(entry.reading) for entry in entries)
    parts = "".join(
        f'<span class="pn-{sense.name}">{sense.sign} {sense.words}: {counts[sense]}</span>'
        for sense in SENSES
        if counts[sense]
    )
    count = _count(len(entries))
    return (
        f'<p class="pn-summary"><span>This session: {count}, most suspicious first</span>'
        f"{parts}</p>"
    )


def _unread_html(entries: list[Entry]) -> str:
    """Each file that was not read with its reason in full; folded where there are many."""
    items = [
        f"<li><strong>{escape(entry.name)}</strong> {escape(why_unread(entry.reading))}</li>"
        for entry in entries
        if sense_of(entry.reading) is UNREAD
    ]
    if not items:
        return ""
    listed = f'<ul class="pn-problems">{"".join(items)}</ul>'
    if len(items) <= _UNFOLDED:
        return listed
    return f"<details><summary>Why {len(items)} files were not read</summary>{listed}</details>"


def _check(entry: Entry) -> str:
    reading = entry.reading
    if reading.gate_ok:
        return " ".join(("✓ radiograph-like", *reading.gate_reasons))
    if reading.decision is not None:
        return "◆ unlike the films the model knows"
    return " ".join(("✕", *(reading.gate_reasons or (reading.message.removeprefix("Not read: "),))))


def _whole(p: float | None) -> int | None:
    """Whole per cents; 1 and 99 at the ends, since no model can know more."""
    return None if p is None else min(max(round(100 * p), 1), 99)


def _count(films: int) -> str:
    return "1 film" if films == 1 else f"{films:,} films"
