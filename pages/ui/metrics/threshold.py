"""All that depends on the threshold, in one fragment: figures first, then charts, then films."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.components.threshold import show_confusion_tiles, show_threshold_slider, sums_html
from pages.ui.metrics.charts import show_decisions, show_other_charts, show_roc
from pages.ui.metrics.comparison import show_comparison
from pages.ui.metrics.error_gallery import show_films
from pages.ui.metrics.exports import show_exports
from pages.ui.metrics.here import show_here, show_lead
from pages.ui.metrics.measures import (
    POINTS,
    badge_html,
    binary_title,
    headline_html,
    rates_html,
    sample_sentence,
    thousand_html,
)
from pages.ui.metrics.selection import show_test_evaluations
from pages.ui.metrics.subgroups import show_groups, show_robustness
from pages.ui.page import plain_words
from pneumo_core.formatting import POINT_NAMES

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold


_HEAD_START = 0.03  # seconds


@st.fragment
def show_live(subject: Predictions, measures: Measures, settings: Settings) -> None:
    """The figures at the current threshold."""
    with plain_words():
        threshold = state.threshold(subject.key, measures.points.balanced)
        at = measures.at(threshold, state.prevalence.get() / 100)
        point = measures.point_at(threshold)
        show_lead(subject)
        st.html(
            badge_html(subject, point)
            + headline_html(measures.summary, at)
            + f'<p class="pn-hint">{sample_sentence(measures.summary, subject.films)}</p>'
        )
        curve, numbers = st.columns([6, 5], gap="medium")
        with numbers:
            points = measures.points
            st.html(f'<h3 class="pn-chart">{binary_title(threshold)}</h3>')
            referred = measures.sweep.referred(threshold, points.screening, points.ruling_in)
            if opened := show_confusion_tiles(at, referred, state.confusion_cell.get()):
                state.go_to_cell(opened)
            st.html(sums_html(at.confusion, measures.summary.three_way) + rates_html(at))
        _show_slider(subject, measures, at, point)
        # The figures are sent before the charts, which take a browser longer.
        time.sleep(_HEAD_START)
        with curve:
            show_roc(subject, measures, at)
        show_other_charts(subject, measures, at)
        show_sections(subject, measures, at, settings)


def show_sections(
    subject: Predictions, measures: Measures, at: AtThreshold, settings: Settings
) -> None:
    """The choice of a section, and the section."""
    sections = {
        "Films": partial(show_films, subject, measures, at, settings),
        "At this hospital": partial(show_here, subject),
        "Subgroups": partial(show_groups, measures, at),
        "Decisions": partial(show_decisions, subject, measures, at),
        "Robustness": partial(show_robustness, subject),
        "Compare": partial(show_comparison, subject, at, settings),
        "Test-set evaluations": partial(show_test_evaluations, subject),
        "Export": partial(show_exports, subject, measures, at),
    }
    part = st.segmented_control(
        "More about this model", list(sections), default="Films", required=True, key="metrics.part"
    )
    with st.container(key=f"metrics-part-{part.split()[0].lower()}"):
        sections[part]()


def _show_slider(subject: Predictions, measures: Measures, at: AtThreshold, point: str) -> None:
    """The slider, the outcomes per 1,000 patients, and the way back to the locked threshold."""
    points = measures.points
    with st.container(border=True, key="threshold", gap="xsmall"):
        show_threshold_slider(
            subject.key,
            at.threshold,
            [(POINT_NAMES[name], getattr(points, name)) for name in POINTS],
            (points.screening, points.ruling_in),
            measures.path,
        )
        with st.container(horizontal=True, vertical_alignment="center", key="thousand"):
            st.html('<p class="pn-thousand">Per 1,000 patients at</p>', width="content")
            st.session_state["metrics.prevalence"] = state.prevalence.get()
            st.number_input(
                "Prevalence of pneumonia (%)",
                1,
                99,
                key="metrics.prevalence",
                label_visibility="collapsed",
                width=110,
                on_change=lambda: state.prevalence.set(st.session_state["metrics.prevalence"]),
            )
            st.html(thousand_html(at))
        if not point:
            with st.container(horizontal=True, vertical_alignment="center", key="lock"):
                st.button(
                    "Back to the locked threshold",
                    key="metrics.lock",
                    type="primary",
                    icon=":material/lock:",
                    on_click=state.set_threshold,
                    args=(subject.key, points.balanced),
                )
                st.html(
                    '<p class="pn-hint pn-exploring">◆ Exploring: a threshold chosen '
                    "on these films usually performs worse on new ones.</p>"
                )
