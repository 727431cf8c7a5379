"""The charts of the screen, each with the current threshold."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.calibration import histogram, reliability
from pages.ui.charts.roc import Mark, precision_recall, roc
from pages.ui.components.threshold import show_marked
from pages.ui.metrics.measures import POINTS
from pneumo_core.formatting import POINT_NAMES

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.metrics import AtThreshold

ONE_CLASS = "These films are all of one class: there is no ROC curve."


def show_roc(subject: Predictions, measures: Measures, at: AtThreshold) -> None:
    """The ROC curve; a click on it sets the threshold."""
    ranking = measures.summary.ranking
    title, whole = st.columns([3, 2], vertical_alignment="center")
    title.html('<h3 class="pn-chart">ROC curve: discrimination</h3>')
    if ranking is None:
        st.info(ONE_CLASS, icon=":material/info:")
        return
    with whole:
        corner = st.toggle("Zoom to the upper left", key="metrics.corner")
    key = f"metrics.roc.{state.roc_clicks.get()}"
    locked = [
        _roc_mark(measures.at(getattr(measures.points, name), 0.5), POINT_NAMES[name])
        for name in POINTS
    ]
    show_marked(
        cache.chart(
            (subject.key, "roc", corner),
            lambda: roc(ranking.roc, locked=locked, band=ranking.band, corner=corner),
        ),
        key,
        subject=subject.key,
        at=at,
        x="alarms",
        y="found",
        on_select=partial(_clicked, key, subject.key),
        selection_mode="points",
        alt=f"ROC curve, AUC {ranking.auc.value:.3f}, with locked and current thresholds",
    )
    st.html('<p class="pn-hint">◆ current threshold; ○ locked thresholds; shaded: 95\xa0% band, '
            "resampling patients. Click the curve to set the threshold.</p>")  # fmt: skip


def show_other_charts(subject: Predictions, measures: Measures, at: AtThreshold) -> None:
    """Precision and recall, reliability, and the spread of the scores."""
    summary = measures.summary
    show = partial(show_marked, subject=subject.key, at=at)
    columns = st.columns(3, gap="medium")
    with columns[0]:
        _titled(
            "Precision and recall",
            "At the share of pneumonia in these films, not at the prevalence set above.",
        )
        if summary.ranking is None:
            st.info(ONE_CLASS, icon=":material/info:")
        else:
            show(
                cache.chart((subject.key, "pr"), partial(precision_recall, summary.ranking.pr)),
                "metrics.pr",
                x="found",
                y="right",
                alt="Precision over recall",
            )
    with columns[1]:
        _titled("Calibration", "On the dotted line, predicted and observed probability agree.")
        show(
            cache.chart((subject.key, "reliability"), partial(reliability, summary.reliability)),
            "metrics.reliability",
            x="at",
            alt=f"Reliability diagram; calibration error {summary.ece.value:.3f}",
        )
    with columns[2]:
        _titled("Predicted probabilities", "Shaded: referred. Thick line: current threshold.")
        locked = {name: getattr(measures.points, name) for name in POINTS}
        show(
            cache.chart(
                (subject.key, "histogram"), partial(histogram, summary.histogram, locked=locked)
            ),
            "metrics.histogram",
            x="at",
            alt="Films by probability, pneumonia above and normal below",
        )


def _titled(title: str, hint: str) -> None:
    st.html(f'<h3 class="pn-chart">{title}</h3><p class="pn-hint">{hint}</p>')


def _roc_mark(at: AtThreshold, name: str) -> Mark:
    return Mark(name, at.threshold, 1 - at.specificity.value, at.sensitivity.value)


def _clicked(key: str, subject: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and (at := points[0].get("customdata")) is not None:
        state.set_threshold(subject, float(at if isinstance(at, int | float) else at[0]))
        state.roc_clicks.set(state.roc_clicks.get() + 1)
