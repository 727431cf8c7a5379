"""Three-way decisions, calibration error, and decision curve analysis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.calibration import net_benefit
from pages.ui.components.threshold import show_marked
from pages.ui.html import facts_list, hint
from pages.ui.metrics.charts import ONE_CLASS
from pneumo_core import metrics
from pneumo_core.formatting import estimate, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold, DecisionCurve, ThreeWay


_MEND = "Fit to this hospital, on the Models screen, mends it."


def show_decisions(
    subject: Predictions,
    measures: Measures,
    at: AtThreshold,
    settings: Settings,  # noqa: ARG001 - all parts are called alike
) -> None:
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
