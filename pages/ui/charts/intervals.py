"""Estimates with their intervals, one a row: a dot, a line from low to high, the number."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pages.ui.charts.theme import GREY, SERIES, TEXT_SIZE, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 19  # pixels a dot
_GAP = 12  # pixels between two names
_LABEL = 22  # characters a line of a name
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
    order: Sequence[str] = (),
) -> go.Figure:
    """A forest plot: names from top to bottom in the order in which they first come, one dot a
    series in each, the numbers in a column on the right.

    x: title of the axis; span: its range; reference: a value to compare with, drawn as a line
    with its words at its foot; order: of the series, where not as they first come. Hover gives
    `words`, else the numbers.
    """
    names = list(dict.fromkeys(row.name for row in rows))
    present = dict.fromkeys(row.series for row in rows)
    series = list(dict.fromkeys([*(one for one in order if one in present), *present]))
    line: dict[str, Any] = {}
    if reference is not None:
        line = {"shapes": [_line(reference)], "annotations": [_words(reference, reference_words)]}
    return figure(
        [
            trace
            for at in range(len(series))
            for trace in _traces(rows, names, at=at, series=series, numbers_at=span[1])
        ],
        x={"title": x, "range": list(span), "showgrid": True, "nticks": 6},
        y={
            "tickvals": list(range(len(names))),
            "ticktext": ["<br>".join(wrap(name, _LABEL)) for name in names],
            "range": [len(names) - 0.4, -0.6],
            "showgrid": False,
        },
        height=(_ROW * len(series) + _GAP) * len(names) + 96,
        showlegend=len(series) > 1,
        # Room for the column of numbers.
        margin={"l": 8, "r": 116, "t": 46, "b": 8, "pad": 2},
        **line,
    )


def spoken(row: Estimate) -> str:
    """Number and interval: "0.88 [0.86–0.90]"."""
    return f"{row.value:.2f} [{row.low:.2f}–{row.high:.2f}]"


def _traces(
    rows: Sequence[Estimate], names: list[str], *, at: int, series: list[str], numbers_at: float
) -> list[go.Scatter]:
    """The dots of one series with their lines, and their numbers."""
    own = [row for row in rows if row.series == series[at]]
    # Series of one name lie above each other, within three quarters of its row.
    shift = (at - (len(series) - 1) / 2) * 0.72 / len(series)
    y = [names.index(row.name) + shift for row in own]
    dots = go.Scatter(
        name=series[at],
        legendgroup=series[at],
        x=[row.value for row in own],
        y=y,
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
        cliponaxis=False,
    )
    numbers = go.Scatter(
        legendgroup=series[at],
        showlegend=False,
        x=[numbers_at] * len(own),
        y=y,
        mode="text",
        text=[f"  {spoken(row)}" for row in own],
        textposition="middle right",
        textfont={"size": TEXT_SIZE - 1, "color": SERIES[at]},
        cliponaxis=False,
        hoverinfo="skip",
    )
    return [dots, numbers]


def _line(reference: float) -> dict[str, Any]:
    return {
        "type": "line", "x0": reference, "x1": reference, "y0": 0, "y1": 1, "yref": "paper",
        "line": {"color": GREY, "dash": "dash", "width": 1.5},
    }  # fmt: skip


def _words(reference: float, words: str) -> dict[str, Any]:
    return {
        "x": reference, "y": 0, "yref": "paper", "text": words, "showarrow": False,
        "xanchor": "left", "yanchor": "bottom", "xshift": 4, "yshift": 2,
        "font": {"color": GREY},
    }  # fmt: skip


def _shift(at: int, of: int) -> float:
    """Series of one name lie above each other, within half a row of it."""
    return (at - (of - 1) / 2) * 0.56 / of
