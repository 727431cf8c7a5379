"""ROC and precision-recall curves, and the locked thresholds on them.

The current threshold is not part of a figure: the page draws it over the chart (see
`pages.ui.components.threshold`).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, GREY, PNEUMONIA, SERIES, figure, shaded
from pneumo_core import palette

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.metrics import PrCurve, RocBand, RocCurve

    Floats = NDArray[np.float64]

FALSE_ALARMS = "False alarms (1 − specificity, % of the normal films)"
SENSITIVITY = "Sensitivity (% of the pneumonia films)"
PRECISION = "Precision (% of the positive results)"
CORNER = 0.2  # side of the corner that can be zoomed to
_POINTS = 180  # of a curve: more make no visible difference
_TARGETS = 90  # of them that may be clicked: each is an element of the page
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")


@dataclass(frozen=True)
class Mark:
    """A threshold on a curve: x and y in 0..1; `name` says which ("balanced")."""

    name: str
    threshold: float
    x: float
    y: float


@dataclass(frozen=True)
class Named:
    """A ROC curve of one of several models, with its own locked point and its AUC in words."""

    name: str
    roc: RocCurve
    mark: Mark


def roc(
    curve: RocCurve,
    *,
    locked: Sequence[Mark] = (),
    band: RocBand | None = None,
    corner: bool = False,
    height: int = 380,
) -> go.Figure:
    """Sensitivity over false alarms, both in per cent.

    band: 95 % of the curve, shaded; corner: the upper left corner alone. Clicked, the curve gives
    the threshold of the nearest point as `customdata`.
    """
    traces: list[Any] = []
    if band is not None:
        x = 100 * band.false_positive_rate
        traces.append(shaded(x, 100 * band.low, 100 * band.high))
    traces += [_diagonal(), _steps(curve), _targets(curve), _rings(locked)]
    return figure(
        traces,
        x=_share(FALSE_ALARMS, (0.0, CORNER) if corner else (0.0, 1.0)),
        y=_share(SENSITIVITY, (1.0 - CORNER, 1.0) if corner else (0.0, 1.0)),
        height=height,
        clickmode="event+select",
    )


def readers(
    curve: RocCurve,
    points: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    *,
    height: int = 420,
) -> go.Figure:
    """The ROC curve of a model with readers beside it, each with intervals in both directions.

    points: name, false alarms and sensitivity of each, as value, low and high in 0..1.
    """
    traces: list[Any] = [_diagonal(), _steps(curve)]
    for place, (name, x, y) in enumerate(points):
        colour = _colour(1 + place)
        traces.append(
            go.Scatter(
                x=[100 * x[0]],
                y=[100 * y[0]],
                error_x=_bar(x, colour),
                error_y=_bar(y, colour),
                mode="markers",
                marker={"symbol": _SYMBOLS[place % 4], "size": 11, "color": colour},
                name=escape(name),  # Plotly reads tags
                text=[escape(name)],
                hovertemplate="%{text}: sensitivity %{y:.1f} %, false alarms %{x:.1f} %"
                "<extra></extra>",
                cliponaxis=False,
            )
        )
    whole = (0.0, 1.0)
    axes = {"x": _share(FALSE_ALARMS, whole), "y": _share(SENSITIVITY, whole)}
    return figure(traces, **axes, height=height, showlegend=True)


def _bar(e: Sequence[float], colour: str) -> dict[str, Any]:
    """The interval of a value, as Plotly's error bar in per cent."""
    up, down = ([100 * abs(end - e[0])] for end in (e[2], e[1]))
    bar = {"type": "data", "symmetric": False, "array": up, "arrayminus": down}
    return {**bar, "color": colour, "thickness": 1.2}


def precision_recall(curve: PrCurve, *, height: int = 300) -> go.Figure:
    """Precision, at the films' own prevalence, over sensitivity, both in per cent."""
    kept = thinned(curve.recall, curve.precision)
    line = go.Scatter(
        x=100 * curve.recall[kept],
        y=100 * curve.precision[kept],
        mode="lines",
        line={"color": ACCENT, "width": 2},
        hovertemplate="sensitivity %{x:.1f} %, precision %{y:.1f} %<extra></extra>",
    )
    lowest = float(curve.precision.min())
    floor = next((edge for edge in (0.8, 0.5) if lowest >= edge), 0.0)
    return figure(
        [line],
        x=_share(SENSITIVITY, (0.0, 1.0)),
        y=_share(PRECISION, (floor, 1.0)),
        height=height,
    )


def overlay(curves: Sequence[Named], *, corner: bool = False, height: int = 380) -> go.Figure:
    """Several ROC curves over each other, each with its model's own locked point."""
    traces: list[Any] = [_diagonal()]
    for place, one in enumerate(curves):
        kept = thinned(one.roc.false_positive_rate, one.roc.sensitivity)
        line = {"color": _colour(place), "dash": _DASHES[place % len(_DASHES)], "width": 2}
        traces.append(
            go.Scatter(
                name=one.name,
                x=100 * one.roc.false_positive_rate[kept],
                y=100 * one.roc.sensitivity[kept],
                mode="lines",
                line=line,
                hovertemplate=f"{one.name}<br>sensitivity %{{y:.1f}} %, false alarms %{{x:.1f}} %"
                "<extra></extra>",
            )
        )
        traces.append(_dot(one.mark, _SYMBOLS[place % len(_SYMBOLS)], _colour(place)))
    return figure(
        traces,
        x=_share(FALSE_ALARMS, (0.0, CORNER) if corner else (0.0, 1.0)),
        y=_share(SENSITIVITY, (1.0 - CORNER, 1.0) if corner else (0.0, 1.0)),
        height=height,
        showlegend=True,
    )


def thinned(x: Floats, y: Floats, points: int = _POINTS) -> NDArray[np.intp]:
    """Places of at most about `points` of the points (K,) that draw the same line, ends kept.

    One point is kept for each step along the line that an eye could see.
    """
    if len(x) <= points:
        return np.arange(len(x))
    way = np.r_[0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
    steps = np.floor(way / max(way[-1], 1e-12) * (points - 2)).astype(int)
    first = np.r_[True, np.diff(steps) > 0]
    first[-1] = True
    return np.flatnonzero(first)


def _colour(place: int) -> str:
    return (ACCENT, PNEUMONIA.colour, *SERIES[1:])[place % (len(SERIES) + 1)]


def _share(title: str, span: tuple[float, float]) -> dict[str, Any]:
    low, high = 100 * span[0], 100 * span[1]
    air = 0.015 * (high - low)
    return {"title": title, "range": [low - air, high + air], "showgrid": True, "nticks": 6}


def _diagonal() -> go.Scatter:
    return go.Scatter(
        x=[0, 100],
        y=[0, 100],
        mode="lines",
        line={"color": GREY, "width": 1, "dash": "dot"},
        hoverinfo="skip",
        showlegend=False,
    )


def _steps(curve: RocCurve) -> go.Scatter:
    kept = thinned(curve.false_positive_rate, curve.sensitivity)
    return go.Scatter(
        x=100 * curve.false_positive_rate[kept],
        y=100 * curve.sensitivity[kept],
        mode="lines",
        line={"color": ACCENT, "width": 2.5},
        hoverinfo="skip",
        name="the model",
    )


def _targets(curve: RocCurve) -> go.Scatter:
    """Invisible points that may be clicked: a line cannot be."""
    kept = thinned(curve.false_positive_rate, curve.sensitivity, _TARGETS)
    return go.Scatter(
        x=100 * curve.false_positive_rate[kept],
        y=100 * curve.sensitivity[kept],
        mode="markers",
        marker={"size": 14, "color": ACCENT, "opacity": 0},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=np.minimum(curve.thresholds[kept], 1.0).tolist(),
        hovertemplate="at %{customdata:.3f}: sensitivity %{y:.1f} %, false alarms %{x:.1f} %"
        "<extra></extra>",
    )


def _rings(locked: Sequence[Mark]) -> go.Scatter:
    """Locked thresholds as open rings."""
    return go.Scatter(
        x=[100 * one.x for one in locked],
        y=[100 * one.y for one in locked],
        mode="markers",
        marker={"symbol": "circle-open", "size": 12, "color": GREY, "line": {"width": 2}},
        text=[f"{one.name}, locked at {one.threshold:.3f}" for one in locked],
        hovertemplate="%{text}<extra></extra>",
        cliponaxis=False,
    )


def _dot(mark: Mark, symbol: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[100 * mark.x],
        y=[100 * mark.y],
        mode="markers",
        marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 1.5,
                "color": palette.GROUND.light}},
        text=[f"{mark.name}: {mark.threshold:.3f}"],
        hovertemplate="%{text}<br>%{y:.1f} %<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )  # fmt: skip
