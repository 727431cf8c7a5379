"""Charts of the Dataset screen: counts as bars that can be clicked, and scatter plots of two
numbers of each film, over which a drawn rectangle selects films.

The marks of a scatter plot are one picture over a Plotly chart of nothing but axes: all films are
drawn, however many there are, and a browser shows one picture at once, where thousands of single
points take it seconds. The axes are those of all films, so that the chart stays as it is while
films come and go: Streamlit removes any chart that changes and draws it anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, CLEAR, DIMMED, FAINT, SUBTYPES, figure
from pages.ui.html import data_uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Ends = tuple[list[float], list[float]]
    Area = tuple[float, float, float, float]

WIDTH, HEIGHT = 600, 400  # of the picture, in pixels: about one and a half times as shown
TALL = 300  # of the chart, in pixels
# Between the chart's edges and its plot, in pixels; style.css lays the picture between the same.
MARGIN = {"l": 58, "r": 12, "t": 8, "b": 46, "pad": 2, "autoexpand": False}
# Radius of a mark in pixels of the picture, and its opacity, which grows where several lie on each
# other: of a small sample each shows, of a large one their distribution.
_SMALL_SAMPLE, _LARGE, _SMALL = 1000, (5, 0.8), (3, 0.5)
_OUTSIDE = 0.12  # of marks outside of the rectangle
_TOP, _BOTTOM = 8, 46  # pixels; below stand the numbers of the axis and its title
_STEPS = 3  # of the axis up to the longest bar: their numbers fit beside each other on a phone
_LABEL = 1.32  # the longest bar ends here at 1, so that its label has room


def ends_of(x: Numbers, y: Numbers) -> Ends:
    """The values at both ends of each axis: all films (float (N,), NaN where unknown), and air."""
    return _span(x), _span(y)


def axes(ends: Ends, *, across: str, up: str) -> go.Figure:
    """The chart under the marks; across, up: titles of its axes, with their units.

    Drawing a rectangle gives its corners.
    """
    fixed = {"showgrid": True, "automargin": False}
    return figure(
        # Axes need a trace: two invisible corners.
        [go.Scatter(x=ends[0], y=ends[1], mode="markers", opacity=0, hoverinfo="skip")],
        x={"title": across, "range": ends[0], **fixed},
        y={"title": up, "range": ends[1], **fixed},
        height=TALL,
        margin=MARGIN,
        dragmode="select",
        clickmode="event",
        selectdirection="any",
        newselection={"line": {"color": ACCENT}},
    )


def overlay_html(picture: NDArray[np.uint8], ends: Ends, area: Area | None, *, alt: str) -> str:
    """What is over the axes: the picture of `marks`, and the rectangle that was drawn."""
    return (
        f'<div class="pn-cover"><img src="{png_uri(picture)}" alt="{escape(alt)}">'
        f"{'' if area is None else _rectangle(area, ends)}</div>"
    )


def marks(  # noqa: PLR0913 - what is drawn, and how
    x: Numbers,
    y: Numbers,
    kinds: NDArray[np.object_],
    rows: NDArray[np.bool_],
    *,
    ends: Ends,
    area: Area | None = None,
) -> NDArray[np.uint8]:
    """The picture of the marks, uint8 (HEIGHT, WIDTH, 4), BGRA, transparent where there is none.

    x, y: float (N,), NaN where unknown; kinds: N keys of SUBTYPES; rows: bool (N,), the films to
    draw; ends: as of `ends_of`; area: (x low, x high, y low, y high) of the rectangle last drawn,
    outside of which marks are faint. Where kinds lie on each other their colours mix by number, in
    whatever order the films come.
    """
    known = rows & np.isfinite(x) & np.isfinite(y)
    radius, opacity = _LARGE if known.sum() <= _SMALL_SAMPLE else _SMALL
    faint = np.log(1 - _OUTSIDE) / np.log(1 - opacity)  # so that the mark's opacity is _OUTSIDE
    strength = np.where(_inside(x, y, area), 1.0, faint)
    column = np.rint((x[known] - ends[0][0]) / (ends[0][1] - ends[0][0]) * (WIDTH - 1)).astype(int)
    row = np.rint((ends[1][1] - y[known]) / (ends[1][1] - ends[1][0]) * (HEIGHT - 1)).astype(int)
    place = row * WIDTH + column
    total = np.zeros(HEIGHT * WIDTH, np.float32)
    colour = np.zeros((HEIGHT * WIDTH, 3), np.float32)
    for kind, style in SUBTYPES.items():
        own = kinds[known] == kind
        if own.any():
            density = _spread(place[own], strength[known][own], style.symbol, radius)
            lit = np.flatnonzero(density)
            total += density
            colour[lit] += density[lit, None] * np.array(_bgr(style.colour), np.float32)
    picture = np.zeros((HEIGHT * WIDTH, 4), np.uint8)
    painted = np.flatnonzero(total)  # most of the ground is bare
    picture[painted, :3] = (colour[painted] / total[painted, None]).round()
    picture[painted, 3] = (255 * (1 - (1 - opacity) ** total[painted])).round()
    return picture.reshape(HEIGHT, WIDTH, 4)


def _spread(
    place: NDArray[np.int64], strength: Numbers, symbol: str, radius: int
) -> NDArray[np.float32]:
    """How many marks of one kind lie on each pixel, by strength, float32 (HEIGHT * WIDTH,)."""
    import cv2

    points = np.bincount(place, strength, HEIGHT * WIDTH).astype(np.float32)
    return cv2.filter2D(
        points.reshape(HEIGHT, WIDTH), -1, _stamp(symbol, radius), borderType=cv2.BORDER_CONSTANT
    ).ravel()


def png_uri(picture: NDArray[np.uint8]) -> str:
    """A BGRA picture as a data URI."""
    import cv2

    _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data_uri(data.tobytes(), "image/png")


def _inside(x: Numbers, y: Numbers, area: Area | None) -> NDArray[np.bool_]:
    if area is None:
        return np.ones(len(x), np.bool_)
    left, right, low, high = area
    return (x >= left) & (x <= right) & (y >= low) & (y <= high)


def _stamp(symbol: str, radius: int) -> NDArray[np.float32]:
    """A mark's shape, 0..1, as Plotly's symbol of that name."""
    down, across = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    if symbol == "circle":
        shape = down**2 + across**2 <= radius**2
    elif symbol == "triangle-up":
        shape = 2 * np.abs(across) <= down + radius
    elif symbol == "triangle-down":
        shape = 2 * np.abs(across) <= radius - down
    else:
        shape = np.maximum(np.abs(down), np.abs(across)) < radius
    # filter2D correlates, which turns the stamp around.
    return shape[::-1, ::-1].astype(np.float32)


def _bgr(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return blue, green, red


def _span(values: Numbers) -> list[float]:
    """Range of an axis: all films, and some air."""
    known = values[np.isfinite(values)]
    if not len(known):
        return [0.0, 1.0]
    low, high = float(known.min()), float(known.max())
    air = 0.06 * (high - low) or 0.06 * abs(high) or 1.0
    return [low - air, high + air]


def _rectangle(area: Area, ends: Ends) -> str:
    """The part of the rectangle that lies on the axes, in per cent of their length."""
    (west, east), (south, north) = ends
    left, right = (100 * _share(value, west, east) for value in area[:2])
    bottom, top = (100 * _share(value, south, north) for value in area[2:])
    return (
        f'<i style="left:{left:.2f}%;right:{100 - right:.2f}%;'
        f'bottom:{bottom:.2f}%;top:{100 - top:.2f}%"></i>'
    )


def _share(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)


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
