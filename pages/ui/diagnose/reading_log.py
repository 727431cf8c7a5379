"""The log of readings as the screen uses it: a log that fails costs no answer and no time."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, TypeVar

import streamlit as st

from pages.ui import cache, state
from pages.ui.page import plain
from pneumo_core.config import load_settings
from pneumo_core.errors import ReadingLogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pages.ui.session_film import Entry, Record
    from pneumo_core.inference.predict import Reading
    from pneumo_core.readings.log import LoggedReading, ReadingLog, Verdict

T = TypeVar("T")
RETRY_SECONDS = 60.0  # after a failure; a locked database lets each call wait for 15 s
SAME = 1e-6  # probability: how far two readings of one film by one model may differ


def with_log(work: Callable[[ReadingLog], T]) -> T | None:
    """The result of `work` on the log; None where the log is off, or fails or failed lately.

    What it says of a failure is remembered for `show_log_state`.
    """
    failed = state.log_failure.get()
    if failed is not None and time.monotonic() - failed[1] < RETRY_SECONDS:
        return None
    try:
        log = cache.reading_log()
        result = None if log is None else work(log)
    except ReadingLogError as error:
        state.log_failure.set((str(error), time.monotonic()))
        return None
    state.log_failure.clear()
    return result


def keep_in_log(entries: Iterable[Entry]) -> None:
    """Log the films that are not in the log yet, each with what readers said of it.

    Samples are left out. A film that this model has read before with the same answer keeps its row,
    and brings the verdicts of that row.
    """
    for entry in entries:
        if entry.record.log_id is not None:
            continue
        if entry.origin:
            _amend_record(entry.content, log_id="")
        elif (found := with_log(lambda log, one=entry: log_entry(log, one))) is not None:
            log_id, verdicts = found
            _amend_record(entry.content, log_id=log_id, verdicts=verdicts)


def log_entry(log: ReadingLog, entry: Entry) -> tuple[str, tuple[Verdict, ...]]:
    """The id of a film's row in the log, added where there is none yet, and its verdicts.

    Raises ReadingLogError.
    """
    from pneumo_core.readings.log import DIGEST_DIGITS, Filter
    from pneumo_core.readings.study_key import study_key

    reading, record = answer_of(entry), entry.record
    sha256 = reading.facts.sha256 if reading.facts else record.sha256
    if sha256:
        wanted = Filter(sha256=sha256, digest=entry.model[:DIGEST_DIGITS])
        for row in log.find(wanted):
            if _same(row, reading):
                missing = [one for one in record.verdicts if one not in row.verdicts]
                for verdict in missing:
                    log.add_verdict(row.id, verdict)
                return row.id, (*row.verdicts, *missing)
    log_id = log.add(
        reading,
        digest=entry.model,
        sha256=sha256,
        study_key=study_key(record.study.study_uid, load_settings()) if record.study else "",
        at=datetime.fromisoformat(entry.read_at),
    )
    for verdict in record.verdicts:
        log.add_verdict(log_id, verdict)
    return log_id, record.verdicts


def add_verdict(entry: Entry, verdict: Verdict) -> str:
    """Keep a verdict in the session and in the log; why it is not in the log, "" where it is or
    need not be.
    """
    verdicts = (*entry.record.verdicts, verdict)
    _amend_record(entry.content, verdicts=verdicts)
    if not entry.record.log_id:
        return ""
    try:
        log = cache.reading_log()
        if log is not None:
            log.add_verdict(entry.record.log_id, verdict)
    except ReadingLogError as error:
        return f"The verdict is kept in this session only. {error}"
    return ""


def forget(log_ids: Iterable[str]) -> None:
    """Films whose rows were deleted: they stay on the screen and are not logged again."""
    gone = set(log_ids)
    for entry in list(state.films().values()):
        if entry.record.log_id in gone:
            _amend_record(entry.content, log_id="")


def show_log_state() -> None:
    """A quiet line: whether readings are kept, and who can change that; a failure in words."""
    failed = state.log_failure.get()
    if not load_settings().log_readings:
        words = "Readings are not kept: the log is turned off on this installation."
    elif failed is not None:
        st.warning(plain(f"Readings are not kept at the moment. {failed[0]}"))
        return
    else:
        words = (
            "Readings and verdicts are kept in the log, without pixels, patient data or file "
            "names. Whoever runs this installation can turn the log off."
        )
    st.html(f'<p class="pn-label"><span class="pn-hint">{escape(words)}</span></p>')


def answer_of(entry: Entry) -> Reading:
    """What the model answered, also where a blinded reader has not seen it."""
    return entry.record.hidden or entry.reading


def _same(row: LoggedReading, reading: Reading) -> bool:
    """Whether a row says what this reading says."""
    decision = reading.decision.value if reading.decision else None
    if (row.status, row.decision, row.passed) != (reading.status, decision, reading.gate_ok):
        return False
    p = reading.p_pneumonia
    return p is row.p_pneumonia or abs((p or 0.0) - (row.p_pneumonia or 0.0)) < SAME


def _amend_record(content: str, **changes: object) -> None:
    def amended(entry: Entry) -> Entry:
        record: Record = replace(entry.record, **changes)  # type: ignore[arg-type]
        return replace(entry, record=record)

    state.amend(content, amended)
