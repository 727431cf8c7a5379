"""The model card's sections on what misleads a model: disturbed films, cohorts, known shortcuts."""

from __future__ import annotations

from typing import Any

from pneumo_core.bundle.card_values import is_number
from pneumo_core.formatting import bullets, figure, table

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
    shown = "{:+.1f} [{:+.1f} to {:+.1f}]".format(
        *(row[f"{cost}{end}"] for end in ("", "_low", "_high"))
    )
    return shown.replace("-", "−")
