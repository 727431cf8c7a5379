"""Reliability warnings: reasons in a model's card not to rely on it. No network is read.

The figures of a card are of validation films, which also served to choose the best epoch and the
operating points: they are optimistic. So each limit applies to the unfavourable end of the 95 %
interval, and the limits are meant to find unusable models, not to certify good ones.

films       at least 100 of each class, as for any validation of a prediction model (Vergouwe et al.
            2005, doi 10.1016/j.jclinepi.2004.06.017; Collins et al. 2016, doi 10.1002/sim.6787),
            and 100 patients, since films of one patient are not independent.
AUC         0.80: below it, discrimination is acceptable at most (Hosmer et al. 2013, Applied
            logistic regression, section 5.2.4). Of ten pairs of a child with and a child without
            pneumonia, two are ranked wrongly. Networks published on this data set reach 0.96.
rates       0.75 at the balanced point: one pneumonia in four missed, or one normal film in four
            called pneumonia.
calibration an expected calibration error (ECE) of 0.10: probabilities off by ten points on average.
            85 % read as 95 % turns a referral into a decision.
lungs       an AUC of 0.80, at the lower end, on films whose lungs are painted over: the model reads
            the framing, since there is nothing else to find (see `perturbations.marks`).
synthetic   any synthetic film in the training data: it resembles no child's film.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.bundle.provenance import synthetic_share
from pneumo_core.formatting import figure, percent
from pneumo_core.metrics.intervals import VALIDATION_SAMPLE, Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pneumo_core.bundle.card import Card
    from pneumo_core.bundle.card.parts import Figure

LOWEST_AUC = 0.80
LOWEST_RATE = 0.75
LARGEST_ERROR = 0.10
_CHANCE = 0.5


@dataclass(frozen=True)
class Reason:
    """One reliability warning: `label` of a few words, `words` in a sentence."""

    label: str
    words: str


@dataclass(frozen=True)
class Judgement:
    """The reliability warnings of a model, the most serious first."""

    reasons: tuple[Reason, ...]

    @property
    def sound(self) -> bool:
        """Whether there is no warning; that does not make the model good."""
        return not self.reasons

    @property
    def labels(self) -> str:
        """The warnings in one line: "trained on synthetic films, small validation sample"."""
        return ", ".join(reason.label for reason in self.reasons)


def judge(card: Card) -> Judgement:
    """The reliability warnings of the model of this card."""
    return Judgement((*_of_origin(card), *_of_size(card), *_of_figures(card), *_of_lungs(card)))


def _of_origin(card: Card) -> Iterator[Reason]:
    share = synthetic_share(card)
    if share == 1.0:
        yield Reason(
            "trained on synthetic films",
            "It was trained on synthetic films only: its answer on a child's film means nothing.",
        )
    elif share:
        part = percent(share, 0) if share >= 0.01 else "Some"
        yield Reason(
            "trained on some synthetic films",
            f"{part} of its training films are synthetic and show no child.",
        )


def _of_size(card: Card) -> Iterator[Reason]:
    """Too few films or patients; nothing where the card does not count them."""
    data, measured = card.data, card.figure("films")
    films = int(measured) if isinstance(measured, int) else data.validation_films
    if films is None:
        return
    normal = _part_of(films, data.validation_normal, data.normal, data.films)
    patients = _part_of(films, data.validation_patients, data.patients, data.films)
    if (fitted := card.fitted_to) is not None:
        normal, patients = fitted.normal, fitted.patients
    classes = [] if normal is None else [normal, films - normal]
    smallest = min([films // 2, *classes, *([] if patients is None else [patients])])
    if smallest < VALIDATION_SAMPLE:
        counted = data.validation_normal is not None or card.fitted_to is not None
        about = "" if counted else "about "
        share = f" ({about}{normal:,} normal)" if normal is not None else ""
        whose = f" of {patients:,} patients" if patients is not None else ""
        yield Reason(
            "small validation sample",
            f"It was validated on {films:,} films{share}{whose}: with fewer than "
            f"{VALIDATION_SAMPLE} films of each class or {VALIDATION_SAMPLE} patients, its figures "
            "are uncertain.",
        )


def _of_figures(card: Card) -> Iterator[Reason]:
    auc, error = card.figure("auc"), card.figure("ece")
    lowest = _low(auc)
    if lowest is None:
        yield Reason("not validated", "Its performance is unknown: its card states no AUC.")
    elif lowest <= _CHANCE:
        yield Reason(
            "may be no better than chance",
            f"It may be no better than chance: AUC {figure('auc', auc)}, where 0.5 is chance.",
        )
    elif lowest < LOWEST_AUC:
        yield Reason(
            "poor discrimination",
            f"Its discrimination may be poor: AUC {figure('auc', auc)}; the lower end of the "
            f"interval should be at least {LOWEST_AUC:.2f}.",
        )
    yield from _of_rates(card)
    if isinstance(error, int | float) and error > LARGEST_ERROR:
        yield Reason(
            "poor calibration",
            f"Its probabilities are off by {100 * error:.0f} percentage points on average.",
        )


def _of_rates(card: Card) -> Iterator[Reason]:
    for rate, label, words in (
        ("sensitivity", "low sensitivity", "It may miss more than one pneumonia in four"),
        (
            "specificity",
            "many false alarms",
            "It may call more than one normal film in four pneumonia",
        ),
    ):
        at_point: Figure = getattr(card.balanced, rate)
        value = card.figure(rate) if rate in map(str.lower, card.figures) else at_point
        lowest = _low(value)
        if lowest is None:
            yield Reason(f"unknown {rate}", f"Its {rate} is unknown.")
        elif lowest < LOWEST_RATE:
            yield Reason(label, f"{words}: {rate} {figure(rate, value)}.")


def _of_lungs(card: Card) -> Iterator[Reason]:
    """The highest AUC on films without lungs, where the card has been measured on some."""
    rows = [row for row in card.stress_rows if not row["keeps_lungs"]]
    worst = max(rows, key=lambda row: row["auc"]["low"] or 0.0, default=None)
    if worst is not None and (worst["auc"]["low"] or 0.0) >= LOWEST_AUC:
        yield Reason(
            "reads the framing",
            "It separates the classes where no lungs are left "
            f"({worst['name']}: AUC {figure('auc', worst['auc'])}): it reads the framing.",
        )


def _low(value: Figure) -> float | None:
    """The lower end of a figure, or the figure itself where it has no interval; None unknown."""
    if isinstance(value, Estimate):
        value = value.value if math.isnan(value.low) else value.low
    return None if value is None or math.isnan(value) else float(value)


def _part_of(films: int, counted: int | None, part: int | None, whole: int | None) -> int | None:
    """How many of the validation films: counted, or estimated from the share of all films."""
    if counted is not None:
        return min(counted, films)
    return round(films * min(part, whole) / whole) if part is not None and whole else None
