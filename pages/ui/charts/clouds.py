"""Films as marks over two of their numbers; a rectangle drawn over them chooses films.

The marks are one picture under Plotly's axes: all films are drawn, however many there are, and a
browser shows one picture at once, where thousands of single points take it seconds.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from pages.ui.charts.theme import ACCENT, FAINT, GREY, SUBTYPES, figure

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Area = tuple[float, float, float, float]

WIDTH, HEIGHT = 760, 480  # of the picture, in pixels: about twice what it is shown at
# Radius of a mark in pixels of the picture, and its opacity, which grows where several lie on each
# other: of few films, each is to be seen; of many, how they lie.
_FEW, _LARGE, _SMALL = 1000, (6, 0.8), (4, 0.5)
_OUTSIDE = 0.12  # of marks outside of the rectangle


def cloud(  # noqa: PLR0913 - what is drawn, and how
    x: Numbers,
    y: Numbers,
    kinds: NDArray[np.object_],
    rows: NDArray[np.bool_],
    *,
    across: str,
    up: str,
    area: Area | None = None,
    height: int = 300,
) -> go.Figure:
    """One mark for each film for which `rows` (bool, N) is true.

    x, y: float (N,), NaN where unknown; kinds: N keys of SUBTYPES; across, up: titles of the axes
    with their units; area: (x low, x high, y low, y high) of the rectangle last drawn, outside of
    which marks are faint. Axes span all films, so that they stay as they are while films come and
    go. Drawing a rectangle gives its corners.
    """
    ends = (_span(x), _span(y))
    picture = {
        "source": png_uri(marks(x, y, kinds, rows, ends=ends, area=area)),
        "xref": "x", "yref": "y", "x": ends[0][0], "y": ends[1][1], "layer": "above",
        "sizex": ends[0][1] - ends[0][0], "sizey": ends[1][1] - ends[1][0], "sizing": "stretch",
    }  # fmt: skip
    return figure(
        # Axes need a trace: two invisible corners.
        [go.Scatter(x=ends[0], y=ends[1], mode="markers", opacity=0, hoverinfo="skip")],
        x={"title": across, "range": ends[0], "showgrid": True},
        y={"title": up, "range": ends[1], "showgrid": True},
        height=height,
        images=[picture],
        dragmode="select",
        clickmode="event",
        selectdirection="any",
        newselection={"line": {"color": ACCENT}},
        shapes=[] if area is None else [_rectangle(area)],
    )


def marks(  # noqa: PLR0913 - what is drawn, and how
    x: Numbers,
    y: Numbers,
    kinds: NDArray[np.object_],
    rows: NDArray[np.bool_],
    *,
    ends: tuple[list[float], list[float]],
    area: Area | None = None,
) -> NDArray[np.uint8]:
    """The picture of the marks, uint8 (HEIGHT, WIDTH, 4), BGRA, transparent where there is none.

    ends: the values at the picture's left and right edge, and at its lower and upper one. Where
    kinds lie on each other their colours mix by number, in whatever order the films come.
    """
    import cv2

    known = rows & np.isfinite(x) & np.isfinite(y)
    radius, opacity = _LARGE if known.sum() <= _FEW else _SMALL
    faint = np.log(1 - _OUTSIDE) / np.log(1 - opacity)  # so that the mark's opacity is _OUTSIDE
    strength = np.where(_inside(x, y, area), 1.0, faint)
    column = np.rint((x[known] - ends[0][0]) / (ends[0][1] - ends[0][0]) * (WIDTH - 1)).astype(int)
    row = np.rint((ends[1][1] - y[known]) / (ends[1][1] - ends[1][0]) * (HEIGHT - 1)).astype(int)
    total = np.zeros((HEIGHT, WIDTH), np.float32)
    colour = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for kind, look in SUBTYPES.items():
        own = kinds[known] == kind
        if not own.any():
            continue
        points = np.zeros((HEIGHT, WIDTH), np.float32)
        np.add.at(points, (row[own], column[own]), strength[known][own])
        density = cv2.filter2D(
            points, -1, _stamp(look.symbol, radius), borderType=cv2.BORDER_CONSTANT
        )
        total += density
        colour += density[..., None] * np.array(_bgr(look.colour), np.float32)
    alpha = 1 - (1 - opacity) ** total
    painted = colour / np.maximum(total, 1e-6)[..., None]
    return np.dstack([painted, 255 * alpha]).round().astype(np.uint8)


def png_uri(picture: NDArray[np.uint8]) -> str:
    """A BGRA picture as a data URI."""
    import cv2

    _, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return f"data:image/png;base64,{base64.b64encode(data.tobytes()).decode()}"


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


def _rectangle(area: Area) -> dict[str, Any]:
    left, right, low, high = area
    return {
        "type": "rect", "x0": left, "x1": right, "y0": low, "y1": high, "layer": "below",
        "line": {"color": GREY, "width": 1.5, "dash": "dot"}, "fillcolor": FAINT,
    }  # fmt: skip
