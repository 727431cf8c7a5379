"""The model card a person reads, generated from `card.json`.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

from typing import Any

from pneumo_core import DISCLAIMER

_INTENDED = """\
Research and teaching: to show on frontal chest films of children what a network finds, how sure
it is, where it looked and when it should not answer."""

_POPULATION = """\
Population: children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and
Children's Medical Center)."""

_OUT_OF_SCOPE = """\
- diagnosis, triage or treatment of any person; it is not a medical device
- adults, infants under one year, lateral films, CT, ultrasound or photographs of films
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

_SHORTCUTS = """\
- Framing: normal training films show the whole trunk with margins, pneumonia films are cropped
  tighter; aspect ratio alone separates them with AUC 0.88. The film is resized ignoring its
  aspect ratio, and trained with random crops and aspect jitter.
- File size and JPEG quality separate the classes in the training data (AUC 0.999), but not in the
  test data. The network sees pixels of one size only.
- Such cues make models call unseen normal films pneumonia: expect specificity to fall on films
  from elsewhere more than sensitivity does."""

# Figures that are not rates, told by their label: shown as decimals, not per cents.
_DECIMAL = ("auc", "brier", "ece", "error", "loss", "temperature")


def readme(card: dict[str, Any]) -> str:
    """The model card as Markdown. Optional parts of `card` that are missing are left out."""
    data = dict(card.get("data", {}))
    usual = "source" not in data
    title = card.get("title") or f"{card['name']} {card['version']}"
    sections = [
        f"# {title}",
        f"> {DISCLAIMER}",
        card.get("summary", ""),
        _section("Intended use", f"{_INTENDED} {_POPULATION}" if usual else _INTENDED),
        _section("Out of scope", _OUT_OF_SCOPE),
        _section("Figures", _figures(card.get("figures", {}))),
        _section("Operating points", _points(card["operating_points"])),
        _section("Training data", f"{data.pop('source', _SOURCE)}\n\n{_facts(data)}".strip()),
        _section("Network", _network(card)),
        _section("Training", _facts(card.get("training", {}))),
        _section("Limitations", _limitations(card, usual=usual)),
        _section("Known shortcuts", _SHORTCUTS if usual else "Not known: audit the data."),
        _section("Numerical agreement", _agreement(card.get("agreement", {}))),
        _section("Versions", _facts(card.get("versions", {}))),
        f"*{DISCLAIMER} Generated from `card.json`.*",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _limitations(card: dict[str, Any], *, usual: bool) -> str:
    known = [_LIMITATIONS] if usual else []
    return "\n".join([*known, *(f"- {line}" for line in card.get("limitations", ()))])


def _section(heading: str, body: str) -> str:
    return f"## {heading}\n\n{body}" if body else ""


def _list(lines: tuple[str, ...]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _facts(facts: dict[str, Any]) -> str:
    return _list(tuple(f"{_label(key)}: {_value(value)}" for key, value in facts.items()))


def _label(key: str) -> str:
    return key.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_label(key)} {_value(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_value(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not known" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _figures(figures: dict[str, Any]) -> str:
    rows = [f"| {_label(key)} | {figure(key, value)} |" for key, value in figures.items()]
    if not rows:
        return ""
    note = "Values with their 95 % interval, on films that the model was not trained on."
    return "\n".join([note, "", "| figure | value |", "| --- | --- |", *rows])


def figure(label: str, value: Any) -> str:
    """A number or {"value", "low", "high"} for reading: "95.1 % [92.4–96.9]", "0.994 [0.99–1]".

    A value with an interval is a rate 0..1 and shown in per cent, unless its label names one that
    is not (an AUC, a Brier score…).
    """
    if not isinstance(value, dict):
        return _value(value)
    if value.get("low") is None or value.get("high") is None:
        return _value(value.get("value"))
    ends = [float(value[key]) for key in ("value", "low", "high")]
    if any(word in label.lower() for word in _DECIMAL):
        return "{:.3f} [{:.3f}–{:.3f}]".format(*ends)
    return "{:.1f} % [{:.1f}–{:.1f}]".format(*(100 * end for end in ends))


def _points(points: dict[str, Any]) -> str:
    rows = ["| point | threshold on P(pneumonia) | sensitivity | specificity |"]
    rows.append("| --- | --- | --- | --- |")
    for key in ("screening", "balanced", "ruling_in"):
        point = points[key]
        rates = (
            figure(rate, point[rate]) if rate in point else "–"
            for rate in ("sensitivity", "specificity")
        )
        rows.append(f"| {_label(key)} | {point['threshold']:.4f} | {' | '.join(rates)} |")
    where = points.get("fitted_on", "grouped validation films of the training data")
    return (
        "Below the screening point: no sign of pneumonia. From the ruling-in point: signs of "
        "pneumonia. Between: refer. The balanced point is the single threshold of evaluations. "
        f"Fitted on: {where}.\n\n" + "\n".join(rows)
    )


def _network(card: dict[str, Any]) -> str:
    size = card["input"]["size"]
    lines = [
        f"input: one grey film, resized to {size}×{size} pixels ignoring its aspect ratio",
        f"output: {', '.join(card['classes'])}; P(pneumonia) = 1 − P(normal)",
        f"calibration: {_value(card['calibration'])}",
    ]
    return "\n".join(
        part for part in (_facts(card.get("network", {})), _list(tuple(lines))) if part
    )


def _agreement(agreement: dict[str, Any]) -> str:
    if not agreement:
        return ""
    return (
        f"Largest difference in probability on {agreement['films']} pictures made for the purpose: "
        f"{agreement['keras_openvino']:.1g} between Keras and OpenVINO, "
        f"{agreement['half_precision']:.1g} between the weights as stored and as trained."
    )
