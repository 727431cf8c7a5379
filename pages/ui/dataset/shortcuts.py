"""What gives the label away without showing a lung, as a chart and a plain sentence."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.charts.intervals import Estimate, intervals
from pages.ui.charts.theme import figure_config

if TYPE_CHECKING:
    import pandas as pd

_ACROSS = "learnt in train, tried on test"
_ORDER = ("train", "all", "val", "test")


def show_shortcuts(table: pd.DataFrame, meaning: str) -> None:
    """The table of `films.audit.shortcuts` with what it means for any accuracy on this data."""
    st.html(
        '<h2 class="pn-section">What gives the label away without a lung</h2>'
        f'<p class="pn-meaning">{escape(meaning)}</p>'
    )
    rows = estimates(table)
    if rows:
        st.html(
            '<p class="pn-hint">How well each feature alone tells pneumonia from normal: area '
            "under the ROC curve, cross-validated by patient, with its 95 % interval.</p>"
        )
        lowest = min(row.low for row in rows)
        st.plotly_chart(
            intervals(
                rows,
                x="AUC (0.5 coin toss, 1 certain)",
                reference=0.5,
                span=(min(0.4, lowest - 0.02), 1.0),
                order=[*map(_in, _ORDER), _ACROSS],
            ),
            key="dataset.shortcuts",
            config=figure_config(),
            alt="; ".join(table["words"]),
        )
    if silent := silences(table):
        with st.expander(f"{len(silent)} more that tell nothing here, or cannot be judged"):
            st.html("<br>".join(map(escape, silent)))


def estimates(table: pd.DataFrame) -> list[Estimate]:
    """Rows of the chart, the feature that tells most first."""
    measured = table[table["state"] == "measured"]
    best = measured.groupby("feature")["auc"].max().sort_values(ascending=False)
    found = []
    for split in measured["split"].unique():
        own = measured[measured["split"] == split].set_index("feature")
        found += [
            Estimate(_short(row.title), row.auc, row.low, row.high, _in(split), row.words)
            for row in own.reindex(best.index).dropna(subset="auc").itertuples()
        ]
    across = measured.drop_duplicates("feature").dropna(subset="across").set_index("feature")
    found += [
        Estimate(_short(row.title), row.across, row.across_low, row.across_high, _ACROSS)
        for row in across.itertuples()
    ]
    titles = measured.set_index("feature")["title"].to_dict()
    names = [_short(titles[feature]) for feature in best.index]
    return sorted(found, key=lambda row: names.index(row.name))


def silences(table: pd.DataFrame) -> list[str]:
    """What is the same for all films, or cannot be judged, each in a sentence, once."""
    return list(dict.fromkeys(table.loc[table["state"] != "measured", "words"]))


def _in(split: str) -> str:
    return "all films" if split == "all" else f"within {split}"


def _short(title: str) -> str:
    """A title as a label: "The width in pixels" is "Width in pixels"."""
    words = title.removeprefix("The ").removeprefix("A ")
    return words[:1].upper() + words[1:]
