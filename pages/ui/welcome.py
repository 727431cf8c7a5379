"""What an empty Diagnose page says: what to do, and how to read the answer."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.outcomes import NORMAL, PNEUMONIA, REFER, Sense
from pneumo_core.formatting import per_cent

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle


def show_welcome(bundle: Bundle) -> None:
    """One sentence on what to do, and the three answers a film may get."""
    points = bundle.points
    low, high = per_cent(points.screening), per_cent(points.ruling_in)
    between = f"between {low} and {high}, or a doubtful film: a radiologist should read it"
    st.html(
        '<section class="pn-welcome"><h2>Drop a frontal chest film above, or take a sample.</h2>'
        "<p>Each film is answered within about a second, with one of three decisions, its "
        "probability and a map of where the model looked. Films stay in this session and are not "
        "stored.</p><ul>"
        f"{_answer(PNEUMONIA, f'probability of {high} or more')}"
        f"{_answer(REFER, between)}"
        f"{_answer(NORMAL, f'below {low}; this does not rule pneumonia out')}"
        "</ul></section>"
    )


def _answer(sense: Sense, meaning: str) -> str:
    return f'<li><strong class="pn-{sense.name}">{sense.title}</strong> {escape(meaning)}</li>'
