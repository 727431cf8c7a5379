"""Style of a report's figures: one palette, each figure as SVG and PNG.

Figures are built without pyplot: nothing is kept, and no display is needed.
"""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING, Any

from pneumo_core import palette
from pneumo_core.evaluation.report.document import Picture

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

INK, GREY, LINE, ACCENT, PNEUMONIA, REFER, NORMAL = (
    colour.light
    for colour in (
        palette.INK,
        palette.QUIET,
        palette.RULE,
        palette.ACCENT,
        palette.PNEUMONIA,
        palette.REFER,
        palette.NORMAL,
    )
)
LOOK: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.8,
    "svg.hashsalt": "pneumo",
    "figure.dpi": 100,
}
PNG_DPI = 200
# The style is set for the whole process while a figure is drawn, and reset after it.
_ONE_AT_A_TIME = Lock()
HALF = (4.4, 3.9)  # inches: two of these fit side by side


def draw(  # noqa: PLR0913 - what a figure is called and says
    name: str,
    title: str,
    caption: str,
    alt: str,
    *,
    onto: Callable[[Axes], None],
    size: tuple[float, float] | None = None,
) -> Picture:
    """A figure drawn by `onto` on one pair of axes, of `size` (width, height in inches) or half as
    wide as the page.
    """
    return draw_many(name, title, caption, alt, size=size, onto=lambda axes: onto(axes[0]))


def draw_many(  # noqa: PLR0913 - what a figure is called and says
    name: str,
    title: str,
    caption: str,
    alt: str,
    *,
    onto: Callable[[list[Axes]], None],
    size: tuple[float, float] | None = None,
    **layout: Any,
) -> Picture:
    """As `draw`, on several pairs of axes: `layout` goes to `Figure.subplots`."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with _ONE_AT_A_TIME, rc_context(LOOK):
        width, height = size or HALF
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(**{"nrows": 1, "ncols": 1, "squeeze": False, **layout})
        onto(list(axes.ravel()))
        written = {}
        for kind in ("svg", "png"):
            out = io.BytesIO()
            # Without a date the same figures give the same bytes.
            figure.savefig(
                out, format=kind, dpi=PNG_DPI, metadata={"Date": None} if kind == "svg" else None
            )
            written[kind] = out.getvalue()
            # Laid out once: the second form is the same picture.
            figure.set_layout_engine("none")
    svg, png = written["svg"], written["png"]
    return Picture(name, title, caption, alt, svg, png, width / height, half=size is None)


def per_cents(axes: Axes, which: str = "xy") -> None:
    """Shares 0..1 written in per cents."""
    from matplotlib.ticker import FuncFormatter

    written = FuncFormatter(lambda value, _: f"{100 * value:.0f} %".replace("-", "−"))
    if "x" in which:
        axes.xaxis.set_major_formatter(written)
    if "y" in which:
        axes.yaxis.set_major_formatter(written)
