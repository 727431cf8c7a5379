"""What the reader says of a film: agreement with the model, finding, confidence, note; and blinded
mode, in which the reader answers first, then sees the model's answer.

A film read in this mode has a reading without an answer in the session, so that no part of the page
can show it, and a neutral name; the answer and the name of the file wait in its record.
"""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.diagnose.reading_log import add_verdict
from pages.ui.outcomes import outcome_of
from pages.ui.page import plain
from pneumo_core.bundle.feature_checks import UPRIGHT
from pneumo_core.errors import ReadingLogError
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.session_film import Entry
    from pneumo_core.readings.log import Verdict
    from pneumo_core.readings.schema import Phase

_CONFIDENCE = {1: "1 guess", 2: "2", 3: "3", 4: "4", 5: "5 certain"}
_WHEN = {"open": "", "before": ", before seeing the model", "after": ", after seeing the model"}
_said: state.Value[str] = state.Value("diagnose.verdict-problem", "")
HELP = (
    "You answer each film first; the model's answer appears when your answer is saved, and both "
    "answers are kept. Films that are in the list already are not hidden. Turning the mode off "
    "shows all answers."
)
HIDDEN = "The model's answer is hidden until you have answered."
_KEY = "diagnose.blinded-mode"


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
        confidence = ask_confidence(key, last.confidence if last else None)
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


def ask_confidence(key: str, last: int | None) -> int | None:
    """The reader's confidence, 1 to 5, as a row of buttons; last: the one that is pressed."""
    return st.segmented_control(
        "Confidence",
        list(_CONFIDENCE),
        default=last,
        format_func=_CONFIDENCE.__getitem__,
        key=f"{key}.confidence",
    )


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
