"""What the reader says of a film: agreement with the model, own finding, confidence, note."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.diagnose.blinded import reveal
from pages.ui.diagnose.reading_log import add_verdict
from pages.ui.page import plain
from pneumo_core.errors import ReadingLogError

if TYPE_CHECKING:
    from pages.ui.session_film import Entry
    from pneumo_core.readings.log import Verdict
    from pneumo_core.readings.schema import Phase

_CONFIDENCE = {1: "1 guess", 2: "2", 3: "3", 4: "4", 5: "5 certain"}
_WHEN = {"open": "", "before": ", before seeing the model", "after": ", after seeing the model"}
_said: state.Value[str] = state.Value("diagnose.verdict-problem", "")


def show_verdict(entry: Entry) -> None:
    """The verdicts on a film, and the form for another one; those given stay."""
    if problem := _said.take():
        st.warning(plain(problem))
    verdicts = entry.record.verdicts
    if verdicts:
        st.html(f'<ul class="pn-problems">{"".join(map(_line, verdicts))}</ul>')
    phase: Phase = "after" if entry.record.blinded else "open"
    if not verdicts:
        _form(entry, phase)
        return
    label = (
        "Your verdict after seeing the model's answer"
        if phase == "after"
        else "Add or change a verdict"
    )
    first = phase == "after" and verdicts[-1].phase == "before"
    with st.expander(label, expanded=first):
        _form(entry, phase)


def show_blinded_form(entry: Entry) -> None:
    """The form of a blinded reader; saving it shows the model's answer."""
    if problem := _said.take():
        st.warning(plain(problem))
    _form(entry, "before")


def _form(entry: Entry, phase: Phase) -> None:
    """The fields and the button of one verdict, filled with the last one."""
    from pneumo_core.readings.schema import AGREEMENTS, FINDINGS, LONGEST_NAME, LONGEST_NOTE

    last = _last(entry)
    key = f"verdict.{entry.key[:16]}.{phase}.{len(entry.record.verdicts)}"
    # No border and no clearing: what was typed stays where the verdict is refused.
    with st.form(key, border=False):
        agreement = None
        if phase != "before":
            agreement = st.segmented_control(
                "The model's answer",
                AGREEMENTS,
                default=last.agreement if last else None,
                key=f"{key}.agreement",
            )
        finding = st.segmented_control(
            "Your finding", FINDINGS, default=last.finding if last else None, key=f"{key}.finding"
        )
        confidence = st.segmented_control(
            "Confidence",
            list(_CONFIDENCE),
            default=last.confidence if last else None,
            format_func=_CONFIDENCE.__getitem__,
            key=f"{key}.confidence",
        )
        note = st.text_area(
            "Note",
            last.note if last else "",
            max_chars=LONGEST_NOTE,
            height=68,
            key=f"{key}.note",
            placeholder="No patient data: the note is kept and printed.",
        )
        reader = st.text_input(
            "Your name or a pseudonym",
            state.reader_name.get(),
            max_chars=LONGEST_NAME,
            key=f"{key}.reader",
        )
        label = "Save and show the model's answer" if phase == "before" else "Save verdict"
        if st.form_submit_button(label, type="primary", key=f"{key}.save"):
            _save(entry, phase, reader, agreement, finding, confidence, note)


def _save(  # noqa: PLR0913, PLR0917 - the fields of the form
    entry: Entry,
    phase: Phase,
    reader: str,
    agreement: str | None,
    finding: str | None,
    confidence: int | None,
    note: str,
) -> None:
    from pneumo_core.readings.log import Verdict

    state.reader_name.set(reader.strip())
    if finding is None and agreement is None:
        missing = "your finding" if phase == "before" else "agreement or your finding"
        st.error(f"Expected {missing}, got none. Choose one, then save.")
        return
    try:
        verdict = Verdict(reader, agreement, finding, confidence, note, phase)  # type: ignore[arg-type]
    except ReadingLogError as error:
        st.error(plain(str(error)))
        return
    _said.set(add_verdict(entry, verdict))
    if phase == "before":
        state.amend(entry.content, lambda one: reveal(one, blinded=True))
    st.rerun()


def _last(entry: Entry) -> Verdict | None:
    """The last verdict of the reader who sits here; nobody else's fills the form, nor one given
    before this session where the film is read blinded.
    """
    if entry.record.hidden is not None:
        return None
    name = state.reader_name.get()
    own = [one for one in entry.record.verdicts if one.reader == name]
    return own[-1] if own else None


def _line(verdict: Verdict) -> str:
    from pneumo_core.readings.film_report import verdict_words

    words = verdict_words(verdict) or "no finding"
    who = verdict.reader or "Reader without a name"
    note = f"<br>Note: {escape(verdict.note)}" if verdict.note else ""
    return (
        f"<li><strong>{escape(who)}</strong>{_WHEN[verdict.phase]}: {escape(words)} "
        f'<span class="pn-hint">{verdict.at:%Y-%m-%d %H:%M} UTC</span>{note}</li>'
    )
