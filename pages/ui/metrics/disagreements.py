"""The films on which models do not call alike, as a table that opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.metrics.film import open_film
from pages.ui.metrics.whereabouts import whereabouts

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.subject import Subject
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.comparison import Comparison
    from pneumo_core.metrics import AtThreshold

SHOWN = 200  # films, the widest apart


def show_disagreements(
    found: Comparison, subject: Subject, at: AtThreshold, settings: Settings
) -> None:
    """The films on which the models do not call alike; a tick opens one."""
    films = found.disagreements
    st.html(
        f'<h3 class="pn-chart">They disagree on {len(films):,} of {found.n:,} films</h3>'
        '<p class="pn-hint">The widest apart first. Tick one to see it.</p>'
    )
    if films.empty:
        return
    shown = films.head(SHOWN)
    event = st.dataframe(
        disagreement_table(shown, [one.name for one in found.models]),
        hide_index=True,
        selection_mode="single-row",
        on_select="rerun",
        key="metrics.disagreements",
        height=340,
        alt="Films on which the models disagree",
    )
    rows = event["selection"]["rows"]
    if rows and rows != st.session_state.get("metrics.disagreement"):
        open_film(
            subject,
            shown["film"].iloc[rows[0]],
            shown["film"].tolist(),
            threshold=at.threshold,
            place=whereabouts(subject, settings),
        )
    st.session_state["metrics.disagreement"] = rows


def disagreement_table(films: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Film, label, each model's probability in per cent, and which of them are right."""
    import pandas as pd

    chances = {f"{name} (%)": (100 * films[f"p {name}"]).round(1) for name in names}
    return pd.DataFrame(
        {
            "film": films["film"].str.rpartition("/")[2],
            "label": films["label"],
            **chances,
            "right": films["right"].replace("", "none"),
        }
    )
