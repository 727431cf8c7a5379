"""What was measured, for the model card: tables in Markdown, "" for what the card does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card import POINTS
from pneumo_core.formatting import bullets, capital, estimate, figure, key_text, table
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.operating_points import Aims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.bundle.card import Card
    from pneumo_core.bundle.card.parts import CheckFacts, OperatingPoint

_ROBUSTNESS_NOTE = """\
At the balanced point. Cost: percentage points lost against the unperturbed films, with its 95 %
interval; below 0, the perturbed films do better. Referred: films between the screening and the
ruling-in point. Change: of P(pneumonia), in percentage points."""
_LUNGLESS_NOTE = """\
An asterisk marks perturbations that remove the lungs: there is nothing to detect, and a cost is not
a fault."""
_ROBUSTNESS_HEADS = [
    *("perturbation", "AUC", "sensitivity", "cost", "specificity", "cost"),
    *("referred", "median change", "95th percentile"),
]

# What is shown of each population, and how it is headed.
POPULATION_FIGURES = {
    "auc": "AUC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "normal_cleared": "normals cleared",
    "normal_called": "normals called pneumonia",
    "pneumonia_missed": "pneumonias cleared",
}
_POPULATIONS_NOTE = """\
Sensitivity and specificity at the balanced point. Cleared: below the screening point; called
pneumonia: from the ruling-in point; the rest is referred."""

_COHORTS_NOTE = """\
The validation films in parts, at the balanced point. A model that relies on framing performs worse
where the border of the film suggests the wrong class."""


def robustness_section(card: Card) -> str:
    """The films, the largest cost, and a row for each perturbation; or how to measure it."""
    if card.stress is None or not card.stress_rows:
        return f"Not measured. Run `python -m pneumo_core stress --into-card --model {card.name}`."
    lead = [f"{card.stress['worst']} {card.stress['lungless']}".strip(), card.stress["words"]]
    lungless = [_LUNGLESS_NOTE] if any(not row["keeps_lungs"] for row in card.stress_rows) else []
    rows = table(_ROBUSTNESS_HEADS, [_robustness_row(row) for row in card.stress_rows])
    return "\n\n".join([*lead, " ".join([_ROBUSTNESS_NOTE, *lungless]), rows])


def populations_section(card: Card) -> str:
    """A row for each population, then what its figures rest on; "" without any."""
    return rows_of_populations(card.populations)


def rows_of_populations(populations: Sequence[Mapping[str, Any]]) -> str:
    """A row for each of these, then what its figures rest on; "" without any."""
    if not populations:
        return ""
    heads = ["population", "films", *POPULATION_FIGURES.values()]
    rows = [
        [str(row["name"]), f"{row['films']:,} ({row['normal']:,} normal)"]
        + [_rate(key, row[key]) for key in POPULATION_FIGURES]
        for row in populations
    ]
    rest = [f"{row['name']}: {row['evidence']}." for row in populations]
    return f"{_POPULATIONS_NOTE}\n\n{table(heads, rows)}\n\n{bullets(rest)}"


def fitted_section(card: Card) -> str:
    """From which model, on which films, for what, and the figures before and after; "" if fitted to
    no hospital.
    """
    fitted, recalibration = card.fitted_to, card.recalibration
    if fitted is None or recalibration is None or not card.lineage:
        return ""
    patients = "patients not known" if fitted.patients is None else f"{fitted.patients:,} patients"
    counts = f"{fitted.normal:,} normal, {fitted.pneumonia:,} pneumonia"
    lines = [
        f"hospital: {fitted.site}",
        f"films: {fitted.films:,} ({counts}), {patients}",
        *([f"taken: {fitted.months[0]} to {fitted.months[-1]}"] if fitted.months else []),
        f"fitted: {recalibration.words}; the network is the parent's",
        f"asked for: {Aims.from_dict(fitted.aims).words}",
        *(f"from: {one.name} {one.version}, files {one.digest[:12]}" for one in card.lineage[::-1]),
    ]
    rows = [
        [key, *(_rate(key, _estimate_of(found, key)) for found in (fitted.before, fitted.after))]
        for key in ("auc", "sensitivity", "specificity")
    ]
    rows.append(
        ["calibration error (ECE)", *(f"{one['ece']:.3f}" for one in (fitted.before, fitted.after))]
    )
    for answer, share in fitted.after.get("answers", {}).items():
        before = fitted.before.get("answers", {}).get(answer)
        rows.append(
            [answer.replace(" ", " films ", 1), *(_rate("rate", one) for one in (before, share))]
        )
    note = "Each film answered by a fit that had not seen its patient, intervals by patient."
    return f"{bullets(lines)}\n\n{note}\n\n{table(['figure', 'before', 'after'], rows)}"


def _estimate_of(found: Mapping[str, Any], key: str) -> dict[str, Any]:
    return Estimate.from_dict(found, key).to_dict()


def cohorts_section(card: Card) -> str:
    """A row for each cohort; "" without any."""
    if not card.cohorts:
        return ""
    heads = ["cohort", "part", "films", "AUC", "sensitivity", "specificity"]
    rows = [
        [row["cohort"], row["part"], f"{row['films']:,}"]
        + [_rate(rate, row[rate]) for rate in ("auc", "sensitivity", "specificity")]
        for row in card.cohorts
    ]
    return f"{_COHORTS_NOTE}\n\n{table(heads, rows)}"


def out_of_distribution_section(card: Card) -> str:
    """When an image counts as out of distribution; "" without that check."""
    check = card.out_of_distribution
    if check is None:
        return ""
    measured = f", of {check.measured_on}" if check.measured_on else ""
    return (
        "An image is referred, whatever its probability, if its features (scaled to length 1) are "
        f"further than {check.limit:.3f} from the subspace spanned by the features of training "
        f"films. The limit is 15 % above the 99th percentile of the distances{measured}."
    )


def orientation_section(check: CheckFacts | None) -> str:
    """What the orientation check found on held-out films; "" without that check."""
    if check is None:
        return ""
    note = (
        "A film that appears to lie on its side, upside down or as a negative is referred, with "
        "advice. On films held out from fitting this check, in views that keep the lungs:"
    )
    rows = [
        [orientation, f"{found['films']:,}", f"{found['found']:,}"]
        for orientation, found in check.referred.items()
    ]
    return f"{note}\n\n{table(['orientation', 'films', 'detected as not upright'], rows)}"


def figures_section(card: Card) -> str:
    """The figures at home, or of the last population; "" without any."""
    if not card.figures:
        return ""
    note = "On films that the measured network was not trained on, with 95 % intervals."
    if card.populations:
        at_home = card.populations[-1]
        note = f"{capital(at_home['name'])}, with 95 % intervals; {at_home['evidence']}."
    rows = [[key_text(key), figure(key, value)] for key, value in card.figures.items()]
    return f"{note}\n\n{table(['figure', 'value'], rows)}"


def points_section(card: Card) -> str:
    """A row for each operating point, and what lies between them."""
    heads = ["point", "threshold on P(pneumonia)", "sensitivity", "specificity"]
    rows = []
    for key in POINTS:
        point: OperatingPoint = getattr(card, key)
        rates = {"sensitivity": point.sensitivity, "specificity": point.specificity}
        shown = ["–" if value is None else figure(rate, value) for rate, value in rates.items()]
        rows.append([key_text(key), f"{point.threshold:.4f}", *shown])
    where = card.points_fitted_on or "grouped validation films of the training data"
    return (
        "Below the screening point: no sign of pneumonia. From the ruling-in point: signs of "
        "pneumonia. Between: refer. The balanced point is the single threshold of evaluations. "
        f"Fitted on: {where}.\n\n{table(heads, rows)}"
    )


def _robustness_row(row: Mapping[str, Any]) -> list[str]:
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


def _rate(label: str, rate: dict[str, Any] | None) -> str:
    return "–" if rate is None or rate["value"] is None else figure(label, rate)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _cost(row: Mapping[str, Any], cost: str) -> str:
    if row[cost] is None or (row["family"] == "none" and not row[cost]):
        return "–"
    return estimate(Estimate.from_dict(row, cost), digits=1, signed=True)
