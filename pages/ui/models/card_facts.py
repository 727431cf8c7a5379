"""The facts of a model card in words; nothing is computed here."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.model_card import figure
from pneumo_core.bundle.provenance import data_licence_of, films_learnt_from, learnt_from

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.test_log import Look

HEADLINE = {"auc": "AUC", "sensitivity": "sensitivity", "specificity": "specificity"}
USUAL_SOURCE = (
    "Kermany et al. 2018 (Mendeley Data V2): children of 1–5 years, one hospital in Guangzhou"
)


def headline(card: dict[str, Any]) -> list[tuple[str, str]]:
    """The figures to show first, with their intervals: ("AUC", "0.994 [0.991–0.997]")."""
    figures = {label.lower(): value for label, value in card.get("figures", {}).items()}
    return [
        (words, figure(words, figures[key]))
        for key, words in HEADLINE.items()
        if figures.get(key) is not None
    ]


def sample_sentence(card: dict[str, Any]) -> str:
    """The sample of the figures: "on 1,044 validation films …, at the balanced threshold"."""
    films = card.get("figures", {}).get("films", card.get("data", {}).get("validation_films"))
    count = f"{films:,} " if isinstance(films, int) else ""
    return f"on {count}validation films not used to train the network, at the balanced threshold"


def facts(bundle: Bundle, n_bytes: int, looks: Sequence[Look]) -> list[tuple[str, str]]:
    """What the model is and what it was made of: (name, words). What is not known is left out."""
    card = bundle.card
    network, data = card.get("network", {}), card.get("data", {})
    source = data.get("source")
    rows = [
        ("Training", _trained(card.get("training", {}))),
        ("Trained on", learnt_from(card)),
        ("Films", _films(data, counted=bool(learnt_from(card)))),
        ("Data", str(source or USUAL_SOURCE)),
        ("Licences", _licences(network, data_licence_of(card))),
        ("Test-set evaluations", evaluation_count(looks, bundle.digest)),
        ("Network", _joined(network.get("backbone"), _count(network, "parameters"))),
        ("Input", f"{bundle.size} × {bundle.size} pixels"),
        ("Classes", ", ".join(bundle.classes)),
        ("On disk", megabytes(n_bytes)),
        ("SHA-256", bundle.digest),
    ]
    return [(name, words) for name, words in rows if words]


def summary_line(bundle: Bundle, n_bytes: int) -> str:
    """The model in a line: "small CNN, 128 × 128 pixels, 2.5 MB, trained on 272 films"."""
    network, trained_on = bundle.card.get("network", {}), films_learnt_from(bundle.card)
    parts = (
        network.get("backbone"),
        f"{bundle.size} × {bundle.size} pixels",
        megabytes(n_bytes),
        f"trained on {trained_on:,} films" if trained_on else None,
    )
    return ", ".join(str(part) for part in parts if part)


def evaluation_count(looks: Sequence[Look], digest: str) -> str:
    """How often the model was evaluated on a test split, from its log."""
    if not looks:
        return "none on this machine"
    times = f"{len(looks):,}"
    earlier = sum(one.digest != digest[:16] for one in looks)
    others = f", {earlier:,} of them with an earlier model of this name" if earlier else ""
    return f"{times}{others}; last on {_day(looks[-1].at[:10])}"


def megabytes(n_bytes: int) -> str:
    """A size: "35.3 MB"."""
    return f"{n_bytes / 1e6:,.1f} MB"


def _trained(training: dict[str, Any]) -> str:
    seconds = training.get("seconds")
    known = isinstance(seconds, int | float) and 0 < seconds < 1e9
    took = f"training {_duration(seconds)}" if known else None
    preset = f"preset {training['preset']}" if training.get("preset") else None
    day = _day(str(training["finished"])) if training.get("finished") else None
    return _joined(day, took, preset, training.get("machine"))


def _films(data: dict[str, Any], *, counted: bool) -> str:
    """The films by class; and how many the figures are of, unless another line says so."""
    classes = [f"{_count(data, kind)}" for kind in ("normal", "bacterial", "viral")]
    parts = ", ".join(part for part in classes if part)
    films, patients = _count(data, "films"), _count(data, "groups", "patients")
    whole = f"{films} of {patients}" if films and patients else films
    measured = "" if counted else _count(data, "validation_films", "used for the figures")
    return _joined(f"{whole}: {parts}" if whole and parts else whole, measured)


def _licences(network: dict[str, Any], data: str) -> str:
    weights = network.get("weights_licence")
    return _joined(f"data {data}" if data else None, f"weights {weights}" if weights else None)


def _count(facts_of: dict[str, Any], key: str, words: str = "") -> str:
    value = facts_of.get(key)
    return f"{value:,} {words or key}" if isinstance(value, int) else ""


def _joined(*parts: object) -> str:
    return "; ".join(str(part) for part in parts if part)


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
