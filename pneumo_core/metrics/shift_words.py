"""What a table of disturbances comes to, in one plain sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.metrics.few import small_sample_words
from pneumo_core.metrics.shift import CLEAN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def worst_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which disturbance that leaves the lungs in view costs most, and how much: one sentence.

    Of too few films nothing is concluded, and they alone are told.
    """
    costs = [
        (row[f"cost_{rate}"], rate, row)
        for row in rows
        for rate in ("sensitivity", "specificity")
        if row["name"] != CLEAN and row["keeps_lungs"] and row[f"cost_{rate}"] is not None
    ]
    if not costs:
        return "No disturbance was measured."
    cost, rate, row = max(costs, key=lambda one: one[0])
    n = len({one[2]["name"] for one in costs})
    if small := _small_sample(row):
        return small
    if cost <= 0:
        return f"None of the {_kinds(n)} costs sensitivity or specificity."
    now = row[rate]["value"]
    return (
        f"Of the {_kinds(n)}, “{row['name']}” costs most: {rate} falls by {cost:.1f} points "
        f"[{row[f'cost_{rate}_low']:.1f} to {row[f'cost_{rate}_high']:.1f}], "
        f"from {100 * now + cost:.1f} % to {100 * now:.1f} %."
    )


def _small_sample(row: Mapping[str, Any]) -> str:
    """That the films of a row are too few, "" where they are not."""
    return small_sample_words(
        {f"{truth} films": sum(of.values()) for truth, of in row["three_way"].items()}
    )


def _kinds(n: int) -> str:
    return f"{n:,} {'disturbance that keeps' if n == 1 else 'disturbances that keep'} the lungs"


def lungless_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence: how far the AUC gets where no lungs are to be seen; "" if not measured, or on
    too few films.
    """
    areas = {
        row["name"]: row["auc"]["value"]
        for row in rows
        if not row["keeps_lungs"] and row["auc"]["value"] is not None
    }
    if not areas or any(map(_small_sample, rows)):
        return ""
    told = ", ".join(f"{area:.2f} ({name})" for name, area in areas.items())
    return (
        f"Without lungs the AUC is {told}: 0.5 would be guessing, and what is above it comes from "
        "framing and body, not from disease."
    )
