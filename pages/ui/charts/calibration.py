"""Charts of the probability: reliability diagram, histogram by class, decision curve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, GREY, NORMAL, PNEUMONIA, REFER, figure, shaded
from pneumo_core.palette import faint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.evaluation.summary import Histogram
    from pneumo_core.metrics import CoverageRisk, DecisionCurve, Reliability


P = "Predicted P(pneumonia) (%)"
_REFER = faint(REFER.colour, 0.14)
_COUNTS = (1, 10, 100, 1000, 10_000)


def reliability(table: Reliability, *, height: int = 300) -> go.Figure:
    """Observed share of pneumonia over the mean probability of each bin, with Wilson intervals.

    On the diagonal the model is well calibrated.
    """
    some = table.n > 0
    share, p = table.observed[some], table.mean_p[some]
    dots = go.Scatter(
        x=100 * p,
        y=100 * share,
        mode="markers",
        marker={"size": 9, "color": ACCENT},
        error_y={
            "array": 100 * (table.high[some] - share),
            "arrayminus": 100 * (share - table.low[some]),
            "color": ACCENT,
            "thickness": 1.5,
            "width": 0,
        },
        customdata=table.n[some],
        hovertemplate="predicted %{x:.0f} %, observed %{y:.0f} %<br>%{customdata:,} films"
        "<extra></extra>",
        cliponaxis=False,
    )
    diagonal = go.Scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"},
        hoverinfo="skip",
    )
    return figure(
        [diagonal, dots],
        x={"title": P, "range": [-2, 102], "showgrid": True, "nticks": 6},
        y={"title": "Observed pneumonia (% of the films)", "range": [-2, 102], "showgrid": True},
        height=height,
    )


def histogram(counted: Histogram, *, locked: Mapping[str, float]) -> go.Figure:
    """Films by their probability, pneumonia above and normal below the line, logarithmic.

    locked: {"screening", "balanced", "ruling_in"}; films between the
    outer two are referred, a band.
    """
    centres = 50 * (counted.edges[1:] + counted.edges[:-1])
    width = 100 * np.diff(counted.edges)
    most = max(int(counted.normal.max()), int(counted.pneumonia.max()), 10)
    ticks = [n for n in _COUNTS if n <= most]
    return figure(
        [
            _bars(centres, width, counted.pneumonia, PNEUMONIA.colour, "pneumonia", sign=1),
            _bars(centres, width, counted.normal, NORMAL.colour, "normal", sign=-1),
        ],
        x={"title": P, "range": [0, 100], "nticks": 6},
        y={
            "title": "Films (logarithmic)",
            "showgrid": True,
            "tickvals": [*(-_height(n) for n in reversed(ticks)), 0, *map(_height, ticks)],
            "ticktext": [*(f"{n:,}" for n in reversed(ticks)), "0", *(f"{n:,}" for n in ticks)],
            "range": [-1.08 * _height(most), 1.08 * _height(most)],
        },
        height=300,
        barmode="overlay",
        bargap=0.06,
        shapes=[
            _between(locked["screening"], locked["ruling_in"]),
            *(_upright(one) for one in locked.values()),
        ],
        annotations=_class_names(),
    )


def net_benefit(curve: DecisionCurve) -> go.Figure:
    """Decision curve: net benefit of the model, of calling every patient positive, and none.

    In true positives per 1,000 patients, less the false alarms at the odds of the threshold.
    """
    x = 100 * curve.thresholds
    top = 1.1 * 1000 * max(curve.prevalence, float(curve.model.max()), 1e-3)
    return figure(
        [
            shaded(x, 1000 * curve.low, 1000 * curve.high),
            _line(x, 1000 * curve.call_all, "every patient positive", GREY, "dash"),
            _line(x, 0 * x, "no patient positive", GREY, "dot"),
            _line(x, 1000 * curve.model, "model", ACCENT, "solid"),
        ],
        x={"title": "Threshold probability (%)", "range": [0, 100], "nticks": 6},
        y={
            "title": "Net benefit (true positives per 1,000 patients)",
            "range": [-0.25 * top, top],
            "showgrid": True,
        },
        height=340,
        showlegend=True,
    )


def coverage_risk_chart(curve: CoverageRisk) -> go.Figure:
    """The coverage-risk curve with its interval: error rate of the films answered, in per cent."""
    step = max(1, curve.coverage.size // 400)
    pick = np.unique(np.r_[np.arange(0, curve.coverage.size, step), curve.coverage.size - 1])
    x, risk, low, high = (
        100 * line[pick] for line in (curve.coverage, curve.risk, curve.low, curve.high)
    )
    line = go.Scatter(
        x=x,
        y=risk,
        mode="lines",
        line={"color": ACCENT, "width": 2},
        hovertemplate="%{y:.1f} % wrong of the %{x:.0f} % answered<extra></extra>",
    )
    top = 1.15 * max(float(high[x >= 20].max()), 1.0) if (x >= 20).any() else 100.0
    return figure(
        [shaded(x, low, high), line],
        x={"title": "Films answered (%)", "range": [0, 100], "nticks": 6},
        y={"title": "Wrong answers (%)", "range": [0, min(top, 100)], "showgrid": True},
        height=300,
    )


def _bars(  # noqa: PLR0913 - one side of the histogram
    centres: Any, width: Any, films: Any, colour: str, name: str, *, sign: int
) -> go.Bar:
    return go.Bar(
        x=centres,
        y=sign * _height(films),
        width=width,
        marker={"color": colour},
        customdata=films,
        hovertemplate=f"%{{x:.0f}} %: %{{customdata:,}} {name} films<extra></extra>",
    )


def _height(films: Any) -> Any:
    """Where a count stands: its logarithm, and room for a single film."""
    return np.log10(1 + np.asarray(films, float))


def _class_names() -> list[dict[str, Any]]:
    """The class above and the class below, in the colours of their bars."""
    shared = {"xref": "paper", "yref": "paper", "x": 0.5, "showarrow": False}
    return [
        {**shared, "text": PNEUMONIA.title, "y": 0.99, "font": {"color": PNEUMONIA.colour}},
        {**shared, "text": NORMAL.title, "y": 0.01, "font": {"color": NORMAL.colour}},
    ]


def _between(low: float, high: float) -> dict[str, Any]:
    return {
        "type": "rect", "yref": "paper", "y0": 0, "y1": 1, "x0": 100 * low, "x1": 100 * high,
        "fillcolor": _REFER, "line": {"width": 0}, "layer": "below", "name": REFER.words,
    }  # fmt: skip


def _upright(at: float) -> dict[str, Any]:
    """A line at a locked threshold."""
    return {
        "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 100 * at, "x1": 100 * at,
        "line": {"color": GREY, "width": 1, "dash": "dot"},
    }  # fmt: skip


def _line(x: Any, y: Any, name: str, colour: str, dash: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=x,
        y=y,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2},
        hovertemplate=f"{name}: %{{y:.0f}} of 1,000 at %{{x:.0f}} %<extra></extra>",
    )
