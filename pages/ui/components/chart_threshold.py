"""The threshold on the charts: drawn over them by the browser, which moves it with the slider.

Plotly takes a quarter of a second to draw four charts again; a line over them moves at once.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.ui.charts.theme import figure_config

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from pneumo_core.metrics import AtThreshold, ThresholdSweep

STEPS = 1000  # of the slider, from 0 to 1
_HERE = Path(__file__)
_mark = st.components.v2.component(
    "pneumo.chart-threshold",
    html='<div class="over"></div>',
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)

Position = dict[str, float | None]


def position(at: AtThreshold) -> Position:
    """A threshold in per cent, and what it does: `found` of the pneumonia films, `alarms` of the
    normal ones, `right` of those called; None where there are none.
    """
    shares = {
        "at": at.threshold,
        "found": at.sensitivity.value,
        "alarms": 1 - at.specificity.value,
        "right": at.rates["ppv"].value,
    }
    return {name: None if math.isnan(one) else 100 * one for name, one in shares.items()}


def path(sweep: ThresholdSweep) -> dict[str, list[float | None]]:
    """`position` at every step of the slider, to a hundredth: each a list of STEPS + 1."""
    tp, fp = sweep.counts(np.arange(STEPS + 1) / STEPS)
    called = tp + fp
    parts = {
        "found": (tp, np.full_like(tp, sweep.n_positive)),
        "alarms": (fp, np.full_like(fp, sweep.n_negative)),
        "right": (tp, called),
    }
    return {
        name: [round(100 * k / n, 2) if n else None for k, n in zip(*pair, strict=True)]
        for name, pair in ((name, (k.tolist(), n.tolist())) for name, (k, n) in parts.items())
    }


def show_marked(  # noqa: PLR0913 - a chart, and what is marked on it
    figure: go.Figure,
    key: str,
    *,
    subject: str,
    at: AtThreshold,
    x: str,
    y: str = "",
    **options: Any,
) -> None:
    """A chart with the threshold on it: `x` and `y` say which numbers of `position` its axes have.

    An upright line without `y`. The figure itself must not depend on the threshold, or it is drawn
    again each time. options: of st.plotly_chart.
    """
    st.plotly_chart(figure, key=key, config=figure_config(), **options)
    axes = {"x": (x, figure.layout.xaxis), "y": (y, figure.layout.yaxis)}
    _mark(
        key=f"mark.{key}",
        data={
            "chart": re.sub(r"[^a-zA-Z0-9_-]", "-", f"st-key-{key}"),
            "subject": subject,
            "position": position(at),
            **{
                name: {"of": of, "range": list(axis.range)} if of else None
                for name, (of, axis) in axes.items()
            },
        },
    )
