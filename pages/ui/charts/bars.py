"""Counts as horizontal bars that can be clicked: the filtered count in front of the total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, CLEAR, DIMMED, FAINT, figure

if TYPE_CHECKING:
    from collections.abc import Sequence

_TOP, _BOTTOM = 8, 46  # pixels; below stand the numbers of the axis and its title
_STEPS = 3  # of the axis up to the longest bar: their numbers fit beside each other on a phone
_LABEL = 1.32  # the longest bar ends here at 1, so that its label has room


@dataclass(frozen=True)
class Bar:
    """One bar. `names` label it, outermost group first; `shown` of its `total` films (or patients)
    pass the filters set elsewhere; `chosen` says whether it passes this chart's own filter;
    `value` comes back when it is clicked.
    """

    names: tuple[str, ...]
    shown: int
    total: int
    value: str | tuple[str, ...]
    chosen: bool = True
    colour: str = ACCENT
    pattern: str = ""


def bars(rows: Sequence[Bar], *, unit: str, row: int = 25) -> go.Figure:
    """Bars from top to bottom in the order given, `row` pixels each; `unit` is what is counted
    ("films").

    Clicked anywhere in its row, a bar gives its place among `rows` as `customdata`.
    """
    axis = _names(rows)
    longest = max((row.total for row in rows), default=0) or 1
    return figure(
        [
            _ghosts(rows, axis),
            _solids(rows, axis),
            _targets(rows, axis, unit, longest * _LABEL),
        ],
        x={
            "title": unit.capitalize(),
            "range": [0, longest * _LABEL],
            "showgrid": True,
            "dtick": step(longest),
            "automargin": False,
        },
        y={
            # Said outright, or labels such as "1" and "5–9" are taken for numbers, and some lost.
            "type": "multicategory" if rows and len(rows[0].names) > 1 else "category",
            "autorange": "reversed",
            "showgrid": False,
            "showdividers": False,
        },
        height=row * len(rows) + _TOP + _BOTTOM,
        margin={"l": 8, "r": 12, "t": _TOP, "b": _BOTTOM, "pad": 2},
        clickmode="event+select",
        barmode="overlay",
        bargap=0.22,
    )


def label(row: Bar) -> str:
    """The label behind a bar: "1,341", or "312 of 1,341" where filters apply."""
    if row.shown == row.total:
        return f"{row.total:,}"
    return f"{row.shown:,} of {row.total:,}"


def step(longest: int) -> int:
    """From one number of the axis to the next: 1, 2 or 5 with noughts, at most _STEPS in all."""
    size = 1
    while True:
        for digit in (1, 2, 5):
            if longest <= digit * size * _STEPS:
                return digit * size
        size *= 10


def _names(rows: Sequence[Bar]) -> list[Any]:
    """One list of labels a level, as Plotly wants them."""
    levels = [list(level) for level in zip(*(row.names for row in rows), strict=True)]
    return levels[0] if len(levels) == 1 else levels


def _ghosts(rows: Sequence[Bar], axis: list[Any]) -> go.Bar:
    return go.Bar(
        y=axis,
        x=[row.total for row in rows],
        orientation="h",
        marker={"color": FAINT},
        text=[label(row) for row in rows],
        textposition="outside",
        hoverinfo="skip",
    )


def _solids(rows: Sequence[Bar], axis: list[Any]) -> go.Bar:
    return go.Bar(
        y=axis,
        x=[row.shown for row in rows],
        orientation="h",
        marker={
            "color": [row.colour for row in rows],
            "opacity": [1.0 if row.chosen else DIMMED for row in rows],
            "pattern": {
                "shape": [row.pattern for row in rows],
                "fillmode": "overlay",
                "fgcolor": "rgba(255,255,255,0.75)",
                "size": 5,
                "solidity": 0.22,
            },
        },
        hoverinfo="skip",
    )


def _targets(rows: Sequence[Bar], axis: list[Any], unit: str, width: float) -> go.Bar:
    """Invisible bars over the whole row: val's 16 films could not be hit otherwise."""
    return go.Bar(
        y=axis,
        x=[width] * len(rows),
        orientation="h",
        marker={"color": CLEAR},
        customdata=list(range(len(rows))),
        hovertext=[f"{', '.join(row.names)}: {label(row)} {unit}" for row in rows],
        hoverinfo="text",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    )
