"""The model card a person reads, generated from `card.json`.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

from typing import Any

from pneumo_core.bundle.card import is_number
from pneumo_core.bundle.provenance import disclaimer_of, made_from_published, share_drawn
from pneumo_core.bundle.reliability import judge
from pneumo_core.formatting import bullets, estimate, facts, figure, key_text, table, value_text
from pneumo_core.metrics import Estimate

_STRESS_NOTE = """\
At the balanced point. Cost: points of 100 lost against the same films as they are, below 0 where
the disturbed films do better, with its 95 % interval. Referred: films between the screening and
the ruling-in point. Change: of P(pneumonia), in points."""
_LUNGLESS_NOTE = """\
An asterisk marks films on which no lungs are left: nothing can be found there, and a cost is no
fault."""
_STRESS_HEADS = [
    *("disturbance", "AUC", "sensitivity", "cost", "specificity", "cost"),
    *("referred", "median change", "95th percentile"),
]

_COHORTS_NOTE = """\
The films behind the figures above in parts, at the balanced point. A model that leans on framing
does worse where the border of the film misleads."""

_FRAMING = """\
Framing: normal training films show the whole trunk with margins, pneumonia films are cropped
  tighter; aspect ratio alone separates them with AUC 0.88. The film is resized ignoring its
  aspect ratio"""
_FILES = """\
File size and JPEG quality separate the classes in the training data (AUC 0.999), but not in the
  test data. The network sees pixels of one size only."""
_EXPECTED = """\
Such cues make models call unseen normal films pneumonia: expect specificity to fall on films
  from elsewhere more than sensitivity does."""
_MEASURED = """\
How far such cues carry this model is measured: see Under stress for what each disturbance costs
  it, and what it makes of films without lungs"""
_BY_COHORT = ", and Cohorts for films whose border misleads"


def stress_section(card: dict[str, Any]) -> str:
    """Which films, what costs most, and a row a disturbance; or how to measure it."""
    stress = card.get("stress", {})
    rows = stress.get("rows", [])
    if not rows:
        return (
            f"Not measured. Run `python -m pneumo_core stress --into-card --model {card['name']}`."
        )
    told = [f"{stress['worst']} {stress['lungless']}".strip(), stress["words"]]
    lungless = [_LUNGLESS_NOTE] if any(not row["keeps_lungs"] for row in rows) else []
    shown = table(_STRESS_HEADS, [_stress_row(row) for row in rows])
    return "\n\n".join([*told, " ".join([_STRESS_NOTE, *lungless]), shown])


def _stress_row(row: dict[str, Any]) -> list[str]:
    return [
        row["name"] + "*" * (not row["keeps_lungs"]),
        _rate("auc", row["auc"]),
        _rate("sensitivity", row["sensitivity"]),
        _cost(row, "cost_sensitivity"),
        _rate("specificity", row["specificity"]),
        _cost(row, "cost_specificity"),
        _share(row["referred"]["value"]),
        f"{100 * row['change_median']:.1f}",
        f"{100 * row['change_p95']:.1f}",
    ]


def cohorts_section(cohorts: list[dict[str, Any]]) -> str:
    """A row a part of the films; "" without any."""
    if not cohorts:
        return ""
    heads = ["cohort", "part", "films", "AUC", "sensitivity", "specificity"]
    rows = [
        [row["cohort"], row["part"], f"{row['films']:,}"]
        + [_rate(rate, row[rate]) for rate in ("auc", "sensitivity", "specificity")]
        for row in cohorts
    ]
    return f"{_COHORTS_NOTE}\n\n{table(heads, rows)}"


def familiar_section(familiarity: dict[str, Any]) -> str:
    """When the model says of a picture that it knows none like it; "" where it never does."""
    if not familiarity:
        return ""
    return (
        "A picture whose features (at length 1) lie further than "
        f"{familiarity['limit']:.3f} off the subspace in which those of films vary is referred, "
        "whatever its probability. The limit lies 15 % above the 99th percentile of "
        f"{familiarity.get('measured_on', '')}."
    )


def orientation_section(orientation: dict[str, Any]) -> str:
    """How a film lies, by the model's own judgement, and how often it is right; "" without."""
    if not orientation:
        return ""
    note = (
        "A film that seems to lie on its side, upside down or as a negative is referred, with what "
        "to do. Of films that this check did not learn from, in views that keep the lungs:"
    )
    rows = [
        [way, f"{found['films']:,}", f"{found['found']:,}"]
        for way, found in orientation.get("referred", {}).items()
    ]
    return f"{note}\n\n{table(['lying', 'films', 'taken for not upright'], rows)}"


def shortcuts_section(card: dict[str, Any], *, published: bool) -> str:
    """What in the data gives the class away without being disease, and what was done about it.

    What the stress table measures is not foretold beside it. `published`: the films are those of
    the published data set.
    """
    measured = ""
    if card.get("stress", {}).get("rows"):
        measured = f"{_MEASURED}{_BY_COHORT * bool(card.get('cohorts'))}."
    against = _against(card.get("training", {}))
    if not published:
        lines = [f"Not known: audit the data.{against}", measured]
    else:
        lines = [f"{_FRAMING}.{against}", _FILES, measured or _EXPECTED]
    return bullets([line for line in lines if line])


def _against(training: dict[str, Any]) -> str:
    """What training did against shortcuts, as the card's recipe has it; "" where it is silent."""
    if not training:
        return ""
    if training.get("augment") is False:
        return " Nothing was done about it in training."
    plan = training.get("counterweight")
    if not isinstance(plan, dict):
        return " Training films were cropped, stretched and turned at random, all classes alike."
    done = [
        "Training films were cropped, stretched and turned at random, edges covered, also askew"
    ]
    if _above_0(plan.get("framing")):
        done.append("some normal films cropped in height and some pneumonia films in width")
    if _above_0(plan.get("blank_lungs")):
        share = f"{100 * plan['blank_lungs']:.0f} %"
        done.append(f"the lungs painted over in {share} of the films, where no class is right")
    words = "; ".join(done)
    if _above_0(training.get("framing_weights")):
        words += (
            ". Films whose border gives the class away counted for less than those whose border "
            "misleads (inverse propensity)"
        )
    return f" {words}."


def _above_0(value: Any) -> bool:
    return is_number(value) and value > 0


def _rate(label: str, rate: dict[str, Any] | None) -> str:
    return "–" if rate is None or rate["value"] is None else figure(label, rate)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _cost(row: dict[str, Any], cost: str) -> str:
    if row[cost] is None or (row["family"] == "none" and not row[cost]):
        return "–"
    return estimate(Estimate.from_dict(row, cost), digits=1, signed=True)


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
    rows = [[key_text(key), figure(key, value)] for key, value in figures.items()]
    return f"{note}\n\n{table(['figure', 'value'], rows)}"


def _points(points: dict[str, Any]) -> str:
    heads = ["point", "threshold on P(pneumonia)", "sensitivity", "specificity"]
    rows = []
    for key in ("screening", "balanced", "ruling_in"):
        point = points[key]
        rates = [figure(rate, point[rate]) if rate in point else "–" for rate in heads[2:]]
        rows.append([key_text(key), f"{point['threshold']:.4f}", *rates])
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
        f"calibration: {value_text(card['calibration'])}",
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
