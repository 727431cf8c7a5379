"""The facts of a model card in words; nothing is computed here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from pneumo_core.bundle.card_measurements import POPULATION_FIGURES
from pneumo_core.bundle.provenance import (
    data_licence_of,
    training_film_count,
    training_summary,
)
from pneumo_core.formatting import duration, figure, file_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.bundle import Bundle
    from pneumo_core.bundle.card import Card
    from pneumo_core.bundle.card.parts import DataFacts, TrainingFacts
    from pneumo_core.evaluation.test_log import LoggedEvaluation

HEADLINE = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
USUAL_SOURCE = (
    "Kermany et al. 2018 (Mendeley Data V2): children of 1–5 years, one hospital in Guangzhou"
)


def headline(card: Card) -> list[tuple[str, str]]:
    """The figures to show first, with their intervals: ("AUC", "0.994 [0.991–0.997]")."""
    return [
        (words, figure(words, card.figure(key)))
        for key, words in HEADLINE.items()
        if card.figure(key) is not None
    ]


def sample_sentence(card: Card) -> str:
    """The sample of the figures: "on 1,044 validation films …, at the balanced threshold"."""
    films = card.figure("films") or card.data.validation_films
    count = f"{films:,} " if isinstance(films, int) else ""
    if card.fitted_to is not None:
        return f"on {count}films of {card.fitted_to.site}, cross-fitted by patient"
    if card.populations:
        return (
            f"on {count}films of {card.populations[-1]['name']}, an estimate (see the model card)"
        )
    return f"on {count}validation films not used to train the network, at the balanced threshold"


def facts(
    bundle: Bundle, n_bytes: int, evaluations: Sequence[LoggedEvaluation]
) -> list[tuple[str, str]]:
    """What the model is and what it was made of: (name, words). What is not known is left out."""
    card = bundle.card
    rows = [
        ("Fitted to", _fitted(card)),
        ("Training", _trained(card.training)),
        (
            "Trained on",
            card.summary if card.populations and not card.lineage else training_summary(card),
        ),
        ("Films", _films(card.data, counted=bool(training_summary(card)))),
        ("Data", _data(card.data)),
        ("Licences", _licences(card.network.weights_licence, data_licence_of(card))),
        ("Test-set evaluations", evaluation_count(evaluations, bundle.digest)),
        ("Network", _joined(card.network.backbone, _count(card.network.parameters, "parameters"))),
        ("Input", _input(bundle)),
        ("Classes", ", ".join(bundle.classes)),
        ("On disk", file_size(n_bytes)),
        ("SHA-256", bundle.digest),
    ]
    return [(name, words) for name, words in rows if words]


def summary_line(bundle: Bundle, n_bytes: int) -> str:
    """The model in a line: "small CNN, 128 × 128 pixels, 2.5 MB, trained on 272 films"."""
    trained = training_film_count(bundle.card)
    parts = (
        bundle.card.network.backbone,
        f"{bundle.size} × {bundle.size} pixels",
        file_size(n_bytes),
        f"trained on {trained:,} films" if trained else None,
    )
    return ", ".join(str(part) for part in parts if part)


def evaluation_count(evaluations: Sequence[LoggedEvaluation], digest: str) -> str:
    """How often the model was evaluated on a test split, from its log."""
    if not evaluations:
        return "none on this machine"
    times = f"{len(evaluations):,}"
    earlier = sum(one.digest != digest[:16] for one in evaluations)
    others = f", {earlier:,} of them with an earlier model of this name" if earlier else ""
    return f"{times}{others}; last on {_day(evaluations[-1].at[:10])}"


def populations(card: Card) -> list[tuple[str, list[tuple[str, str]]]]:
    """For each population its name with the films, and its figures: (name, words)."""
    return [
        (
            f"{row['name']} ({row['films']:,} films)",
            [(words, figure(key, row[key])) for key, words in POPULATION_FIGURES.items()],
        )
        for row in card.populations
    ]


def _fitted(card: Card) -> str:
    fitted = card.fitted_to
    if fitted is None:
        return ""
    when = f", taken {fitted.months[0]} to {fitted.months[-1]}" if fitted.months else ""
    parent = f"; from {card.lineage[-1].name} {card.lineage[-1].version}" if card.lineage else ""
    return f"{fitted.films:,} films of {fitted.site}{when}{parent}"


def _data(data: DataFacts) -> str:
    source = data.source or USUAL_SOURCE
    second = data.second_source
    return f"{source}; upper layers and thresholds also {second}" if second else source


def _input(bundle: Bundle) -> str:
    framed = ", in a frame set by the lungs" if bundle.card.frame else ""
    return f"{bundle.size} × {bundle.size} pixels{framed}"


def _trained(training: TrainingFacts) -> str:
    seconds = training.seconds
    took = f"training {duration(seconds)}" if seconds and 0 < seconds < 1e9 else None
    preset = f"preset {training.preset}" if training.preset else None
    day = _day(training.finished) if training.finished else None
    again = (
        f"with a second source on {_day(training.second_step)}" if training.second_step else None
    )
    return _joined(day, took, preset, training.machine, again)


def _films(data: DataFacts, *, counted: bool) -> str:
    """The films by class; and how many the figures are of, unless another line says so."""
    classes = [_count(getattr(data, kind), kind) for kind in ("normal", "bacterial", "viral")]
    parts = ", ".join(part for part in classes if part)
    films, patients = _count(data.films, "films"), _count(data.patients, "patients")
    whole = f"{films} of {patients}" if films and patients else films
    measured = "" if counted else _count(data.validation_films, "used for the figures")
    return _joined(f"{whole}: {parts}" if whole and parts else whole, measured)


def _licences(weights: str, data: str) -> str:
    return _joined(f"data {data}" if data else None, f"weights {weights}" if weights else None)


def _count(value: int | None, words: str) -> str:
    return "" if value is None else f"{value:,} {words}"


def _joined(*parts: object) -> str:
    return "; ".join(str(part) for part in parts if part)


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"
