"""The four counts of a threshold as tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.review.report.drawing import HALF, INK, NORMAL, PNEUMONIA, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pneumo_core.metrics import AtThreshold
    from pneumo_core.review.report.document import Picture


def confusion(at: AtThreshold) -> Picture:
    """The four counts at the balanced point."""

    def onto(axes: Axes) -> None:
        c = at.confusion
        cells = (
            (0, 1, c.tp, "found", PNEUMONIA, 0.9),
            (1, 1, c.fn, "missed", PNEUMONIA, 0.25),
            (0, 0, c.fp, "false alarms", NORMAL, 0.25),
            (1, 0, c.tn, "rightly cleared", NORMAL, 0.9),
        )
        for x, y, count, word, colour, strength in cells:
            axes.add_patch(_tile(x, y, colour, strength))
            ink = "white" if strength > 0.5 else INK
            axes.text(x + 0.5, y + 0.56, f"{count:,}", ha="center", fontsize=20, color=ink)
            axes.text(x + 0.5, y + 0.3, word, ha="center", fontsize=9, color=ink)
        axes.set(xlim=(0, 2), ylim=(0, 2), xticks=[0.5, 1.5], yticks=[0.5, 1.5])
        axes.set_xticklabels(["called pneumonia", "called normal"])
        axes.set_yticklabels(["normal\nfilms", "pneumonia\nfilms"])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)

    c = at.confusion
    return draw(
        "confusion",
        "Films by truth and by call",
        f"At the balanced point, P(pneumonia) ≥ {at.threshold:.3f}.",
        f"{c.tp} found, {c.fn} missed, {c.fp} false alarms, {c.tn} rightly cleared.",
        size=HALF,
        half=True,
        onto=onto,
    )


def _tile(x: float, y: float, colour: str, strength: float) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return FancyBboxPatch(
        (x + 0.04, y + 0.04),
        0.92,
        0.92,
        boxstyle="round,pad=0,rounding_size=0.05",
        facecolor=colour,
        alpha=strength,
        linewidth=0,
    )
