"""All figures of a table of predictions, counted once, and the headline that shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.ui.cache import HASH_FUNCS, Keyed
from pages.ui.components.threshold import path
from pages.ui.html import badge, facts_list, hint
from pneumo_core import metrics
from pneumo_core.evaluation.subgroups import cut, subgroups, usual
from pneumo_core.evaluation.summary import Summary, summarise
from pneumo_core.formatting import POINT_NAMES, count, estimate, percent, ratio

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.bundle import OperatingPoints
    from pneumo_core.metrics import AtThreshold, Estimate, ThresholdSweep

POINTS = ("screening", "balanced", "ruling_in")
EXPLORING = "◆ exploring: these figures are not a test"


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


def badge_html(subject: Predictions, point: str) -> str:
    """Whether the threshold is locked, and how far the films are evidence."""
    evidence = subject.evidence
    if point:
        lock = f"✓ threshold locked on validation ({POINT_NAMES[point]})"
        first = badge(lock, css="pn-locked")
    else:
        first = badge(EXPLORING, css="pn-exploring")
    warning = f"<strong>{escape(evidence.warning)}</strong>" if evidence.warning else ""
    return (
        f'<div class="pn-evidence">{first}{badge(evidence.badge)}'
        f"{warning}<details><summary>How independent are these films?</summary>"
        f"{escape(evidence.words)}</details></div>"
    )


def headline_html(summary: Summary, at: AtThreshold) -> str:
    """The main figures in one row, each with its interval and what it is of."""
    c = at.confusion
    items = []
    if summary.ranking is not None:
        area = estimate(summary.ranking.auc_patients)
        items.append(("AUC", area, "discrimination; bootstrap by patient"))
    items += [
        (
            "Sensitivity (found)",
            estimate(at.sensitivity, as_percent=True),
            f"of {c.tp + c.fn:,} pneumonia films",
        ),
        (
            "Specificity (cleared)",
            estimate(at.specificity, as_percent=True),
            f"of {c.tn + c.fp:,} normal films",
        ),
        ("Accuracy", estimate(at.rates["accuracy"], as_percent=True), f"of {c.n:,} films"),
        ("Calibration error", _points(summary.ece), "debiased ECE"),
    ]
    return '<ul class="pn-figures pn-headline">' + "".join(_item(*one) for one in items) + "</ul>"


def binary_title(threshold: float) -> str:
    """The title of the confusion matrix."""
    return f"Confusion matrix: positive from {percent(threshold)}"


def sample_sentence(summary: Summary, films: str) -> str:
    """What the figures are of: "1,044 films of 731 patients, its own validation films: …"."""
    small = f"<strong>{summary.small_sample}</strong>" if summary.small_sample else ""
    return (
        f"{count(summary.n, 'films')} of {count(summary.n_patients, 'patients')}, {films}: "
        f"{summary.n_normal:,} normal, {summary.n_pneumonia:,} pneumonia. "
        f"95\xa0% intervals in brackets. {small}".rstrip()
    )


def thousand_html(at: AtThreshold) -> str:
    """The outcomes per 1,000 patients: "12 [8–17] missed, …"."""
    of = at.per_thousand
    return (
        '<p class="pn-thousand">% prevalence: '
        f"<strong>{estimate(of.missed, digits=0)} missed</strong>, "
        f"<strong>{estimate(of.false_alarms, digits=0)} false alarms</strong>"
        f'<span class="pn-rest">; {estimate(of.found, digits=0)} found, '
        f"{estimate(of.spared, digits=0)} cleared</span>.</p>"
    )


def rates_html(at: AtThreshold) -> str:
    """Predictive values at the assumed prevalence, and likelihood ratios."""
    rows = [
        (
            "PPV",
            estimate(at.predictive.ppv, as_percent=True),
            "pneumonia among positive results, at this prevalence",
        ),
        (
            "NPV",
            estimate(at.predictive.npv, as_percent=True),
            "no pneumonia among negative results, at this prevalence",
        ),
        ("LR+", ratio(at.ratios.positive), "a positive result multiplies the odds by this"),
        ("LR−", ratio(at.ratios.negative), "a negative result multiplies the odds by this"),
    ]
    return facts_list(
        ((name, f"{value} {hint(what)}") for name, value, what in rows), css="pn-rates"
    )


def _points(e: Estimate) -> str:
    return f"{estimate((100 * end for end in e), digits=1)} points"


def _item(name: str, value: str, of: str) -> str:
    head, _, interval = value.partition(" [")
    ends = f' <span class="pn-interval">[{interval}</span>' if interval else ""
    return (
        f'<li><span class="pn-figure-name">{name}</span><strong>{head}</strong>{ends}'
        f'<span class="pn-hint">{of}</span></li>'
    )
