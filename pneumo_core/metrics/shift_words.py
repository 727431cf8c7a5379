"""What a table of disturbances comes to, in one plain sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.metrics.few import few_words
from pneumo_core.metrics.shift import CLEAN

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def worst_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which disturbance that leaves the lungs in view costs most, and how much: one sentence, and
    one more where the films are few.
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
    few = few_words({f"{truth} films": sum(of.values()) for truth, of in row["three_way"].items()})
    if cost <= 0:
        return f"None of {n} disturbances costs sensitivity or specificity. {few}".rstrip()
    now = row[rate]["value"]
    return (
        f"Of {n} disturbances, “{row['name']}” costs most: {rate} falls by {cost:.1f} points "
        f"[{row[f'cost_{rate}_low']:.1f} to {row[f'cost_{rate}_high']:.1f}], "
        f"from {100 * now + cost:.1f} % to {100 * now:.1f} %. {few}"
    ).rstrip()


def lungless_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """One sentence: how far the AUC gets where no lungs are to be seen; "" if not measured."""
    areas = {
        row["name"]: row["auc"]["value"]
        for row in rows
        if not row["keeps_lungs"] and row["auc"]["value"] is not None
    }
    if not areas:
        return ""
    told = ", ".join(f"{area:.2f} ({name})" for name, area in areas.items())
    return (
        f"Without lungs the AUC is {told}: 0.5 would be guessing, and what is above it comes from "
        "framing and body, not from disease."
    )
