"""What speaks against relying on a model, told from its card alone; pure, nothing is read.

The figures of a card are of validation films, which also served to choose the best epoch and the
points: they flatter. So the limits are asked of the lower end of each 95 % interval, and they are
meant to name models of no worth, not to pass good ones.

films       100 of each class at least, as for any validation of a prediction model (Vergouwe et al.
            2005, doi 10.1016/j.jclinepi.2004.06.017; Collins et al. 2016, doi 10.1002/sim.6787),
            and 100 patients, since films of one patient are no independent witnesses.
AUC         0.80: below it, discrimination is called acceptable at most (Hosmer et al. 2013,
            Applied logistic regression, section 5.2.4). Of ten pairs of an ill and a well child,
            two are then ranked the wrong way round. The networks published on this data set have
            0.96 and more.
rates       0.75 at the balanced point: one ill child in four missed, one normal film in four called
            pneumonia.
calibration an expected calibration error of 0.10: per cents that are ten points off on average. A
            reader who takes 85 % for 95 % crosses from referring to deciding.
lungs       an AUC of 0.80 and more, at the lower end, on films whose lungs are painted over: there
            is nothing to find, so it reads the framing (see `films.disturb`).
drawings    any film that Pneumo drew: no child's film looks like it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card import is_number
from pneumo_core.bundle.provenance import share_drawn
from pneumo_core.formatting import figure
from pneumo_core.metrics.intervals import VALIDATION_SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Card = Mapping[str, Any]

LOWEST_AUC = 0.80
LOWEST_RATE = 0.75
LARGEST_ERROR = 0.10
_GUESSING = 0.5


@dataclass(frozen=True)
class Reason:
    """One thing that speaks against a model: `label` in a few words, `words` in a sentence."""

    label: str
    words: str


@dataclass(frozen=True)
class Judgement:
    """What speaks against relying on a model, worst first; nothing where no limit is crossed."""

    reasons: tuple[Reason, ...]

    @property
    def sound(self) -> bool:
        """Whether nothing in the card speaks against the model; not that it is good."""
        return not self.reasons

    @property
    def labels(self) -> str:
        """The reasons in one line: "learnt from drawings, measured on few films"."""
        return ", ".join(reason.label for reason in self.reasons)


def judge(card: Card) -> Judgement:
    """What speaks against the model of this card (one that `check_card` lets pass)."""
    return Judgement((*_of_films(card), *_of_size(card), *_of_figures(card), *_of_lungs(card)))


def _of_films(card: Card) -> Iterator[Reason]:
    share = share_drawn(card)
    if share == 1.0:
        yield Reason(
            "learnt from drawings",
            "It learnt from drawings of this program: what it says of a child's film means "
            "nothing.",
        )
    elif share:
        part = f"{100 * share:.0f} %" if share >= 0.01 else "Some"
        yield Reason(
            "learnt from drawings in part",
            f"{part} of the films it learnt from were drawn by this program and show no child.",
        )


def _of_size(card: Card) -> Iterator[Reason]:
    """Too few films or patients to know; nothing where the card does not count them."""
    data = card.get("data", {})
    films = _count(_figures(card).get("films"))
    films = _count(data.get("validation_films")) if films is None else films
    if films is None:
        return
    normal = _part(films, data, "validation_normal", "normal")
    patients = _part(films, data, "validation_groups", "groups")
    kinds = [] if normal is None else [normal, films - normal]
    smallest = min([films // 2, *kinds, *([] if patients is None else [patients])])
    if smallest < VALIDATION_SAMPLE:
        about = "" if _count(data.get("validation_normal")) is not None else "about "
        told = f" ({about}{normal:,} normal)" if normal is not None else ""
        whose = f" of {patients:,} patients" if patients is not None else ""
        yield Reason(
            "measured on few films",
            f"It was measured on {films:,} films{told}{whose}: with fewer than "
            f"{VALIDATION_SAMPLE} of each kind, or of fewer than {VALIDATION_SAMPLE} patients, "
            "chance decides.",
        )


def _of_figures(card: Card) -> Iterator[Reason]:
    found = _figures(card)
    auc, error = found.get("auc"), found.get("ece", 0.0)
    lowest = _low(auc)
    if lowest is None:
        yield Reason("not measured", "How well it reads is not known: its card has no AUC.")
    elif lowest <= _GUESSING:
        yield Reason(
            "may be guessing",
            f"It may do no better than guessing: AUC {figure('auc', auc)}, where 0.5 is guessing.",
        )
    elif lowest < LOWEST_AUC:
        yield Reason(
            "tells the classes apart poorly",
            f"It may tell the classes apart poorly: AUC {figure('auc', auc)}, of which the lower "
            f"end should be {LOWEST_AUC:.2f} at least.",
        )
    yield from _of_rates(card, found)
    if is_number(error) and error > LARGEST_ERROR:
        yield Reason(
            "per cents are off",
            f"Its per cents are off by {100 * error:.0f} points on average.",
        )


def _of_rates(card: Card, found: Card) -> Iterator[Reason]:
    at = card.get("operating_points", {}).get("balanced", {})
    for rate, label, words in (
        ("sensitivity", "may miss many", "It may miss more than one ill child in four"),
        (
            "specificity",
            "may give many false alarms",
            "It may call more than one normal film in four pneumonia",
        ),
    ):
        value = found.get(rate, at.get(rate))
        lowest = _low(value)
        if lowest is None:
            yield Reason(f"no {rate}", f"Its {rate} is not known.")
        elif lowest < LOWEST_RATE:
            yield Reason(label, f"{words}: {rate} {figure(rate, value)}.")


def _of_lungs(card: Card) -> Iterator[Reason]:
    """What it makes of films without lungs, where the card says: the most telling of them."""
    rows = [row for row in card.get("stress", {}).get("rows", []) if not row["keeps_lungs"]]
    worst = max(rows, key=lambda row: _low(row["auc"]) or 0.0, default=None)
    if worst is not None and (_low(worst["auc"]) or 0.0) >= LOWEST_AUC:
        yield Reason(
            "reads the framing",
            "It tells the classes apart where no lungs are left "
            f"({worst['name']}: AUC {figure('auc', worst['auc'])}): it reads the framing.",
        )


def _figures(card: Card) -> dict[str, Any]:
    return {label.lower(): value for label, value in card.get("figures", {}).items()}


def _low(value: Any) -> float | None:
    """The lower end of a figure, or the figure itself where it has no interval."""
    if isinstance(value, dict):
        value = value.get("low") if value.get("low") is not None else value.get("value")
    return float(value) if is_number(value) else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _part(films: int, data: Card, exact: str, of_all: str) -> int | None:
    """How many of the films measured on are so, counted, or told from their share of all films."""
    counted = _count(data.get(exact))
    if counted is not None:
        return min(counted, films)
    share, every = _count(data.get(of_all)), _count(data.get("films"))
    return round(films * min(share, every) / every) if share is not None and every else None
