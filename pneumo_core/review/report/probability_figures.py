"""Figures of the probability: whether it means what it says, and how films spread over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.review.report.drawing import (
    ACCENT,
    GREY,
    HALF,
    INK,
    NORMAL,
    PNEUMONIA,
    REFER,
    draw,
    draw_many,
    per_cents,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from pneumo_core.evaluation.summary import Histogram
    from pneumo_core.metrics import AtThreshold, Reliability
    from pneumo_core.review.report.document import Picture


def reliability(table: Reliability) -> Picture:
    """Observed share against mean probability, and how many films stand behind each point."""

    def onto(axes: list[Axes]) -> None:
        top, below = axes
        some = table.n > 0
        p, share = table.mean_p[some], table.observed[some]
        reach = np.abs(np.stack([share - table.low[some], table.high[some] - share]))
        top.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 4)))
        top.errorbar(
            p, share, yerr=reach, fmt="o", color=ACCENT, markersize=5, elinewidth=1.2, clip_on=False
        )
        top.set(xlim=(0, 1), ylim=(0, 1), ylabel="films with pneumonia")
        centres = (table.edges[1:] + table.edges[:-1]) / 2
        below.bar(centres, table.n, width=np.diff(table.edges) * 0.9, color=ACCENT, alpha=0.5)
        below.set(xlim=(0, 1), xlabel="P(pneumonia), as the model says it", ylabel="films")
        per_cents(top, "y")
        top.tick_params(labelbottom=False)
        per_cents(below, "x")

    return draw_many(
        "reliability",
        "Calibration",
        "Of the films given a probability, how many show pneumonia: on the dashed line the "
        "probability means what it says. Bars are 95 % Wilson intervals; below, films per bin.",
        "Reliability diagram in ten bins with the number of films in each.",
        size=HALF,
        half=True,
        onto=onto,
        nrows=2,
        height_ratios=(4, 1),
    )


def scores(histogram: Histogram, points: dict[str, AtThreshold]) -> Picture:
    """How films of both classes spread over the probability."""

    def onto(axes: Axes) -> None:
        width = np.diff(histogram.edges)
        left = histogram.edges[:-1]
        most = max(int(histogram.normal.max()), int(histogram.pneumonia.max()), 1)
        axes.bar(left, histogram.pneumonia, width, align="edge", color=PNEUMONIA, label="pneumonia")
        axes.bar(left, -histogram.normal, width, align="edge", color=NORMAL, label="normal")
        low, high = points["screening"].threshold, points["ruling_in"].threshold
        axes.axvspan(low, high, color=REFER, alpha=0.12, linewidth=0)
        axes.text((low + high) / 2, most * 0.9, "refer", color=REFER, ha="center", fontsize=8)
        axes.axvline(points["balanced"].threshold, color=INK, linewidth=1, linestyle=(0, (3, 2)))
        axes.axhline(0, color=GREY, linewidth=0.8)
        axes.set_yscale("symlog", linthresh=5)
        axes.set(xlim=(0, 1), xlabel="P(pneumonia)", ylabel="films (normal below)")
        axes.yaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0)
        per_cents(axes, "x")

    return draw(
        "scores",
        "How surely films are told apart",
        "Films by the probability they were given, pneumonia above and normal below the line, on a "
        "logarithmic scale. Between the outer points a film is referred; dashed: balanced point.",
        "Histogram of P(pneumonia) for normal and pneumonia films.",
        size=HALF,
        half=True,
        onto=onto,
    )
