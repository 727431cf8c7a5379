"""Robustness on perturbed images and single cohorts, from the model's card."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.charts.forest import Row, forest_html
from pages.ui.charts.theme import NORMAL, PNEUMONIA
from pages.ui.page import plain
from pneumo_core.metrics.robustness import CLEAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold

OTHER_FILMS = (
    "What follows was measured when the model was made, on the films named below, not on {films}."
)
_NAN = float("nan")
_SHOWN = 10  # perturbations, the worst ones


def show_robustness(
    subject: Predictions,
    measures: Measures,  # noqa: ARG001 - all parts are called alike
    at: AtThreshold,  # noqa: ARG001
    settings: Settings,  # noqa: ARG001
) -> None:
    """Sensitivity and specificity under each perturbation, and on each cohort."""
    card = subject.bundle.card
    if subject.root is not None and (card.stress_rows or card.cohorts):
        st.warning(OTHER_FILMS.format(films=plain(subject.films)), icon=":material/info:")
    cohorts = list(card.cohorts)
    if card.stress is not None and card.stress_rows:
        _show_perturbed(dict(card.stress))
    else:
        st.info(
            "Robustness: not measured. To measure it and write it into the card, run `python -m "
            f"pneumo_core stress --into-card --model {subject.bundle.name}`.",
            icon=":material/info:",
        )
    if cohorts:
        st.html(
            '<h3 class="pn-chart">Cohorts</h3><p class="pn-hint">Films grouped by number, '
            "framing, shape and size: the worst group shows what the average hides.</p>"
        )
        _show_two([_cohort(one) for one in cohorts], _films(cohorts))


def _show_perturbed(stress: dict[str, Any]) -> None:
    sentences = [stress.get(key) for key in ("worst", "lungless")]
    st.html(
        '<h3 class="pn-chart">Perturbed images</h3><p class="pn-meaning">'
        + escape(" ".join(str(one) for one in sentences if one))
        + f'</p><p class="pn-hint">At the locked balanced threshold, on '
        f"{escape(str(stress.get('words', '')))}</p>"
    )
    rows = worst_first(stress["rows"])
    if len(rows) > _SHOWN + 1:
        everything = st.toggle(_every(len(rows) - 1), key="metrics.stress.all")
        rows = rows if everything else rows[: _SHOWN + 1]
    _show_two([(str(row["name"]), row) for row in rows], None)


def _every(n: int) -> str:
    return f"All {n} perturbations that keep the lungs"


def worst_first(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The unperturbed films, then the perturbations that keep the lungs, by their largest cost.

    Images without lungs are described in words: on their scale all others would seem equal.
    """
    clean = [row for row in rows if row["name"] == CLEAN]
    others = [row for row in rows if row["name"] != CLEAN and row.get("keeps_lungs", True)]
    return clean + sorted(others, key=_cost, reverse=True)


def _cost(row: dict[str, Any]) -> float:
    costs = [row.get(f"cost_{rate}") for rate in ("sensitivity", "specificity")]
    return max([cost for cost in costs if cost is not None], default=0.0)


def _show_two(named: Sequence[tuple[str, dict[str, Any]]], films: Sequence[int] | None) -> None:
    """Forest plots of both rates; the line is the unperturbed films. films: of each row."""
    axes = {"sensitivity": ("Sensitivity (% of the pneumonia films)", PNEUMONIA),
            "specificity": ("Specificity (% of the normal films)", NORMAL)}  # fmt: skip
    for column, (rate, (axis, style)) in zip(
        st.columns(2, gap="medium"), axes.items(), strict=True
    ):
        rows = [
            Row(
                "unperturbed" if name == CLEAN else name,
                *_ends(row.get(rate)),
                films=0 if films is None else films[at],
                counted=films is not None,
            )
            for at, (name, row) in enumerate(named)
        ]
        clean = next((row.value for row in rows if row.name == "unperturbed"), None)
        with column:
            st.html(forest_html(rows, x=axis, style=style, reference=clean))


def _cohort(one: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return f"{one.get('cohort', '')}: {one.get('part', '')}", one


def _films(rows: Sequence[dict[str, Any]]) -> list[int]:
    return [int(row.get("films", 0)) for row in rows]


def _ends(found: Any) -> tuple[float, float, float]:
    """Value, low and high of a card's rate; NaN for what is not there."""
    if isinstance(found, int | float):
        return float(found), float(found), float(found)
    ends = [(found or {}).get(key) for key in ("value", "low", "high")]
    value, low, high = (float(end) if isinstance(end, int | float) else _NAN for end in ends)
    return value, low, high
