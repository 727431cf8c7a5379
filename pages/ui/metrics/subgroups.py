"""Subgroups: sensitivity and specificity of each at the current threshold, and AUC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.charts.forest import Row, forest_html
from pages.ui.charts.theme import NORMAL, PNEUMONIA
from pneumo_core.evaluation.subgroups import PEOPLE
from pneumo_core.formatting import estimate
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.intervals import SMALL_SAMPLE, is_small_sample

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Group, Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold

_UNKNOWN = " Age, sex, view and site are not known for these films."
_BY = {"size": "size", "aspect": "shape", "series": "series", "subtype": "", "split": "split",
       "view": "view", "site": "site"}  # fmt: skip
NOTE = "The groups were not pre-specified: among many, one may stand out by chance."

NO_SIZES = "Image sizes and shapes are known once the folder of the films is open, under Films."


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


def show_groups(
    subject: Predictions,  # noqa: ARG001 - all parts are called alike
    measures: Measures,
    at: AtThreshold,
    settings: Settings,  # noqa: ARG001
) -> None:
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
