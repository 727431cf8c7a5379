"""The threshold: a slider with the locked thresholds, a mark on each chart that follows it, and the
four counts as tiles that open their films.

Streamlit's own slider waits a fifth of a second before it reports a move, and has no marks. Plotly
takes a quarter of a second to draw four charts again; a line drawn over them moves at once.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import figure_config
from pages.ui.components import component

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from pneumo_core.metrics import AtThreshold, ThreeWay, ThresholdSweep
    from pneumo_core.metrics.confusion import Confusion

STEPS = 1000  # of the slider, from 0 to 1
KEY = "metrics.slider"
_slider = component("threshold_slider", '<div class="slider"></div>')
_mark = component("chart_threshold", '<div class="over"></div>')

Position = dict[str, float | None]
_tiles = component("confusion_tiles", '<div class="cells"></div>')


def show_threshold_slider(
    subject: str,
    at: float,
    points: Sequence[tuple[str, float]],
    zone: tuple[float, float],
    path: str,
) -> None:
    """The slider at `at`, 0..1, with a mark for each (name, threshold); runs inside a fragment.

    zone: between these films are referred, shaded; path: what the function `path` gives, as JSON
    text, with which the marks on the charts follow the slider.
    """

    def moved() -> None:
        value = st.session_state[KEY].threshold
        if isinstance(value, int | float):
            state.set_threshold(subject, float(value))

    _slider(
        key=KEY,
        data={
            "subject": subject,
            "at": at,
            "zone": list(zone),
            "path": path,
            "points": [{"name": name, "at": value} for name, value in points],
        },
        on_threshold_change=moved,
    )


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


@dataclass(frozen=True)
class Cell:
    """One cell: `name` as in `evaluation.summary.OUTCOMES`, its count, of how many, how many of
    them Diagnose refers, in words.
    """

    name: str
    count: int
    of: int
    referred: int
    words: str
    sign: str
    kind: str
    wrong: bool


def cells_of(counts: Confusion, referred: Confusion) -> list[Cell]:
    """Pneumonia above, normal below; correct on the left, errors on the right."""
    c, r = counts, referred
    positive, negative = c.tp + c.fn, c.tn + c.fp
    return [
        Cell("found", c.tp, positive, r.tp, "pneumonia, found", "▲", "pneumonia", wrong=False),
        Cell("missed", c.fn, positive, r.fn, "pneumonia, missed", "▲", "pneumonia", wrong=True),
        Cell("cleared", c.tn, negative, r.tn, "normal, cleared", "●", "normal", wrong=False),
        Cell(
            "false alarms", c.fp, negative, r.fp, "normal, false alarm", "●", "normal", wrong=True
        ),
    ]


def sums_html(counts: Confusion, three: ThreeWay) -> str:
    """How the four add up to all films, and the three-way decisions."""
    c, a = counts, three.answered
    referred = three.referred_sick + three.referred_well
    return (
        f'<p class="pn-hint pn-sums">▲ {c.tp + c.fn:,} with pneumonia = {c.tp:,} found + {c.fn:,} '
        f"missed; ● {c.tn + c.fp:,} normal = {c.tn:,} cleared + {c.fp:,} false alarms; "
        f"{c.n:,} films in all.</p>"
        f'<p class="pn-hint pn-sums"><strong>Three-way decisions</strong>, as on Diagnose, at the '
        f"locked thresholds: {three.n:,} films = ◆ {referred:,} referred + {a.n:,} answered, "
        f"of these {a.fn:,} missed and {a.fp:,} false alarms.</p>"
    )


def show_confusion_tiles(at: AtThreshold, referred: Confusion, chosen: str) -> str | None:
    """The tiles; returns the cell that was just clicked. `chosen` is framed; referred: of each
    cell, what Diagnose refers.
    """
    result = _tiles(
        key="metrics.cells",
        data={"cells": [asdict(one) for one in cells_of(at.confusion, referred)], "chosen": chosen},
        on_opened_change=_nothing,
    )
    opened: str | None = result.opened
    return opened


def _nothing() -> None:
    """Streamlit reports a click only where there is a callback."""
