"""Rates of several groups below each other, each with its interval: a forest plot in per cent.

Plain HTML: it follows the slider, and a chart would take a quarter of a second to be drawn again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.charts.theme import Look

HOLLOW = {"●": "○", "▲": "△"}


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
    small_sample: bool = False
    counted: bool = True  # whether the number of films stands behind the name

    @property
    def title(self) -> str:
        """Name and films: "viral · 807", "series IM · 12 (few)"."""
        few = " (few)" if self.small_sample else ""
        return f"{self.name} · {self.films:,}{few}" if self.counted else f"{self.name}{few}"

    @property
    def spoken(self) -> str:
        """Rate and interval: "95.1 % [92.4–96.9]"."""
        if math.isnan(self.value):
            return "no such film"
        return f"{100 * self.value:.1f} % [{100 * self.low:.1f}–{100 * self.high:.1f}]"


def forest_html(rows: Sequence[Row], *, x: str, look: Look, reference: float | None = None) -> str:
    """Groups from top to bottom in the order given; few films make an open mark.

    x: title of the axis; reference: the rate of all films, a line, 0..1.
    """
    floor = span_floor([row.low for row in rows if not math.isnan(row.value)])
    line = "" if reference is None or math.isnan(reference) else _reference(reference, floor)
    body = "".join(
        f'<li><span class="pn-forest-name">{escape(row.title)}</span>'
        f'<span class="pn-forest-line">{line}{_mark(row, look, floor)}</span>'
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


def span_floor(lows: Sequence[float]) -> float:
    """Where the axis begins: as high as every interval allows."""
    lowest = min(lows, default=0.0)
    return next((edge for edge in (0.9, 0.8, 0.6, 0.4) if lowest >= edge), 0.0)


def _ticks(floor: float) -> list[float]:
    """Round rates from the floor to 1."""
    steps = {0.4: 3, 0.6: 4, 0.8: 4}.get(floor, 5)
    return [floor + (1 - floor) * step / steps for step in range(steps + 1)]


def _mark(row: Row, look: Look, floor: float) -> str:
    if math.isnan(row.value):
        return ""
    sign = HOLLOW.get(look.sign, look.sign) if row.small_sample else look.sign
    width = 100 * (row.high - row.low) / (1 - floor)
    return (
        f'<i class="pn-forest-range pn-{look.words}" style="left:{_at(row.low, floor)};'
        f'width:{width:.2f}%"></i><b class="pn-{look.words}" '
        f'style="left:{_at(row.value, floor)}">{sign}</b>'
    )


def _reference(value: float, floor: float) -> str:
    return f'<i class="pn-forest-all" style="left:{_at(value, floor)}"></i>'


def _at(value: float, floor: float) -> str:
    return f"{100 * (value - floor) / (1 - floor):.2f}%"
