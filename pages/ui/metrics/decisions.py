"""Three answers instead of two, and whether calling with this model is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.calibration import net_benefit
from pages.ui.components.chart_threshold import show_marked
from pages.ui.html import facts_list, hint
from pages.ui.metrics.charts import ONE_CLASS
from pneumo_core import metrics
from pneumo_core.formatting import decimal, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Subject
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold, DecisionCurve, ThreeWay


def show_decisions(
    subject: Subject,
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
            '<h3 class="pn-chart">Is it worth calling with this model?</h3><p class="pn-hint">'
            "A threshold of 20 % says that a missed pneumonia weighs as much as four false "
            f"alarms. At {state.prevalence()} % prevalence.</p>"
        )
        if measures.summary.ranking is None:
            st.info(ONE_CLASS, icon=":material/info:")
            return
        st.html(f'<p class="pn-meaning">{worth(measures, at)}</p>')
        show_marked(
            cache.chart(
                (subject.key, "benefit", state.prevalence()),
                lambda: net_benefit(_curve(measures, state.prevalence() / 100)),
            ),
            "metrics.benefit",
            subject=subject.key,
            at=at,
            x="at",
            alt="Net benefit of calling with the model, every child and none",
        )


def worth(measures: Measures, at: AtThreshold) -> str:
    """What calling at this threshold is worth, against calling every child and none."""
    if not 0 < at.threshold < 1:
        return ""
    curve = _curve(measures, at.prevalence, thresholds=[at.threshold])
    model, low, high, everyone = (
        1000 * float(line[0]) for line in (curve.model, curve.low, curve.high, curve.call_all)
    )
    best = max(everyone, 0.0)
    instead = "calling every child" if everyone > 0 else "calling none"
    verdict = "worth more than" if low > best else "not clearly worth more than"
    return (
        f"At {100 * at.threshold:.1f} % its calls are worth {model:.0f} [{low:.0f}–{high:.0f}] "
        f"children found of 1,000, {verdict} {instead} ({best:.0f})."
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
        '<h3 class="pn-chart">Three answers</h3><p class="pn-hint">Below '
        f"{100 * points.screening:.1f} % no sign, from {100 * points.ruling_in:.1f} % signs of "
        "pneumonia, between them refer: at the locked points, whatever the slider says.</p>"
        + three_ways_html(measures.summary.three_way)
    )


def three_ways_html(three: ThreeWay) -> str:
    """How films of both classes are answered, as a table, and what the answers are worth."""
    a = three.answered
    body = "".join(
        f"<tr><th>{name}</th>" + "".join(f"<td>{n:,}</td>" for n in counts) + "</tr>"
        for name, counts in (
            ("▲ pneumonia", (a.tp, three.referred_sick, a.fn)),
            ("● normal", (a.fp, three.referred_well, a.tn)),
        )
    )
    rates = [
        ("Answered", rate(three.coverage), "of all films"),
        ("Wrong", rate(three.error), "of the answers"),
        ("Missed", rate(three.missed), "of the pneumonia films: neither found nor referred"),
        ("False alarms", rate(three.false_alarms), "of the normal films"),
    ]
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>Films</th>'
        "<th>▲ signs</th><th>◆ refer</th><th>● no sign</th></tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
        + facts_list(((name, f"{value} {hint(of)}") for name, value, of in rates), css="pn-rates")
    )


def calibration_html(subject: Subject, measures: Measures) -> str:
    """How far a probability is from what is seen, here, and before and after calibration."""
    s = measures.summary
    rows = [
        ("Here", f"{decimal(s.ece)}; {s.ece_counted:.3f} as usually counted (ECE)"),
        ("Brier score", f"{decimal(s.brier)}, 0 is perfect"),
        ("Temperature", f"{s.temperature:.2f} would fit these films best; 1 is ideal"),
    ]
    card = subject.bundle.card
    before = card["calibration"].get("ece_before", _figure(card, "ece_before_calibration"))
    after = card["calibration"].get("ece_after", _figure(card, "ece"))
    if isinstance(before, int | float) and isinstance(after, int | float):
        rows.append(("On validation", f"ECE {before:.3f} before calibration, {after:.3f} after"))
    return (
        '<h3 class="pn-chart">Calibration error</h3><p class="pn-hint">The mean distance between '
        "the probability said and the share seen, 0 to 1. Chance alone leaves some, which the "
        "usual count (ECE) holds too; the first figure is freed of it.</p>" + facts_list(rows)
    )


def _figure(card: dict[str, object], name: str) -> object:
    figures = card.get("figures")
    return figures.get(name) if isinstance(figures, dict) else None
