"""Rates in rows with their intervals: subgroups, and what disturbances cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.metrics.intervals import SMALL_SAMPLE, is_small_sample
from pneumo_core.review.report.drawing import (
    GREY,
    NORMAL,
    PNEUMONIA,
    draw,
    draw_many,
    per_cents,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from pneumo_core.review.report.document import Picture


def forest(groups: pd.DataFrame) -> Picture:
    """Sensitivity and specificity of each subgroup with their intervals."""
    rows: list[dict[str, Any]] = [dict(row) for _, row in groups.iterrows()]
    names = [row["group"] if row["by"] == "all" else f"{row['by']}: {row['group']}" for row in rows]

    def onto(axes: list[Axes]) -> None:
        places = np.arange(len(rows))[::-1]
        for one, rate, colour in (
            (axes[0], "sensitivity", PNEUMONIA),
            (axes[1], "specificity", NORMAL),
        ):
            _forest_panel(one, rows, places, rate, colour)
        axes[0].set_yticks(places, names)
        axes[1].tick_params(labelleft=False)

    return draw_many(
        "subgroups",
        "Rates by subgroup",
        "Rates at the balanced point with 95 % Wilson intervals; the line is that of all films. "
        f"Hollow: fewer than {SMALL_SAMPLE} films.",
        "Forest plot of sensitivity and specificity by subgroup.",
        size=(9.0, 0.9 + 0.27 * len(rows)),
        onto=onto,
        ncols=2,
        sharey=True,
    )


def stress(rows: list[dict[str, Any]], most: int = 16) -> Picture:
    """What disturbances cost at the balanced point, the dearest first; rows as of `stress`."""
    measured = [row for row in rows[1:] if _cost(row) is not None]
    worst = sorted(measured, key=lambda row: -(_cost(row) or 0.0))[:most]
    bare = sum(not row.get("keeps_lungs", True) for row in measured)
    painted = f", {bare} of them without lungs," if bare else ""

    def onto(axes: Axes) -> None:
        places = np.arange(len(worst))[::-1]
        for rate, colour, marker, up in (
            ("sensitivity", PNEUMONIA, "^", 0.13),
            ("specificity", NORMAL, "o", -0.13),
        ):
            told = [
                (y, row)
                for y, row in zip(places, worst, strict=True)
                if row[f"cost_{rate}"] is not None
            ]
            y = [one[0] + up for one in told]
            cost = np.array([one[1][f"cost_{rate}"] for one in told])
            low = np.array([one[1][f"cost_{rate}_low"] for one in told])
            high = np.array([one[1][f"cost_{rate}_high"] for one in told])
            axes.errorbar(
                cost,
                y,
                xerr=[cost - low, high - cost],
                fmt=marker,
                color=colour,
                markersize=5,
                elinewidth=1.2,
                label=rate,
            )
        axes.axvline(0, color=GREY, linewidth=1)
        axes.set_yticks(places, [row["name"] for row in worst])
        axes.set(xlabel="cost in points of 100 (right of the line: worse than undisturbed)")
        axes.legend(loc="lower right")

    return draw(
        "stress",
        "What disturbing the films costs",
        f"The {len(worst)} dearest of {len(measured)} disturbances{painted} at the balanced point, "
        "with 95 % intervals for the same films twice.",
        "Cost of each disturbance in sensitivity and specificity.",
        size=(9.0, 1.0 + 0.32 * len(worst)),
        onto=onto,
    )


def _forest_panel(
    axes: Axes, rows: list[dict[str, Any]], places: Any, rate: str, colour: str
) -> None:
    for y, row in zip(places, rows, strict=True):
        if np.isnan(row[rate]):
            continue
        value, low, high = row[rate], row[f"{rate}_low"], row[f"{rate}_high"]
        small = is_small_sample(row["n_pneumonia" if rate == "sensitivity" else "n_normal"])
        axes.errorbar(
            value,
            y,
            xerr=[[max(0.0, value - low)], [max(0.0, high - value)]],
            fmt="D" if row["by"] == "all" else "o",
            color=colour,
            markerfacecolor="white" if small else colour,
            markersize=6,
            elinewidth=1.4,
        )
    if not np.isnan(rows[0][rate]):
        axes.axvline(rows[0][rate], color=GREY, linewidth=0.8, linestyle=(0, (4, 4)))
    known = [row[f"{rate}_low"] for row in rows if not np.isnan(row[rate])]
    axes.set(xlim=(max(0.0, min([*known, 0.9]) - 0.02), 1.005), xlabel=rate)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    per_cents(axes, "x")


def _cost(row: dict[str, Any]) -> float | None:
    costs = [row[f"cost_{rate}"] for rate in ("sensitivity", "specificity")]
    known = [cost for cost in costs if cost is not None]
    return max(known) if known else None
