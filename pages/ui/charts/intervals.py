"""Estimates with their intervals, one a row: a dot, a line from low to high, the number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pages.ui.charts.theme import GREY, SERIES, TEXT_SIZE, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 40  # pixels
_SYMBOLS = ("circle", "square", "diamond", "cross")


@dataclass(frozen=True)
class Estimate:
    """One number with its interval, low ≤ value ≤ high; `series` tells several in a row apart."""

    name: str
    value: float
    low: float
    high: float
    series: str = ""
    words: str = ""


def intervals(
    rows: Sequence[Estimate],
    *,
    x: str,
    reference: float | None = None,
    reference_words: str = "",
    span: tuple[float, float] = (0.0, 1.0),
) -> go.Figure:
    """Names from top to bottom in the order in which they first come, one dot a series in each.

    x: title of the axis; span: its range; reference: a value to compare with, drawn as a line
    with its words on top. Hover gives `words`, else the numbers.
    """
    names = list(dict.fromkeys(row.name for row in rows))
    series = list(dict.fromkeys(row.series for row in rows))
    line: dict[str, Any] = {}
    if reference is not None:
        line = {"shapes": [_line(reference)], "annotations": [_words(reference, reference_words)]}
    return figure(
        [
            draw(rows, names, one, at, len(series))
            for at, one in enumerate(series)
            for draw in (_dots, _numbers)
        ],
        x={"title": x, "range": list(span), "showgrid": True},
        y={
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "range": [len(names) - 0.4, -0.6],
            "showgrid": False,
        },
        height=_ROW * len(names) + 84,
        showlegend=len(series) > 1,
        # Room for the numbers of an estimate near the end.
        margin={"l": 8, "r": 112, "t": 34, "b": 8, "pad": 2},
        **line,
    )


def spoken(row: Estimate) -> str:
    """Number and interval: "0.88 [0.86–0.90]"."""
    return f"{row.value:.2f} [{row.low:.2f}–{row.high:.2f}]"


def _dots(rows: Sequence[Estimate], names: list[str], series: str, at: int, of: int) -> go.Scatter:
    own = [row for row in rows if row.series == series]
    return go.Scatter(
        name=series,
        legendgroup=series,
        x=[row.value for row in own],
        y=[names.index(row.name) + _shift(at, of) for row in own],
        mode="markers",
        hovertext=[row.words or f"{row.name}: {spoken(row)}" for row in own],
        hoverinfo="text",
        marker={"size": 9, "color": SERIES[at], "symbol": _SYMBOLS[at]},
        error_x={
            "array": [row.high - row.value for row in own],
            "arrayminus": [row.value - row.low for row in own],
            "color": SERIES[at],
            "thickness": 2,
            "width": 0,
        },
    )


def _numbers(
    rows: Sequence[Estimate], names: list[str], series: str, at: int, of: int
) -> go.Scatter:
    """The numbers behind the intervals' upper ends."""
    own = [row for row in rows if row.series == series]
    return go.Scatter(
        legendgroup=series,
        showlegend=False,
        x=[row.high for row in own],
        y=[names.index(row.name) + _shift(at, of) for row in own],
        mode="text",
        text=[f"  {spoken(row)}" for row in own],
        textposition="middle right",
        textfont_size=TEXT_SIZE - 1,
        cliponaxis=False,
        hoverinfo="skip",
    )


def _line(reference: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": reference, "x1": reference, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": GREY, "dash": "dash", "width": 1.5},
    }  # fmt: skip


def _words(reference: float, words: str) -> dict[str, Any]:
    return {
        "x": reference, "y": 1, "yref": "paper", "text": words, "showarrow": False,
        "xanchor": "left", "yanchor": "bottom", "xshift": 4, "yshift": -16,
        "font": {"color": GREY},
    }  # fmt: skip


def _shift(at: int, of: int) -> float:
    """Series of one name lie above each other, within half a row of it."""
    return (at - (of - 1) / 2) * 0.56 / of
