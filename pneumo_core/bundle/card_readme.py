"""The model card a person reads, generated from `card.json`.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

from typing import Any

from pneumo_core.bundle.card_evidence import (
    cohorts_section,
    familiar_section,
    orientation_section,
    shortcuts_section,
    stress_section,
)
from pneumo_core.bundle.disclaimer import disclaimer_of, made_from_published, share_drawn
from pneumo_core.bundle.judgement import judge
from pneumo_core.formatting import bullets, facts, figure, spoken, table, told

__all__ = ["figure", "readme"]

_DOUBTS = """\
Its own card speaks against it. It may serve to try the program and to learn from; do not draw
conclusions from what it says of a film."""

_INTENDED = """\
Research and teaching: to show on frontal chest films{of_whom} what a network finds, how sure
it is, where it looked and when it should not answer."""

_TRYING = """\
Trying the program. It learnt from drawings: what it says of a child's film means nothing."""

_POPULATION = """\
Population: children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and
Children's Medical Center)."""

_OUT_OF_SCOPE = """\
- diagnosis, triage or treatment of any person; it is not a medical device
- {others}, lateral films, CT, ultrasound or photographs of films
- telling bacterial from viral pneumonia: a film cannot do that reliably (PMC5922330), the subtype
  is exploratory
- any finding other than pneumonia: a film without sign of pneumonia is not a healthy film"""

_SOURCE = """\
Kermany, Zhang, Goldbaum (2018), *Labeled Optical Coherence Tomography (OCT) and Chest X-Ray
Images for Classification*, Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0; described in
Kermany et al., Cell 2018, doi 10.1016/j.cell.2018.02.010. No film is part of this bundle."""

_LIMITATIONS = """\
- One hospital, one age group; labels by two physicians, without a reference test.
- Age, sex and device are not in the data: performance in such subgroups is unknown.
- 74 % of the training films show pneumonia; predictive values hold for no clinic until its own
  prevalence is put in.
- A heat map shows where the model looked, not where the lesion is (Saporta et al. 2022, doi
  10.1038/s42256-022-00536-x)."""


def readme(card: dict[str, Any]) -> str:
    """The model card as Markdown. Optional parts of `card` that are missing are left out."""
    data = dict(card.get("data", {}))
    usual, disclaimer = made_from_published(card), disclaimer_of(card)
    title = card.get("title") or f"{card['name']} {card['version']}"
    sections = [
        f"# {title}",
        f"> {disclaimer}",
        card.get("summary", ""),
        _section("Do not rely on this model", _doubts(card)),
        _section("Intended use", _intended(card, usual=usual)),
        _section("Out of scope", _out_of_scope(usual=usual)),
        _section("Figures", _figures(card.get("figures", {}))),
        _section("Operating points", _points(card["operating_points"])),
        _section("Under stress", stress_section(card)),
        _section("Cohorts", cohorts_section(card.get("cohorts", []))),
        _section("Unfamiliar pictures", familiar_section(card.get("familiarity", {}))),
        _section("Films that do not lie upright", orientation_section(card.get("orientation", {}))),
        _section("Training data", f"{data.pop('source', _SOURCE)}\n\n{facts(data)}".strip()),
        _section("Network", _network(card)),
        _section("Training", _training(card.get("training", {}))),
        _section("Limitations", _limitations(card, usual=usual)),
        _section("Known shortcuts", shortcuts_section(card, published=usual)),
        _section("Numerical agreement", _agreement(card.get("agreement", {}))),
        _section("Versions", facts(card.get("versions", {}))),
        f"{disclaimer}\n\n*Generated from `card.json`.*",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _doubts(card: dict[str, Any]) -> str:
    """What speaks against the model; "" where nothing in its card does."""
    reasons = judge(card).reasons
    told = f"{_DOUBTS}\n\n{bullets([reason.words for reason in reasons])}"
    return told if reasons else ""


def _intended(card: dict[str, Any], *, usual: bool) -> str:
    if share_drawn(card) == 1.0:
        return _TRYING
    words = _INTENDED.format(of_whom=" of children" * usual)
    return f"{words} {_POPULATION}" if usual else words


def _out_of_scope(*, usual: bool) -> str:
    others = "adults, infants under one year" if usual else "people unlike those it learnt from"
    return _OUT_OF_SCOPE.format(others=others)


def _limitations(card: dict[str, Any], *, usual: bool) -> str:
    known = [_LIMITATIONS] if usual else []
    return "\n".join([*known, *(f"- {line}" for line in card.get("limitations", ()))])


def _section(heading: str, body: str) -> str:
    return f"## {heading}\n\n{body}" if body else ""


def _figures(figures: dict[str, Any]) -> str:
    if not figures:
        return ""
    note = "Values with their 95 % interval, on films that the model was not trained on."
    rows = [[spoken(key), figure(key, value)] for key, value in figures.items()]
    return f"{note}\n\n{table(['figure', 'value'], rows)}"


def _points(points: dict[str, Any]) -> str:
    heads = ["point", "threshold on P(pneumonia)", "sensitivity", "specificity"]
    rows = []
    for key in ("screening", "balanced", "ruling_in"):
        point = points[key]
        rates = [figure(rate, point[rate]) if rate in point else "–" for rate in heads[2:]]
        rows.append([spoken(key), f"{point['threshold']:.4f}", *rates])
    where = points.get("fitted_on", "grouped validation films of the training data")
    return (
        "Below the screening point: no sign of pneumonia. From the ruling-in point: signs of "
        "pneumonia. Between: refer. The balanced point is the single threshold of evaluations. "
        f"Fitted on: {where}.\n\n{table(heads, rows)}"
    )


def _network(card: dict[str, Any]) -> str:
    size = card["input"]["size"]
    lines = [
        f"input: one grey film, resized to {size}×{size} pixels ignoring its aspect ratio",
        f"output: {', '.join(card['classes'])}; P(pneumonia) = 1 − P(normal)",
        f"calibration: {told(card['calibration'])}",
    ]
    parts = [facts(card.get("network", {})), bullets(lines)]
    return "\n".join(part for part in parts if part)


def _training(training: dict[str, Any]) -> str:
    named = {"seconds": "seconds of training, the making of this bundle not counted"}
    return facts({named.get(key, key): value for key, value in training.items()})


def _agreement(agreement: dict[str, Any]) -> str:
    if not agreement:
        return ""
    return (
        f"Largest difference in probability on {agreement['films']} pictures made for the purpose: "
        f"{agreement['keras_openvino']:.1g} between Keras and OpenVINO, "
        f"{agreement['half_precision']:.1g} between the weights as stored and as trained."
    )
