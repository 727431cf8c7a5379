"""The table of all films of the session, by suspicion; a click opens the film above it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import state
from pages.ui.diagnose.reread import is_old, model_of, offer_to_read_again
from pages.ui.outcomes import (
    NORMAL,
    OUTCOMES,
    OUTSIDE,
    PNEUMONIA,
    UNCERTAIN,
    Outcome,
    outcome_of,
    why_unread,
)
from pneumo_core.formatting import count, per_cent
from pneumo_core.inference.table import as_row, to_csv

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.session_film import Entry
    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.predict import Reading


_KEY = "diagnose.table"
_UNFOLDED = 5  # reasons shown at once
_ROWS = 12  # in sight at once
_ROW, _HEADING = 56, 36  # pixels
ANY = "Any"
VERDICTS = ("Without a verdict", "With a verdict", "agree", "disagree", "unsure")
_EXTRA = ("sha256", "read_at", "verdict", "note")  # columns that the CSV of this page has besides


def show_worklist(entries: list[Entry], shown: Entry, bundle: Bundle | None) -> None:
    """The summary, what was not read and why, the filter, the table and its download.

    `entries` by suspicion; the row of the film `shown` is marked. bundle: the model in service.
    """
    st.html(_summary_html(entries) + _unread_html(entries))
    if len(entries) > 1:
        _show_filter()
    rows = visible(entries)
    if rows:
        _table(rows, shown, bundle)
    else:
        st.info("No film matches the filter.")
    with st.container(horizontal=True):
        if len(entries) > 1:
            offer_to_read_again(entries, bundle, "diagnose.all-again")
        st.download_button(
            "Download table (CSV)",
            partial(_csv, rows),
            "pneumo-readings.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="diagnose.csv",
        )
        with st.popover("Clear the list", icon=":material/delete:"):
            st.write(
                f"This removes {count(len(entries), 'films')} and their results from the list."
            )
            st.button("Clear", on_click=state.clear, type="primary")


def _table(rows: list[Entry], shown: Entry, bundle: Bundle | None) -> None:
    keys = [entry.key for entry in rows]
    marked = [keys.index(shown.key)] if shown.key in keys else []
    st.session_state[_KEY] = {"selection": {"rows": marked, "columns": [], "cells": []}}
    st.dataframe(
        table(rows, bundle).style.format({"p": per_cent}, na_rep="–"),
        key=_KEY,
        hide_index=True,
        row_height=_ROW,
        height="content" if len(rows) <= _ROWS else _HEADING + _ROWS * _ROW,
        selection_mode=["single-row-required" if marked else "single-row", "single-cell"],
        on_select=partial(_open_selected, keys),
        column_config=_columns(),
        placeholder="–",
        alt="The films of this session, most suspicious first",
    )


def visible(entries: list[Entry]) -> list[Entry]:
    """The entries that pass the filter of the list, in the order given."""
    chosen = st.session_state.get
    decisions = set(chosen("worklist.decision") or ())
    verdict, text = chosen("worklist.verdict") or ANY, (chosen("worklist.note") or "").strip()
    return [
        entry
        for entry in entries
        if (not decisions or outcome_of(entry.reading).label in decisions)
        and _has(entry, verdict)
        and (not text or text.lower() in f"{entry.name} {_note(entry)}".lower())
    ]


def _show_filter() -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="worklist-filter"):
        labels = list(dict.fromkeys(sense.label for sense in OUTCOMES))
        st.multiselect("Decision", labels, key="worklist.decision", placeholder="Any")
        st.selectbox("Verdict", (ANY, *VERDICTS), key="worklist.verdict", width=180)
        st.text_input("File or note", key="worklist.note", max_chars=80, width=180)


def _has(entry: Entry, wanted: str) -> bool:
    """Whether the latest verdict on a film is as the filter wants it."""
    said = entry.record.verdicts
    if wanted == VERDICTS[0]:
        return not said
    if wanted == VERDICTS[1]:
        return bool(said)
    return wanted == ANY or (bool(said) and said[-1].agreement == wanted)


def _verdict(entry: Entry) -> str:
    """The latest verdict on a film in words; "" where there is none."""
    from pneumo_core.readings.film_report import verdict_words

    said = entry.record.verdicts
    return verdict_words(said[-1]) if said else ""


def _note(entry: Entry) -> str:
    return entry.record.verdicts[-1].note if entry.record.verdicts else ""


def _csv(rows: list[Entry]) -> bytes:
    return to_csv((_row(entry) for entry in rows), extra=_EXTRA)


def show_welcome(bundle: Bundle) -> None:
    """One sentence on what to do, and the possible answers."""
    points = bundle.points
    low, high = per_cent(points.screening), per_cent(points.ruling_in)
    between = f"between {low} and {high}, or small crops and shifts change the answer"
    outside = "unlike the training films, turned or inverted: the answer says what to do"
    st.html(
        '<section class="pn-welcome"><h2>Drop a frontal chest film above, or try a sample.</h2>'
        "<p>Within about a second each film gets an answer, a probability of pneumonia "
        "and a saliency map. Films stay in this session and are not stored.</p><ul>"
        f"{_answer(PNEUMONIA, f'probability of {high} or more')}"
        f"{_answer(UNCERTAIN, between)}"
        f"{_answer(NORMAL, f'below {low}; this does not exclude pneumonia')}"
        f"{_answer(OUTSIDE, outside)}"
        "</ul></section>"
    )


def table(entries: list[Entry], bundle: Bundle | None = None) -> pd.DataFrame:
    """One row a film, in the order given; `p` is 0..1, NaN where there is none to rely on.

    `verdict` and `note` are columns only where a film has one, to leave their room to the names;
    `model` is a column only where models differ, or where one is not `bundle`, that in service.
    """
    import pandas as pd

    readings = [entry.reading for entry in entries]
    rows = pd.DataFrame(
        {
            "film": [entry.thumb or None for entry in entries],
            "decision": [[outcome_of(reading).label] for reading in readings],
            "p": pd.array([_reliable(reading) for reading in readings], dtype="float64"),
            "file": [entry.name for entry in entries],
            "verdict": [_verdict(entry) for entry in entries],
            "note": [_note(entry) for entry in entries],
            "check": [check_words(reading) for reading in readings],
        }
    )
    for column in ("verdict", "note"):
        if not any(rows[column]):
            rows = rows.drop(columns=column)
    models = [model_of(entry, bundle) for entry in entries]
    if len({*models} - {"–"}) > 1 or any(is_old(entry, bundle) for entry in entries):
        rows["model"] = models
    return rows


def check_words(reading: Reading) -> str:
    """The image check in short; in full it is beside the film, and above the table for files that
    were not read.
    """
    if reading.decision is None:
        return "✕ failed" if reading.status == "rejected" else "✕ unread"
    return "✓ passed" if reading.gate_ok else f"{OUTSIDE.sign} failed"


def _row(entry: Entry) -> dict[str, Any]:
    """A row of the CSV: numbers to three digits, with the hash of the file and when it was read."""
    row = as_row(entry.name, entry.reading)
    facts = entry.reading.facts
    return {
        name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()
    } | {
        "sha256": facts.sha256 if facts else "",
        "read_at": entry.read_at,
        "verdict": _verdict(entry),
        "note": _note(entry),
    }


def _columns() -> dict[str, Any]:
    """Down to the file all fit on a telephone; a wider page shares out what is left."""
    return {
        "film": st.column_config.ImageColumn("Film", width=42, pinned=True),
        "decision": st.column_config.MultiselectColumn(
            "Decision",
            width=166,
            options=[sense.label for sense in OUTCOMES],
            color=[sense.colour for sense in OUTCOMES],
        ),
        # Without a format of its own, so that `per_cent` says it: sorted by number all the same.
        "p": st.column_config.NumberColumn("Prob.", width=56, help="Probability of pneumonia"),
        "file": st.column_config.TextColumn("File", width=61),
        "verdict": st.column_config.TextColumn("Verdict", width=150),
        "note": st.column_config.TextColumn("Note", width=150),
        "check": st.column_config.TextColumn("Image check", width=90),
        "model": st.column_config.TextColumn(
            "Model", width=150, help="The model that read the film"
        ),
    }


def _open_selected(keys: list[str]) -> None:
    """Open the film of the cell that was clicked, or else of the row that was ticked."""
    selection = st.session_state[_KEY]["selection"]
    rows = [row for row, _ in selection["cells"]] or selection["rows"]
    if rows:
        state.open_film(keys[rows[0]])


def _summary_html(entries: list[Entry]) -> str:
    counts = Counter(outcome_of(entry.reading) for entry in entries)
    parts = "".join(
        f'<span class="pn-{sense.name}">{sense.label}: {counts[sense]}</span>'
        for sense in OUTCOMES
        if counts[sense]
    )
    order = ", most suspicious first" if len(entries) > 1 else ""
    films = f"{len(entries):,} of at most {state.MAX_FILMS} films"
    return f'<p class="pn-summary"><span>This session: {films}{order}</span>{parts}</p>'


def _unread_html(entries: list[Entry]) -> str:
    """Each file that was not read with its reason in full; folded where there are many."""
    items = [
        f"<li><strong>{escape(entry.name)}</strong> {escape(why_unread(entry.reading))}</li>"
        for entry in entries
        if entry.reading.decision is None
    ]
    if not items:
        return ""
    listed = f'<ul class="pn-problems">{"".join(items)}</ul>'
    if len(items) <= _UNFOLDED:
        return listed
    return f"<details><summary>Why {len(items)} files have no result</summary>{listed}</details>"


def _reliable(reading: Reading) -> float | None:
    """The probability to three digits, never 0 or 1; None for an image out of distribution, whose
    number would mislead.
    """
    p = reading.p_pneumonia if reading.gate_ok else None
    return None if p is None else min(max(round(p, 3), 0.001), 0.999)


def _answer(sense: Outcome, meaning: str) -> str:
    return f'<li><strong class="pn-{sense.name}">{sense.title}</strong> {escape(meaning)}</li>'
