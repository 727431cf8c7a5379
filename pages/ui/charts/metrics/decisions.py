"""Is it worth calling with this model? Net benefit over the threshold probability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, FAINT, GREY, figure

if TYPE_CHECKING:
    from pneumo_core.metrics import DecisionCurve


def net_benefit(curve: DecisionCurve, *, height: int = 340) -> go.Figure:
    """Net benefit of calling with the model, of calling all children, and of calling none.

    In children found of 1,000, false alarms taken off at the price that the threshold says.
    """
    x = 100 * curve.thresholds
    top = 1.1 * 1000 * max(curve.prevalence, float(curve.model.max()), 1e-3)
    band = go.Scatter(
        x=np.r_[x, x[::-1]],
        y=1000 * np.r_[curve.high, curve.low[::-1]],
        fill="toself",
        fillcolor=FAINT,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )
    return figure(
        [
            band,
            _line(x, 1000 * curve.call_all, "call every child", GREY, "dash"),
            _line(x, 0 * x, "call none", GREY, "dot"),
            _line(x, 1000 * curve.model, "call as the model says", ACCENT, "solid"),
        ],
        x={"title": "Threshold probability (%)", "range": [0, 100], "nticks": 6},
        y={
            "title": "Net benefit (found of 1,000 children)",
            "range": [-0.25 * top, top],
            "showgrid": True,
        },
        height=height,
        showlegend=True,
    )


def _line(x: Any, y: Any, name: str, colour: str, dash: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        x=x,
        y=y,
        mode="lines",
        line={"color": colour, "dash": dash, "width": 2},
        hovertemplate=f"{name}: %{{y:.0f}} of 1,000 at %{{x:.0f}} %<extra></extra>",
    )
