"""Estimates with their intervals, one a row: a dot, a line from low to high, the number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pages.ui.charts.theme import GREY, SERIES, TEXT_SIZE, figure
from pneumo_core.formatting import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.charts.theme import Style


_ROW = 19  # pixels a dot
_NAME = 25  # pixels a name, with the gap above it
_SYMBOLS = ("circle", "square", "diamond", "cross")
HOLLOW = {"●": "○", "▲": "△"}


@dataclass(frozen=True)
class Estimate:
    """One number with its interval, low ≤ value ≤ high; `series` distinguishes several in a row."""

    name: str
    value: float
    low: float
    high: float
    series: str = ""
    words: str = ""


@dataclass(frozen=True)
class Row:
    """A group: its name, its rate with its interval (0..1, NaN where there is none), how many
    films it is of, and whether that is a small sample.
    """

    name: str
    value: float
    low: float
    high: float
    films: int
    small_sample: bool = False
    counted: bool = True  # whether the number of films stands behind the name

    @property
    def title(self) -> str:
        """Name and films: "viral · 807", "series IM · 12 (small sample)"."""
        small = " (small sample)" if self.small_sample else ""
        return f"{self.name} · {self.films:,}{small}" if self.counted else f"{self.name}{small}"

    @property
    def spoken(self) -> str:
        """Rate and interval: "95.1 % [92.4–96.9]"."""
        if math.isnan(self.value):
            return "no such film"
        return estimate((self.value, self.low, self.high), as_percent=True)


def intervals(
    rows: Sequence[Estimate],
    *,
    x: str,
    reference: float | None = None,
    span: tuple[float, float] = (0.0, 1.0),
    order: Sequence[str] = (),
) -> go.Figure:
    """A forest plot: names from top to bottom in the order in which they first come, one dot a
    series in each, the numbers in a column on the right.

    x: title of the axis; span: its range; reference: a value to compare with, drawn as a line,
    which the axis' title explains; order: of the series, where not as they first come. Hover
    gives `words`, else the numbers.
    """
    names = list(dict.fromkeys(row.name for row in rows))
    present = dict.fromkeys(row.series for row in rows)
    series = list(dict.fromkeys([*(one for one in order if one in present), *present]))
    depth = _NAME + _ROW * len(series)  # of one name with its dots
    top = _NAME / depth
    return figure(
        [
            *(
                trace
                for at in range(len(series))
                for trace in _traces(rows, names, at=at, series=series, numbers_at=span[1])
            ),
            _headings(names, at=span[0], shift=(_NAME / 2 + 2) / depth),
        ],
        x={"title": x, "range": list(span), "showgrid": True, "nticks": 6},
        y={"range": [len(names), 0], "showgrid": False, "showticklabels": False},
        height=depth * len(names) + 96,
        showlegend=len(series) > 1,
        # Room for the column of numbers.
        margin={"l": 8, "r": 116, "t": 46, "b": 8, "pad": 2},
        shapes=[
            _line(reference, row, top=top) for row in range(len(names)) if reference is not None
        ],
    )


def forest_html(
    rows: Sequence[Row], *, x: str, style: Style, reference: float | None = None
) -> str:
    """Groups from top to bottom in the order given; a small sample makes an open mark.

    x: title of the axis; reference: the rate of all films, a line, 0..1.
    """
    floor = span_floor([row.low for row in rows if not math.isnan(row.value)])
    line = "" if reference is None or math.isnan(reference) else _reference(reference, floor)
    body = "".join(
        f'<li><span class="pn-forest-name">{escape(row.title)}</span>'
        f'<span class="pn-forest-line">{line}{_mark(row, style, floor)}</span>'
        f'<span class="pn-forest-number">{row.spoken}</span></li>'
        for row in rows
    )
    ticks = "".join(
        f'<span style="left:{_at(one, floor)}">{100 * one:.0f}</span>' for one in _ticks(floor)
    )
    return (
        f'<ul class="pn-forest">{body}<li class="pn-forest-axis" aria-hidden="true"><span '
        f'class="pn-forest-line">{ticks}</span></li></ul><p class="pn-hint pn-forest-x">{x}</p>'
    )


def spoken(row: Estimate) -> str:
    """Number and interval: "0.88 [0.86–0.90]"."""
    return estimate((row.value, row.low, row.high), digits=2)


def span_floor(lows: Sequence[float]) -> float:
    """Where the axis begins: as high as every interval allows."""
    lowest = min(lows, default=0.0)
    return next((edge for edge in (0.9, 0.8, 0.6, 0.4) if lowest >= edge), 0.0)


def _traces(
    rows: Sequence[Estimate], names: list[str], *, at: int, series: list[str], numbers_at: float
) -> list[go.Scatter]:
    """The dots of one series with their lines, and their numbers."""
    own = [row for row in rows if row.series == series[at]]
    # The name has the upper part of its row, the series are below each other in the rest.
    shift = (_NAME + _ROW * (at + 0.5)) / (_NAME + _ROW * len(series))
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
        textfont={"size": TEXT_SIZE - 1},
        cliponaxis=False,
        hoverinfo="skip",
    )
    return [dots, numbers]


def _headings(names: list[str], *, at: float, shift: float) -> go.Scatter:
    """The names, each above its dots: beside them they leave a narrow page no room."""
    return go.Scatter(
        x=[at] * len(names),
        y=[row + shift for row in range(len(names))],
        mode="text",
        text=names,
        textposition="middle right",
        textfont={"size": TEXT_SIZE},
        showlegend=False,
        hoverinfo="skip",
        cliponaxis=False,
    )


def _line(reference: float, row: int, *, top: float) -> dict[str, Any]:
    """The line beside the dots of one name, not through the name itself."""
    return {
        "type": "line", "x0": reference, "x1": reference, "y0": row + top, "y1": row + 1,
        "line": {"color": GREY, "dash": "dot", "width": 1.5}, "layer": "below",
    }  # fmt: skip


def _ticks(floor: float) -> list[float]:
    """Round rates from the floor to 1."""
    steps = {0.4: 3, 0.6: 4, 0.8: 4}.get(floor, 5)
    return [floor + (1 - floor) * step / steps for step in range(steps + 1)]


def _mark(row: Row, style: Style, floor: float) -> str:
    if math.isnan(row.value):
        return ""
    sign = HOLLOW.get(style.sign, style.sign) if row.small_sample else style.sign
    width = 100 * (row.high - row.low) / (1 - floor)
    return (
        f'<i class="pn-forest-range pn-{style.css}" style="left:{_at(row.low, floor)};'
        f'width:{width:.2f}%"></i><b class="pn-{style.css}" '
        f'style="left:{_at(row.value, floor)}">{sign}</b>'
    )


def _reference(value: float, floor: float) -> str:
    return f'<i class="pn-forest-all" style="left:{_at(value, floor)}"></i>'


def _at(value: float, floor: float) -> str:
    return f"{100 * (value - floor) / (1 - floor):.2f}%"
