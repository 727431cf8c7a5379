"""All figures of a table of predictions, counted once: a threshold only looks them up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.ui.cache import HASH_FUNCS, Keyed
from pages.ui.components.threshold import path
from pneumo_core import metrics
from pneumo_core.evaluation.subgroups import cut, subgroups, usual
from pneumo_core.evaluation.summary import Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.bundle import OperatingPoints
    from pneumo_core.metrics import AtThreshold, ThresholdSweep


POINTS = ("screening", "balanced", "ruling_in")


@dataclass(frozen=True, eq=False)
class Group:
    """One subgroup: `facts` is its row of `subgroups`, `sweep` counts at every threshold."""

    by: str
    name: str
    sweep: ThresholdSweep
    facts: dict[Any, Any]


@dataclass(frozen=True, eq=False)
class Measures:
    """What the screen shows of N films.

    groups: all films first; path: `threshold.path` as JSON, written once.
    """

    table: pd.DataFrame
    points: OperatingPoints
    summary: Summary
    sweep: ThresholdSweep
    groups: tuple[Group, ...]
    path: str

    def at(self, threshold: float, prevalence: float) -> AtThreshold:
        """Everything that depends on the threshold; microseconds. prevalence: 0..1."""
        return self.sweep.at(threshold, prevalence)

    def point_at(self, threshold: float) -> str:
        """Name of the locked point at this very threshold, "" where there is none."""
        return next((name for name in POINTS if getattr(self.points, name) == threshold), "")


@st.cache_resource(
    show_spinner="Computing the figures and their intervals…", max_entries=6, hash_funcs=HASH_FUNCS
)
def measures_of(table: Keyed[pd.DataFrame], points: OperatingPoints) -> Measures:
    """`measure`, once for each table."""
    return measure(table.value, points)


def measure(table: pd.DataFrame, points: OperatingPoints) -> Measures:
    """Figures of a table of predictions (label, p_pneumonia 0..1, group); a second for 6,000 films.

    Raises ValueError as `summarise`.
    """
    rows = subgroups(table, threshold=points.balanced).to_dict("records")
    everything = np.ones(len(table), dtype=np.bool_)
    members = [("all", "all films", everything)]
    members += [(by, name, member) for by in usual(table) for name, member in cut(table, by)]
    sweep = _sweep(table)
    return Measures(
        table=table,
        points=points,
        summary=summarise(table, points),
        sweep=sweep,
        path=json.dumps(path(sweep)),
        groups=tuple(
            Group(by, name, _sweep(table[member]), row)
            for (by, name, member), row in zip(members, rows, strict=True)
        ),
    )


def _sweep(films: pd.DataFrame) -> ThresholdSweep:
    return metrics.ThresholdSweep(films["label"] == "pneumonia", films["p_pneumonia"])
