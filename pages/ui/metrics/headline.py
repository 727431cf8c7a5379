"""Figures as the Metrics screen says them; the numbers are written as in the report."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pages.ui.html import badge, facts_list, hint
from pneumo_core.formatting import POINT_NAMES, amount, children, rate, ratio

if TYPE_CHECKING:
    from pages.ui.metrics.predictions import Subject
    from pneumo_core.evaluation.summary import Summary
    from pneumo_core.metrics import AtThreshold, Estimate

EXPLORING = "◆ exploring: these figures are not a test"


def badge_html(subject: Subject, point: str) -> str:
    """Whether the threshold is locked, and what these films are to the model."""
    standing = subject.standing
    if point:
        lock = f"✓ threshold locked on validation ({POINT_NAMES[point]} point)"
        first = badge(lock, css="pn-locked")
    else:
        first = badge(EXPLORING, css="pn-exploring")
    warning = f"<strong>{escape(standing.warning)}</strong>" if standing.warning else ""
    return (
        f'<div class="pn-standing">{first}{badge(standing.badge)}'
        f"{warning}<details><summary>What are these films to the model?</summary>"
        f"{escape(standing.words)}</details></div>"
    )


def headline_html(summary: Summary, at: AtThreshold) -> str:
    """The main figures in one row, each with its interval and what it is of."""
    c = at.confusion
    items = []
    if summary.ranking is not None:
        value, low, high = summary.ranking.auc_patients
        area = f"{value:.3f} [{low:.3f}–{high:.3f}]"
        items.append(("AUC", area, "at any threshold; patients drawn anew"))
    items += [
        ("Sensitivity", rate(at.sensitivity), f"of {c.tp + c.fn:,} pneumonia films"),
        ("Specificity", rate(at.specificity), f"of {c.tn + c.fp:,} normal films"),
        ("Right calls", rate(at.rates["accuracy"]), f"of {c.n:,} films"),
        ("Calibration error", _points(summary.ece), "said against seen, freed of chance"),
    ]
    return '<ul class="pn-figures pn-headline">' + "".join(_item(*one) for one in items) + "</ul>"


def two_answers(threshold: float) -> str:
    """What the four counts are of."""
    return f"With two answers: pneumonia from {100 * threshold:.1f} % on"


def of_what(summary: Summary, films: str) -> str:
    """What the figures are of: "1,044 films of 731 patients, its own validation films: …"."""
    small = f"<strong>{summary.small_sample}</strong>" if summary.small_sample else ""
    return (
        f"{amount(summary.n, 'films')} of {amount(summary.n_patients, 'patients')}, {films}: "
        f"{summary.n_normal:,} normal, {summary.n_pneumonia:,} pneumonia. "
        f"In brackets the 95 % interval. {small}".rstrip()
    )


def thousand_html(at: AtThreshold) -> str:
    """What the threshold would do to 1,000 children: "12 [8–17] missed, …"."""
    of = at.per_thousand
    return (
        '<p class="pn-thousand">% prevalence: '
        f"<strong>{children(of.missed)} missed</strong>, "
        f"<strong>{children(of.false_alarms)} called back for nothing</strong>"
        f'<span class="pn-rest">; {children(of.found)} found, {children(of.spared)} left alone'
        "</span>.</p>"
    )


def rates_html(at: AtThreshold) -> str:
    """What a call means for one child at the prevalence supposed."""
    rows = [
        ("If called, pneumonia in", rate(at.predictive.ppv), "PPV at this prevalence"),
        ("If not called, none in", rate(at.predictive.npv), "NPV at this prevalence"),
        ("A call multiplies the odds by", ratio(at.ratios.positive), "LR+"),
        ("No call multiplies them by", ratio(at.ratios.negative), "LR−"),
    ]
    return facts_list(
        ((name, f"{value} {hint(what)}") for name, value, what in rows), css="pn-rates"
    )


def _points(estimate: Estimate) -> str:
    value, low, high = (100 * end for end in estimate)
    return f"{value:.1f} [{low:.1f}–{high:.1f}] points"


def _item(name: str, value: str, of: str) -> str:
    head, _, interval = value.partition(" [")
    ends = f' <span class="pn-interval">[{interval}</span>' if interval else ""
    return (
        f'<li><span class="pn-figure-name">{name}</span><strong>{head}</strong>{ends}'
        f'<span class="pn-hint">{of}</span></li>'
    )
