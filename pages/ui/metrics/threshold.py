"""All that moves with the threshold, in one fragment: numbers first, then charts, then films."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.components.confusion_tiles import show_cells, sums_html
from pages.ui.components.threshold_slider import show_dial
from pages.ui.metrics import charts, headline
from pages.ui.metrics.comparison import show_comparison
from pages.ui.metrics.decisions import show_decisions
from pages.ui.metrics.error_gallery import show_films
from pages.ui.metrics.exports import show_exports
from pages.ui.metrics.measures import POINTS
from pages.ui.metrics.robustness import show_stress
from pages.ui.metrics.subgroups import show_groups
from pages.ui.metrics.test_evaluations import show_looks
from pages.ui.page import plain_words
from pneumo_core.formatting import POINT_NAMES

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Subject
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold


_PARTS = {
    "Films": show_films,
    "Subgroups": show_groups,
    "Decisions": show_decisions,
    "Disturbed films": show_stress,
    "Compare": show_comparison,
    "Looks at test films": show_looks,
    "Take along": show_exports,
}


def show_sections(
    subject: Subject, measures: Measures, at: AtThreshold, settings: Settings
) -> None:
    """The choice of a part, and the part."""
    part = st.segmented_control(
        "More about this model", list(_PARTS), default="Films", required=True, key="metrics.part"
    )
    with st.container(key=f"metrics-part-{part.split()[0].lower()}"):
        _PARTS[part](subject, measures, at, settings)


_AHEAD = 0.03  # seconds


@st.fragment
def show_live(subject: Subject, measures: Measures, settings: Settings) -> None:
    """The figures of the subject at the threshold that is looked at."""
    with plain_words():
        threshold = state.threshold(subject.key, measures.points.balanced)
        at = measures.at(threshold, state.prevalence() / 100)
        point = measures.point_at(threshold)
        st.html(
            headline.badge_html(subject, point)
            + headline.headline_html(measures.summary, at)
            + f'<p class="pn-hint">{headline.of_what(measures.summary, subject.films)}</p>'
        )
        curve, numbers = st.columns([6, 5], gap="medium")
        with numbers:
            points = measures.points
            st.html(f'<h3 class="pn-chart">{headline.two_answers(threshold)}</h3>')
            referred = measures.sweep.referred(threshold, points.screening, points.ruling_in)
            if opened := show_cells(at, referred, state.confusion_cell()):
                state.go_to_cell(opened)
            st.html(sums_html(at.confusion, measures.summary.three_way) + headline.rates_html(at))
        _show_dial(subject, measures, at, point)
        # The numbers are on their way before the rest follows, which takes a browser longer.
        time.sleep(_AHEAD)
        with curve:
            charts.show_roc(subject, measures, at)
        charts.show_others(subject, measures, at)
        show_sections(subject, measures, at, settings)


def _show_dial(subject: Subject, measures: Measures, at: AtThreshold, point: str) -> None:
    """The slider, what it would do to 1,000 children, and the way back to the locked point."""
    points = measures.points
    with st.container(border=True, key="dial", gap="xsmall"):
        show_dial(
            subject.key,
            at.threshold,
            [(POINT_NAMES[name], getattr(points, name)) for name in POINTS],
            (points.screening, points.ruling_in),
            measures.path,
        )
        with st.container(horizontal=True, vertical_alignment="center", key="thousand"):
            st.html('<p class="pn-thousand">Of 1,000 children at</p>', width="content")
            st.session_state["metrics.prevalence"] = state.prevalence()
            st.number_input(
                "Prevalence of pneumonia (%)",
                1,
                99,
                key="metrics.prevalence",
                label_visibility="collapsed",
                width=110,
                on_change=lambda: state.set_prevalence(st.session_state["metrics.prevalence"]),
            )
            st.html(headline.thousand_html(at))
        if not point:
            with st.container(horizontal=True, vertical_alignment="center", key="lock"):
                st.button(
                    "Back to the locked point",
                    key="metrics.lock",
                    type="primary",
                    icon=":material/lock:",
                    on_click=state.set_threshold,
                    args=(subject.key, points.balanced),
                )
                st.html(
                    '<p class="pn-hint pn-exploring">◆ You are exploring. A threshold picked '
                    "because it looks good on these films will look worse on others.</p>"
                )
