"""The charts of the screen, each with the current threshold; clinical use of the decisions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.calibration import histogram, net_benefit, reliability
from pages.ui.charts.roc import Mark, precision_recall, roc
from pages.ui.components.threshold import show_marked
from pages.ui.html import facts_list, hint
from pages.ui.metrics.measures import POINTS
from pneumo_core import metrics
from pneumo_core.formatting import POINT_NAMES, estimate, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.metrics import AtThreshold, DecisionCurve, ThreeWay

ONE_CLASS = "These films are all of one class: there is no ROC curve."
_MEND = "“Fit to this hospital” on the Models screen corrects it."


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


def show_decisions(subject: Predictions, measures: Measures, at: AtThreshold) -> None:
    """The three-way rates at the locked points, then net benefit, then calibration."""
    left, right = st.columns([5, 6], gap="medium")
    with left:
        _show_three_ways(measures)
        st.html(calibration_html(subject, measures))
    with right:
        st.html(
            '<h3 class="pn-chart">Decision curve: net benefit</h3><p class="pn-hint">'
            "A threshold of 20\xa0% means that one missed pneumonia weighs as much as four false "
            f"alarms. At {state.prevalence.get()}\xa0% prevalence.</p>"
        )
        if measures.summary.ranking is None:
            st.info(ONE_CLASS, icon=":material/info:")
            return
        st.html(f'<p class="pn-meaning">{net_benefit_sentence(measures, at)}</p>')
        show_marked(
            cache.chart(
                (subject.key, "benefit", state.prevalence.get()),
                lambda: net_benefit(_curve(measures, state.prevalence.get() / 100)),
            ),
            "metrics.benefit",
            subject=subject.key,
            at=at,
            x="at",
            alt="Net benefit of the model, of calling every patient positive, and none",
        )


def net_benefit_sentence(measures: Measures, at: AtThreshold) -> str:
    """Net benefit at this threshold, against calling every patient positive, and none."""
    if not 0 < at.threshold < 1:
        return ""
    curve = _curve(measures, at.prevalence, thresholds=[at.threshold])
    model, low, high, everyone = (
        1000 * float(line[0]) for line in (curve.model, curve.low, curve.high, curve.call_all)
    )
    best = max(everyone, 0.0)
    instead = "calling every patient positive" if everyone > 0 else "calling no patient positive"
    comparison = "more than" if low > best else "not clearly more than"
    return (
        f"At {percent(at.threshold)} the net benefit is "
        f"{estimate((model, low, high), digits=0)} true positives per 1,000 "
        f"patients, {comparison} {instead} ({best:.0f})."
    )


def three_ways_html(three: ThreeWay) -> str:
    """Decisions by class as a table, with coverage and error rates."""
    a = three.answered
    body = "".join(
        f"<tr><th>{name}</th>" + "".join(f"<td>{n:,}</td>" for n in counts) + "</tr>"
        for name, counts in (
            ("▲ pneumonia", (a.tp, three.referred_sick, a.fn)),
            ("● normal", (a.fp, three.referred_well, a.tn)),
        )
    )
    rates = [
        ("Answered", estimate(three.coverage, as_percent=True), "of all films"),
        ("Error rate", estimate(three.error, as_percent=True), "of the answers"),
        (
            "Missed",
            estimate(three.missed, as_percent=True),
            "of the pneumonia films, neither found nor referred",
        ),
        ("False alarms", estimate(three.false_alarms, as_percent=True), "of the normal films"),
    ]
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>Films</th>'
        "<th>▲ signs</th><th>◆ refer</th><th>● no sign</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        + facts_list(((name, f"{value} {hint(of)}") for name, value, of in rates), css="pn-rates")
    )


def calibration_html(subject: Predictions, measures: Measures) -> str:
    """Calibration error on these films, and on validation before and after calibration."""
    s = measures.summary
    rows = [
        ("Debiased ECE", f"{estimate(s.ece)}; {s.ece_counted:.3f} without correction (ECE)"),
        ("Brier score", f"{estimate(s.brier)}, 0 is perfect"),
        ("Temperature", f"{s.temperature:.2f} fits these films best; 1 is ideal. {_MEND}"),
    ]
    card = subject.bundle.card
    before, after = card.calibration.ece_before, card.calibration.ece_after
    before = card.figure("ece_before_calibration") if before is None else before
    after = card.figure("ece") if after is None else after
    if isinstance(before, int | float) and isinstance(after, int | float):
        rows.append(("On validation", f"ECE {before:.3f} before calibration, {after:.3f} after"))
    return (
        '<h3 class="pn-chart">Calibration error</h3><p class="pn-hint">The mean distance between '
        "predicted and observed probability, 0 to 1. The usual estimate (ECE) is biased upwards "
        "in small samples; the first figure corrects for it.</p>" + facts_list(rows)
    )


def _curve(
    measures: Measures, prevalence: float, thresholds: Sequence[float] | None = None
) -> DecisionCurve:
    return metrics.decision_curve(
        measures.table["label"] == "pneumonia",
        measures.table["p_pneumonia"],
        thresholds=thresholds,
        prevalence=prevalence,
    )


def _show_three_ways(measures: Measures) -> None:
    points = measures.points
    st.html(
        '<h3 class="pn-chart">Three-way decisions</h3><p class="pn-hint">Below '
        f"{percent(points.screening)} no sign, from {percent(points.ruling_in)} signs of "
        "pneumonia, between them refer: at the locked thresholds; the slider has no effect.</p>"
        + three_ways_html(measures.summary.three_way)
    )
