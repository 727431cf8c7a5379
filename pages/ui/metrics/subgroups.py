"""Forest plots: subgroups at the current threshold, and the cost of perturbations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui.charts.forest import Row, forest_html
from pages.ui.charts.theme import NORMAL, PNEUMONIA
from pages.ui.page import plain
from pneumo_core.evaluation.subgroups import PEOPLE
from pneumo_core.formatting import estimate
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.intervals import SMALL_SAMPLE, is_small_sample
from pneumo_core.metrics.robustness import CLEAN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.measures import Group, Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.metrics import AtThreshold

_UNKNOWN = " Age, sex, view and site are not known for these films."
_BY = {"size": "size", "aspect": "shape", "series": "series", "subtype": "", "split": "split",
       "view": "view", "site": "site"}  # fmt: skip
NOTE = "The groups were not pre-specified: among many, one may stand out by chance."

NO_SIZES = "Image sizes and shapes are shown once the films' folder is opened under Films."
OTHER_FILMS = (
    "What follows was measured when the model was made, on the films named below, not on {films}."
)
_NAN = float("nan")
_SHOWN = 10  # perturbations, the worst ones


def rows_of(measures: Measures, threshold: float, rate: str) -> list[Row]:
    """A row a group that has such films; rate: "sensitivity" or "specificity"."""
    found = []
    for group in measures.groups:
        films = group.sweep.n_positive if rate == "sensitivity" else group.sweep.n_negative
        if films:
            estimate = group.sweep.confusion(threshold).rates()[rate]
            found.append(
                Row(_name(group), *estimate, films=films, small_sample=is_small_sample(films))
            )
    # A group of all the films of this class says nothing that "all films" does not.
    return [row for row in found if row is found[0] or row.films < found[0].films]


def show_groups(measures: Measures, at: AtThreshold) -> None:
    """Two forest plots side by side, and their limits."""
    columns = st.columns(2, gap="medium")
    plots = {
        "sensitivity": ("Sensitivity", "Sensitivity (% of the pneumonia films)", PNEUMONIA),
        "specificity": ("Specificity", "Specificity (% of the normal films)", NORMAL),
    }
    for column, (rate, (title, axis, style)) in zip(columns, plots.items(), strict=True):
        rows = rows_of(measures, at.threshold, rate)
        with column:
            st.html(
                f'<h3 class="pn-chart">{title} by group</h3><p class="pn-hint">'
                f"Dotted line: all films. Open marks: fewer than {SMALL_SAMPLE} films.</p>"
            )
            if not rows:
                st.info("These films are all of the other class.", icon=":material/info:")
                continue
            st.html(forest_html(rows, x=axis, style=style, reference=rows[0].value))
    warned = [
        f"{_name(group)}: {group.facts['warning']}"
        for group in measures.groups
        if group.facts["warning"]
    ]
    if warned:
        st.warning("  \n".join(warned), icon=":material/warning:")
    unknown = "" if "width" in measures.table else f" {NO_SIZES}"
    people = "" if any(name in measures.table for name in PEOPLE) else _UNKNOWN
    st.caption(NOTE + people + unknown)
    with st.expander("AUC of each group"):
        _show_areas(measures)


def _show_areas(measures: Measures) -> None:
    """The AUC does not depend on the threshold."""
    import pandas as pd

    rows = [
        {
            "group": _name(group),
            "normal": group.facts["n_normal"],
            "pneumonia": group.facts["n_pneumonia"],
            "AUC": _area(group),
            "against": group.facts["auc_against"],
        }
        for group in measures.groups
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="AUC of each group")


def _area(group: Group) -> str:
    return estimate(Estimate.from_dict(group.facts, "auc"))


def _name(group: Group) -> str:
    prefix = _BY.get(group.by, "")
    return f"{prefix} {group.name}".strip()


def show_robustness(subject: Predictions) -> None:
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
