"""The style of all charts: a Plotly template and the colours of `pneumo_core.palette`.

Every chart starts with `figure` and goes to the page with `figure_config`, under Streamlit's own
chart theme, which gives text, grid and ticks the shades of the page's dark or light theme. The
ground is transparent, and each colour here reads on both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

# Plotly asks every value whether it is of pandas as soon as that has begun to load. On a server
# that has just started another session may be in the middle of it: here it is waited for.
import pandas as pd  # noqa: F401
import plotly.graph_objects as go

from pneumo_core import palette

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CLEAR = "rgba(0,0,0,0)"
ACCENT = palette.ACCENT.mark  # neither good nor bad: a count, a curve, the only series
GREY = palette.INK.mark  # what something is compared with: a coin toss, the diagonal, another model
FAINT = palette.faint(GREY, 0.22)  # bands, intervals as areas, what a filter leaves out
SERIES = palette.SERIES
DIMMED = 0.28  # opacity of what is not chosen, beside what is
TEXT_SIZE = 13  # pixels


@dataclass(frozen=True)
class Style:
    """How one class is plotted everywhere: never by its colour alone.

    sign: in words and labels; colour: hex; symbol: of a point; css: its class in a page, after
    "pn-"; pattern: of a bar ("" is plain).
    """

    words: str
    sign: str
    colour: str
    symbol: str
    css: str
    pattern: str = ""

    @property
    def title(self) -> str:
        """Sign and words: "▲ bacterial"."""
        return f"{self.sign} {self.words}"


NORMAL = Style("normal", "●", palette.NORMAL.mark, "circle", "normal")
PNEUMONIA = Style("pneumonia", "▲", palette.PNEUMONIA.mark, "triangle-up", "pneumonia")
REFER = Style("refer", "◆", palette.REFER.mark, "diamond", "refer")
# Subtypes of a film's label. Both kinds of pneumonia share its hue; lightness and form differ.
SUBTYPES = {
    "normal": NORMAL,
    "bacterial": Style("bacterial", "▲", PNEUMONIA.colour, "triangle-up", "pneumonia"),
    "viral": Style("viral", "▼", palette.VIRAL.mark, "triangle-down", "viral", "/"),
    "unknown": Style("pneumonia, subtype unknown", "■", GREY, "square", "unread", "."),
}


def figure(
    traces: Sequence[Any] = (),
    *,
    x: str | Mapping[str, Any] = "",
    y: str | Mapping[str, Any] = "",
    height: int = 300,
    **layout: Any,
) -> go.Figure:
    """A figure in Pneumo's style.

    x, y: titles of the axes with their unit, "Width (pixels)"; empty for an axis of words. A
    mapping is an axis with settings of its own, the title under "title". height: pixels.
    layout: what else Plotly's layout takes; `showlegend` makes room for a line of names on top.
    Everything is given at once: Plotly checks every later change anew, and that is slow.
    """
    # Streamlit's theme replaces these in a template, but not in the figure itself.
    given = {
        "template": _template(),
        "height": height,
        "showlegend": False,
        "margin": {"l": 8, "r": 12, "t": 34 if layout.get("showlegend") else 8, "b": 8, "pad": 2},
        # Streamlit draws a chart anew for each of the two that it has to set itself.
        "hovermode": "closest",
        "dragmode": False,
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"size": TEXT_SIZE},
        "xaxis": _axis(x),
        "yaxis": _axis(y),
        "legend": {
            "font": {"size": TEXT_SIZE},
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
        },
    }
    return go.Figure(list(traces), given | layout)


def shaded(x: Any, low: Any, high: Any) -> go.Scatter:
    """The shaded interval of a curve: x, low and high are arrays (N,) in the units of the axes."""
    return go.Scatter(
        x=np.r_[x, x[::-1]],
        y=np.r_[high, low[::-1]],
        fill="toself",
        fillcolor=FAINT,
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
    )


def figure_config() -> dict[str, Any]:
    """Plotly's settings for a chart: no tool bar, no zoom by the wheel."""
    return {"displayModeBar": False, "scrollZoom": False, "doubleClick": "reset"}


def _axis(given: str | Mapping[str, Any]) -> dict[str, Any]:
    settings = {"title": given} if isinstance(given, str) else dict(given)
    return {
        "tickfont": {"size": TEXT_SIZE - 1},
        "automargin": True,
        "zeroline": False,
        **settings,
        "title": {
            "text": settings.get("title", ""),
            "font": {"size": TEXT_SIZE},
            "standoff": 8,
        },
    }


@cache
def _template() -> go.layout.Template:
    axis = {"ticks": "", "fixedrange": True, "separatethousands": True}
    return go.layout.Template(
        layout={
            "colorway": SERIES,
            "separators": ".,",
            "barcornerradius": 2,
            "bargap": 0.25,
            "xaxis": axis,
            "yaxis": axis,
            "hoverlabel": {"align": "left", "namelength": 0},
            "uniformtext": {"mode": "show", "minsize": TEXT_SIZE - 2},
        },
        data={
            "scatter": [{"marker": {"size": 7, "line": {"width": 0}}, "line": {"width": 2}}],
            "bar": [{"cliponaxis": False, "textfont": {"size": TEXT_SIZE - 1}}],
        },
    )
