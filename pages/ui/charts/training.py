"""Curves of training runs: one run as it goes, or several over each other. Arrays → figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, GREY, SERIES, figure
from pneumo_core import palette
from pneumo_core.formatting import interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

EPOCHS = "Epochs (passes over the films)"
LOSS = "Loss (cross-entropy, nats)"
AUC = "AUC (0 to 1)"
SHARE = "AUC and rates (0 to 1)"
VALIDATION = palette.PNEUMONIA.mark  # beside the accent on both grounds
_DASHES = ("solid", "dash", "dot", "dashdot")
_SYMBOLS = ("circle", "diamond", "square", "triangle-up")


@dataclass(frozen=True)
class Line:
    """Values over epochs, NaN where there is none.

    points: drawn as points with a line between them, one an epoch, else as a thin line, one a
    step; compared: what the others are measured with; best: place of the point to ring.
    """

    name: str
    epochs: NDArray[np.float64]
    values: NDArray[np.float64]
    points: bool = False
    held_out: bool = False
    style: int = 0
    best: int | None = None
    faint: bool = False  # behind another line
    run: int | None = None  # which of several runs over each other


@dataclass(frozen=True)
class Measured:
    """A figure of the finished model with its 95 % interval, at the epoch whose weights it has."""

    name: str
    epoch: float
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Chart:
    """The lines of one chart, what they count and how far the axis of epochs goes.

    measured: what the lines' last word is compared with: the finished model's own figure.
    """

    lines: Sequence[Line]
    y: str
    epochs: int = 0
    digits: int = 3
    span: tuple[float, float] | None = field(default=None)
    measured: Measured | None = None


def curves(chart: Chart, *, height: int = 300) -> go.Figure:
    """The chart's lines, each named above the plot; hover gives name, epoch and value."""
    traces: list[Any] = []
    for line in chart.lines:
        seen = np.isfinite(line.values)
        if seen.any():
            traces.append(_trace(line, seen, chart.digits))
            if line.best is not None and seen[line.best]:
                traces.append(_ring(line, chart.digits))
    if chart.measured is not None:
        traces.append(_diamond(chart.measured, chart.digits))
    axis: dict[str, Any] = {"title": EPOCHS, "rangemode": "tozero", "nticks": 8}
    if chart.epochs:
        axis |= {"range": [0, chart.epochs * 1.03], "dtick": _tick(chart.epochs)}
    # 0.0003, not 300µ
    share = {"title": chart.y, "exponentformat": "none"} | (
        {"range": list(chart.span)} if chart.span else {}
    )
    return figure(traces, x=axis, y=share, height=height, showlegend=True)


def smoothed(values: NDArray[np.float64], weight: float = 0.9) -> NDArray[np.float64]:
    """Exponential moving average (N,) that starts unbiased; NaN stays where it is."""
    mean, total, out = 0.0, 0.0, np.full(len(values), np.nan)
    for place, value in enumerate(values):
        if np.isfinite(value):
            mean, total = weight * mean + (1 - weight) * value, weight * total + (1 - weight)
            out[place] = mean / total
    return out


def share_span(lines: Sequence[Line], measured: Measured | None = None) -> tuple[float, float]:
    """Range of an axis of shares that shows every value and, where they are all high, their
    differences.
    """
    values = np.concatenate([np.ones(1), *(line.values for line in lines)])
    values = values if measured is None else np.append(values, measured.low)
    lowest = float(np.nanmin(values))
    floor = next(edge for edge in (0.9, 0.8, 0.5, 0.0) if lowest >= edge or edge == 0.0)
    return (floor, 1.0 + 0.02 * (1 - floor))


def _trace(line: Line, seen: NDArray[np.bool_], digits: int) -> go.Scatter:
    thin = {"width": 1.5, "color": _colour(line), "dash": _DASHES[line.style % len(_DASHES)]}
    marker = {"symbol": _SYMBOLS[line.style % len(_SYMBOLS)], "size": 7, "color": _colour(line)}
    return go.Scatter(
        x=line.epochs[seen],
        y=line.values[seen],
        name=f"{line.name} (ring: best)" if line.best is not None else line.name,
        mode="lines+markers" if line.points else "lines",
        line=thin | {"width": 2.5} if line.points else thin,
        marker=marker,
        opacity=0.35 if line.faint else 1.0 if line.points or line.run is None else 0.5,
        hovertemplate=f"{line.name}<br>epoch %{{x:.2f}}: %{{y:.{digits}f}}<extra></extra>",
    )


def _ring(line: Line, digits: int) -> go.Scatter:
    """Around the epoch whose weights count."""
    at = line.best or 0
    return go.Scatter(
        x=[line.epochs[at]],
        y=[line.values[at]],
        name="best epoch",
        mode="markers",
        marker={"symbol": "circle-open", "size": 15, "color": _colour(line), "line": {"width": 2}},
        showlegend=False,
        hovertemplate=f"best epoch, {line.name}<br>%{{y:.{digits}f}}<extra></extra>",
    )


def _diamond(model: Measured, digits: int) -> go.Scatter:
    """The finished model's figure and its interval, beside the estimates of its epochs."""
    ends = {"array": [model.high - model.value], "arrayminus": [model.value - model.low]}
    ends_shown = interval((model.low, model.high), digits=digits)
    return go.Scatter(
        x=[model.epoch],
        y=[model.value],
        name=model.name,
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": ACCENT, "line": {"width": 1}},
        error_y={"type": "data", "symmetric": False, **ends, "thickness": 1.5, "color": ACCENT},
        hovertemplate=f"{model.name}<br>%{{y:.{digits}f}} {ends_shown}<extra></extra>",
    )


def _colour(line: Line) -> str:
    if line.run is not None:
        return (ACCENT, VALIDATION, *SERIES[1:])[line.run % (len(SERIES) + 1)]
    return VALIDATION if line.held_out else (ACCENT if line.style == 0 else GREY)


def _tick(epochs: int) -> int:
    """Whole epochs between two ticks, so that there are some six."""
    return next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000) if epochs <= 7 * step)
