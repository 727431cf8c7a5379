"""The films behind each number: found, missed, called for nothing, cleared, referred."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

CELLS = ("found", "missed", "false alarms", "cleared")
REFERRED = ("referred, pneumonia", "referred, normal")


def films_by_cell(table: pd.DataFrame, threshold: float) -> dict[str, pd.DataFrame]:
    """The rows of `table` in each of CELLS, those the model is surest of first.

    Called where p_pneumonia >= threshold. What is wrong and surest is what to look at first.
    """
    sick, called = table["label"] == "pneumonia", table["p_pneumonia"] >= threshold
    of = {"found": sick & called, "missed": sick & ~called, "false alarms": ~sick & called}
    of["cleared"] = ~sick & ~called
    far = (table["p_pneumonia"] - threshold).abs()
    order = far.sort_values(ascending=False, kind="stable").index
    return {name: table.loc[order[member.loc[order]]] for name, member in of.items()}


def referred_films(table: pd.DataFrame, low: float, high: float) -> dict[str, pd.DataFrame]:
    """The rows of `table` that are referred, low <= p_pneumonia < high, the highest first."""
    p = table["p_pneumonia"]
    between = table[(p >= low) & (p < high)].sort_values(
        "p_pneumonia", ascending=False, kind="stable"
    )
    sick = between["label"] == "pneumonia"
    return dict(zip(REFERRED, (between[sick], between[~sick]), strict=True))
