"""Rates of several groups below each other, each with its interval: a forest plot in per cent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pages.ui.charts.theme import GREY, TEXT_SIZE, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 36  # pixels a group: its name, and its dot below it


@dataclass(frozen=True)
class Row:
    """A group: its name, its rate with its interval (0..1, NaN where there is none), how many
    films it is of, and whether these are few.
    """

    name: str
    value: float
    low: float
    high: float
    films: int
    few: bool = False
    counted: bool = True  # whether the number of films stands behind the name

    @property
    def title(self) -> str:
        """Name and films: "viral · 807", "series IM · 12 (few)"."""
        few = " (few)" if self.few else ""
        return f"{self.name} · {self.films:,}{few}" if self.counted else self.name

    @property
    def spoken(self) -> str:
        """Rate and interval: "95.1 % [92.4–96.9]"."""
        if math.isnan(self.value):
            return "no such film"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}–{100 * self.high:.1f}]"


def forest(
    rows: Sequence[Row], *, x: str, colour: str, symbol: str, reference: float | None = None
) -> go.Figure:
    """Groups from top to bottom in the order given; few films make an open mark.

    x: title of the axis; reference: the rate of all films, a line, 0..1.
    """
    known = [(at, row) for at, row in enumerate(rows) if not math.isnan(row.value)]
    floor = span_floor([row.low for _, row in known])
    dots = go.Scatter(
        x=[100 * row.value for _, row in known],
        y=[at + 0.7 for at, _ in known],
        mode="markers",
        marker={
            "size": 10,
            "color": colour,
            "symbol": [f"{symbol}-open" if row.few else symbol for _, row in known],
            "line": {"width": 2, "color": colour},
        },
        error_x={
            "array": [100 * (row.high - row.value) for _, row in known],
            "arrayminus": [100 * (row.value - row.low) for _, row in known],
            "color": colour,
            "thickness": 2,
            "width": 0,
        },
        hovertext=[f"{row.name}: {row.spoken}, {row.films:,} films" for _, row in known],
        hoverinfo="text",
    )
    line = [] if reference is None or math.isnan(reference) else [_line(100 * reference, len(rows))]
    return figure(
        [dots, _names(rows, 100 * floor), _numbers(rows)],
        x={"title": x, "range": [100 * floor, 100.5], "showgrid": True, "nticks": 6},
        y={"range": [len(rows), -0.1], "showgrid": False, "showticklabels": False},
        height=_ROW * len(rows) + 64,
        margin={"l": 8, "r": 132, "t": 8, "b": 8, "pad": 2},
        shapes=line,
    )


def span_floor(lows: Sequence[float]) -> float:
    """Where the axis begins: as high as every interval allows."""
    lowest = min(lows, default=0.0)
    return next((edge for edge in (0.9, 0.8, 0.6, 0.4) if lowest >= edge), 0.0)


def _names(rows: Sequence[Row], at: float) -> go.Scatter:
    """Each name above its dot: beside it, it leaves a narrow page no room."""
    return go.Scatter(
        x=[at] * len(rows),
        y=[place + 0.25 for place in range(len(rows))],
        mode="text",
        text=[row.title for row in rows],
        textposition="middle right",
        textfont={"size": TEXT_SIZE - 1},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _numbers(rows: Sequence[Row]) -> go.Scatter:
    return go.Scatter(
        x=[100.5] * len(rows),
        y=[place + 0.7 for place in range(len(rows))],
        mode="text",
        text=[f" {row.spoken}" for row in rows],
        textposition="middle right",
        textfont={"size": TEXT_SIZE - 1},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _line(reference: float, rows: int) -> dict[str, Any]:
    return {
        "type": "line", "x0": reference, "x1": reference, "y0": 0.5, "y1": rows,
        "line": {"color": GREY, "dash": "dot", "width": 1.5}, "layer": "below",
    }  # fmt: skip
