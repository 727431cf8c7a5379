"""The charts of the screen, with the threshold that is looked at in each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.charts.metrics.curves import Mark, precision_recall, roc
from pages.ui.charts.metrics.probabilities import histogram, reliability
from pages.ui.charts.theme import figure_config
from pages.ui.metrics import choice
from pages.ui.metrics.measures import POINTS
from pneumo_core.review.report.words import POINT_NAMES

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.subject import Subject
    from pneumo_core.metrics import AtThreshold

_ROC = "metrics.roc"
ONE_CLASS = "These films are all of one class: there is nothing to tell apart, and so no curve."


def show_roc(subject: Subject, measures: Measures, at: AtThreshold) -> None:
    """The ROC curve; a click on it goes there."""
    ranking = measures.summary.ranking
    title, whole = st.columns([3, 2], vertical_alignment="center")
    title.html('<h3 class="pn-chart">ROC: what is found, and at what price</h3>')
    if ranking is None:
        st.info(ONE_CLASS, icon=":material/info:")
        return
    with whole:
        corner = st.toggle("Upper left corner", key="metrics.corner")
    round_ = st.session_state.setdefault("metrics.clicks", 0)
    st.plotly_chart(
        roc(
            ranking.roc,
            at=_roc_mark(at, "looked at"),
            locked=[
                _roc_mark(measures.at(getattr(measures.points, name), 0.5), POINT_NAMES[name])
                for name in POINTS
            ],
            band=ranking.band,
            corner=corner,
        ),
        key=f"{_ROC}.{round_}",
        on_select=partial(_clicked, f"{_ROC}.{round_}", subject.key),
        selection_mode="points",
        config=figure_config(),
        alt=f"ROC curve with the operating point at sensitivity {at.sensitivity.value:.3f} and "
        f"specificity {at.specificity.value:.3f}",
    )
    st.html('<p class="pn-hint">◆ the threshold below; ○ locked points; shaded: 95 % band by '
            "patients. Click the curve to go there.</p>")  # fmt: skip


def show_others(measures: Measures, at: AtThreshold) -> None:
    """Precision and recall, reliability, and the spread of the scores."""
    summary = measures.summary
    columns = st.columns(3, gap="medium")
    with columns[0]:
        _titled(
            "Precision and recall",
            "At the share of pneumonia in these films, not at the prevalence above.",
        )
        if summary.ranking is None:
            st.info(ONE_CLASS, icon=":material/info:")
        else:
            _plot(precision_recall(summary.ranking.pr, at=_pr_mark(at)), "pr", "Precision, recall")
    with columns[1]:
        _titled("Does a probability mean what it says?", "On the dotted line it does.")
        _plot(
            reliability(summary.reliability, at=at.threshold),
            "reliability",
            f"Reliability diagram; expected calibration error {summary.ece.value:.3f}",
        )
    with columns[2]:
        _titled("How films spread", "Shaded: referred. The thick line is the threshold.")
        locked = {name: getattr(measures.points, name) for name in POINTS}
        _plot(
            histogram(summary.histogram, at=at.threshold, locked=locked),
            "histogram",
            "Films by probability, pneumonia above and normal below",
        )


def _titled(title: str, hint: str) -> None:
    st.html(f'<h3 class="pn-chart">{title}</h3><p class="pn-hint">{hint}</p>')


def _plot(figure: Any, name: str, alt: str) -> None:
    st.plotly_chart(figure, key=f"metrics.{name}", config=figure_config(), alt=alt)


def _roc_mark(at: AtThreshold, name: str) -> Mark:
    return Mark(name, at.threshold, 1 - at.specificity.value, at.sensitivity.value)


def _pr_mark(at: AtThreshold) -> Mark | None:
    """None where no film is called: there is no precision then."""
    precision = at.rates["ppv"].value
    if at.confusion.tp + at.confusion.fp == 0:
        return None
    return Mark("looked at", at.threshold, at.sensitivity.value, precision)


def _clicked(key: str, subject: str) -> None:
    points = st.session_state[key]["selection"]["points"]
    if points and (at := points[0].get("customdata")) is not None:
        choice.move(subject, float(at if isinstance(at, int | float) else at[0]))
        # A new chart: the old one would keep the click as a selection, and pale the rest.
        st.session_state["metrics.clicks"] += 1
