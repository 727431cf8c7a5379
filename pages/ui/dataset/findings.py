"""What the audit found, as cards in order of harm; a click shows the films of one."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.dataset import choice
from pages.ui.dataset.conditions import Among, put
from pneumo_core.audit import harm_words
from pneumo_core.formatting import amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.audit import Finding

_COLUMNS = 3
_NO_PICTURES = "classes"  # the unit of findings whose `films` are folders


def show_findings(findings: Sequence[Finding]) -> None:
    """Cards of what was found; what was looked for in vain in one line."""
    met = [one for one in findings if one.count]
    st.html(
        '<h2 class="pn-section">What the audit found</h2>'
        + ("" if met else '<p class="pn-hint">Nothing to complain of.</p>')
    )
    for start in range(0, len(met), _COLUMNS):
        row = met[start : start + _COLUMNS]
        for column, one in zip(st.columns(_COLUMNS), row, strict=False):
            with column, st.container(border=True, height="stretch", gap="xsmall"):
                _card(one)
    if clean := [one.title for one in findings if not one.count]:
        with st.expander(f"Looked for and not found: {len(clean)} more"):
            st.html("<br>".join(f"✓ {escape(title)}" for title in clean))


def card_html(finding: Finding) -> str:
    """A finding in words: harm, what, how many, why it matters, what is done."""
    return (
        f'<div class="pn-finding"><p class="pn-harm pn-harm-{finding.harm}">'
        f"{harm_words(finding.harm)}: {escape(amount(finding.count, finding.unit))}</p>"
        f"<h3>{escape(finding.title)}{_which(finding)}</h3>"
        f"<p>{escape(finding.why)}</p>"
        f"<p><strong>What Pneumo does:</strong> {escape(finding.done)}</p></div>"
    )


def _which(finding: Finding) -> str:
    """What cannot be shown as pictures is named."""
    named = finding.films if finding.unit == _NO_PICTURES else ()
    return f": {escape(', '.join(named))}" if named else ""


def _card(finding: Finding) -> None:
    st.html(card_html(finding))
    if finding.films and finding.unit != _NO_PICTURES:
        films = len(finding.films)
        st.button(
            f"Show the {films:,} films" if films > 1 else "Show the film",
            key=f"dataset.finding.{finding.code}",
            on_click=_show,
            args=(finding,),
        )


def _show(finding: Finding) -> None:
    condition = Among(finding.films, finding.title)
    choice.choose(put((), condition), look=True)
