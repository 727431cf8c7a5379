"""History: the readings of the log, to filter, open, label, export and delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from pages.ui import cache, state
from pages.ui.diagnose.reading_log import forget, with_log
from pages.ui.html import facts_list
from pages.ui.identity import may
from pages.ui.page import plain_words
from pneumo_core.access import Right
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.inference.predict import Reading
    from pneumo_core.readings.log import Filter, LoggedReading, ReadingLog
    from pneumo_core.readings.schema import Agreement

MOST = 500  # readings in the table; the CSV has all
ANY = "Any"
_DECISIONS = {
    "Signs of pneumonia": "PNEUMONIA",
    "Referred": "REFER",
    "No sign of pneumonia": "NORMAL",
}
_STATUSES = {"Not a chest X-ray": "rejected", "Could not be read": "error"}
_VERDICTS = ("Without a verdict", "With a verdict", "agree", "disagree", "unsure")
_DAYS = {"Today": 1, "7 days": 7, "30 days": 30, "One year": 365}
RECENT = timedelta(hours=12)  # readings that a reload may have taken off the screen
ON_SCREEN, DROP_AGAIN = "on the screen", "drop again"


def show_history() -> None:
    """The history, folded; unfolded where a reload has emptied the session."""
    found = with_log(lambda log: (log.count(), log.count(_recent())))
    if found is None or not found[0]:
        return
    total, recent = found
    lost = bool(recent) and not state.films()
    part = st.expander(
        f"History: {count(total, 'readings')} in the log",
        expanded=lost,
        key="history",
        on_change="rerun",
        icon=":material/history:",
    )
    if part.open:
        with part:
            _history(lost=lost)


@st.fragment
def _history(*, lost: bool) -> None:
    """The filter, the table, and what is done with the rows that are ticked."""
    with plain_words():
        if lost:
            st.html(
                '<p class="pn-label">The log keeps answers and verdicts, not films: drop a film '
                "again to see it. It is recognised by its content and not read into the log twice."
                "</p>"
            )
        wanted = _filter()
        rows = with_log(lambda log: _visible(log, wanted))
        if rows is None:
            st.warning("The history is unavailable until the log works again.")
            return
        ticked = _table(rows)
        _actions(wanted, ticked)
        if len(ticked) == 1:
            _open(ticked[0])


def _filter() -> Filter:
    """The conditions that are chosen."""
    from pneumo_core.readings.log import Filter

    models = with_log(lambda log: {one.model: one.digest for one in log.find(Filter(limit=MOST))})
    decision, model, verdict, days, text = st.columns(5)
    outcome = decision.selectbox("Decision", (ANY, *_DECISIONS, *_STATUSES), key="history.decision")
    name = model.selectbox("Model", (ANY, *(models or {})), key="history.model")
    said = verdict.selectbox("Verdict", (ANY, *_VERDICTS), key="history.verdict")
    span = days.selectbox("Days", (ANY, *_DAYS), key="history.days")
    words = text.text_input("Label or note", key="history.text", max_chars=80)
    since = datetime.now(UTC) - timedelta(days=_DAYS[span]) if span in _DAYS else None
    return Filter(
        decision=_DECISIONS.get(outcome, ""),
        status=_STATUSES.get(outcome, ""),
        digest=(models or {}).get(name, ""),
        since=since,
        agreement=cast("Agreement", said) if said in _VERDICTS[2:] else None,
        with_verdict=_VERDICTS.index(said) == 1 if said in _VERDICTS[:2] else None,
        text=words.strip(),
        limit=MOST,
    )


def _visible(log: ReadingLog, wanted: Filter) -> list[LoggedReading]:
    """The readings that pass the filter, without those that a blinded reader has to answer."""
    hidden = _hidden_ids()
    return [one for one in log.find(wanted) if one.id not in hidden]


def _hidden_ids() -> set[str]:
    films = state.films().values()
    return {one.record.log_id or "" for one in films if one.record.hidden is not None} - {""}


def table(rows: Sequence[LoggedReading]) -> pd.DataFrame:
    """One row a reading: time (UTC), outcome, probability 0..1 or NaN, verdict, label, film."""
    import pandas as pd

    from pneumo_core.readings.film_report import SHORT_HASH, outcome_words, verdict_words

    shown = {one.record.log_id for one in state.films().values()}
    return pd.DataFrame(
        {
            "read": [one.at for one in rows],
            "outcome": [outcome_words(_reading(one)) for one in rows],
            "p": pd.array(
                [one.p_pneumonia if one.passed else None for one in rows], dtype="float64"
            ),
            "verdict": [verdict_words(one.verdict) if one.verdict else "" for one in rows],
            "reader": [one.verdict.reader if one.verdict else "" for one in rows],
            "label": [one.label for one in rows],
            "film": [ON_SCREEN if one.id in shown else DROP_AGAIN for one in rows],
            "hash": [one.sha256[:SHORT_HASH] for one in rows],
            "model": [one.model for one in rows],
        }
    )


def _table(rows: list[LoggedReading]) -> list[LoggedReading]:
    """The table; the readings that are ticked."""
    from pneumo_core.formatting import per_cent

    if not rows:
        st.info("No reading matches the filter.")
        return []
    if len(rows) == MOST:
        st.caption(f"The latest {MOST} are shown. The CSV contains all that match.")
    chosen = st.dataframe(
        table(rows).style.format({"p": per_cent, "read": "{:%Y-%m-%d %H:%M}"}, na_rep="–"),
        key=f"history.table.{state.history_round.get()}",
        hide_index=True,
        height="content" if len(rows) <= 10 else 390,
        selection_mode="multi-row",
        on_select="rerun",
        column_config=_columns(),
        placeholder="–",
        alt="The readings in the log, the latest first",
    )
    selection = cast("dict[str, Any]", chosen)["selection"]
    return [rows[at] for at in selection["rows"] if at < len(rows)]


def _columns() -> dict[str, Any]:
    text = st.column_config.TextColumn
    return {
        "read": st.column_config.DatetimeColumn("Read (UTC)", width=130),
        "outcome": text("Decision", width=160),
        "p": st.column_config.NumberColumn("Prob.", width=56),
        "verdict": text("Verdict", width=200),
        "reader": text("Reader", width=90),
        "label": text("Label", width=95),
        "film": text("Film", width=95, help="A film is shown again when its file is dropped."),
        "hash": text("Film's hash", width=130),
        "model": text("Model", width=125),
    }


def _actions(wanted: Filter, ticked: list[LoggedReading]) -> None:
    """Export what passes the filter; delete what is ticked, after a confirmation."""
    from pneumo_core.readings.log import to_csv

    hidden = _hidden_ids()  # now: the export runs outside of the page

    def exported() -> bytes:
        log = cache.reading_log()
        rows = [] if log is None else log.find(replace(wanted, limit=None))
        return to_csv(one for one in rows if one.id not in hidden)

    with st.container(horizontal=True):
        st.download_button(
            "Export (CSV)",
            exported,
            "pneumo-history.csv",
            "text/csv",
            icon=":material/download:",
            on_click="ignore",
            key="history.csv",
        )
        if ticked and may(Right.MANAGE):
            what = count(len(ticked), "readings")
            with st.popover(f"Delete {what}…", icon=":material/delete:"):
                st.write(
                    f"This deletes {what} with all verdicts from the log, for everybody who uses "
                    "this installation. It cannot be undone."
                )
                if st.button("Delete permanently", type="primary", key="history.delete"):
                    _delete([one.id for one in ticked])


def _delete(ids: list[str]) -> None:
    if with_log(lambda log: log.delete(ids)) is not None:
        forget(ids)
        state.history_round.set(state.history_round.get() + 1)
    st.rerun()


def _open(row: LoggedReading) -> None:
    """What was answered to one film; the film itself where it is in the session."""
    from pneumo_core.readings.film_report import SHORT_HASH, probability_words, verdict_words

    reading = _reading(row)
    facts = [
        ("Decision", escape(reading.message) or "–"),
        ("Probability", escape(probability_words(reading)) if row.passed else "–"),
        ("Image check", escape(row.image_check)),
        ("Model", f"{escape(row.model)} (digest {escape(row.digest)})"),
        ("Film", f"<code>{row.sha256[:SHORT_HASH]}</code>"),
    ]
    for one in row.verdicts:
        words = verdict_words(one) or "no finding"
        note = f"<br>{escape(one.note)}" if one.note else ""
        when = {"open": "", "before": "before seeing the model: ", "after": "after: "}[one.phase]
        facts.append((one.reader or "Reader", f"{when}{escape(words)}{note}"))
    st.html(facts_list(facts))
    _label(row)
    st.download_button(
        "Report without the film (PDF)",
        partial(_page, row),
        f"reading-{row.id[:8]}.pdf",
        "application/pdf",
        icon=":material/download:",
        on_click="ignore",
        key="history.pdf",
    )
    entry = next((one for one in state.films().values() if one.record.log_id == row.id), None)
    if entry is None:
        st.caption("The film is not kept in the log. Drop its file above to see it again.")
    elif st.button("Show the film above", key="history.show"):
        state.open_film(entry.key)
        st.rerun()


def _label(row: LoggedReading) -> None:
    key = f"history.label.{row.id}"
    st.text_input(
        "Label",
        row.label,
        max_chars=80,
        key=key,
        help="To find the reading again. No patient data.",
        on_change=_set_label,
        args=(row.id, key),
    )


def _set_label(log_id: str, key: str) -> None:
    with_log(lambda log: log.set_label(log_id, st.session_state[key]))


def _page(row: LoggedReading) -> bytes:
    from pneumo_core.bundle.provenance import NO_DEVICE
    from pneumo_core.readings.film_report import from_log
    from pneumo_core.readings.report import film_pdf

    return film_pdf(from_log(row, NO_DEVICE))


def _reading(row: LoggedReading) -> Reading:
    from pneumo_core.readings.film_report import from_log

    return from_log(row, "").reading


def _recent() -> Filter:
    from pneumo_core.readings.log import Filter

    return Filter(since=datetime.now(UTC) - RECENT)
