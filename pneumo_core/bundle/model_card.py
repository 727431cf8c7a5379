"""The model card a person reads, in Markdown, generated from `card.json`.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card import POINTS
from pneumo_core.bundle.provenance import (
    disclaimer_of,
    fitted_words,
    made_from_published,
    synthetic_share,
)
from pneumo_core.bundle.reliability import judge
from pneumo_core.formatting import (
    breakable,
    bullets,
    estimate,
    facts,
    figure,
    key_text,
    table,
    value_text,
)
from pneumo_core.metrics import Estimate
from pneumo_core.metrics.operating_points import Aims

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.bundle.card import Card
    from pneumo_core.bundle.card.parts import CheckFacts, OperatingPoint

__all__ = ["figure", "readme"]

_WARNING = """\
Use it only to try the program and for teaching; draw no conclusion about a film from its
answers."""

_INTENDED = """\
Research and teaching on frontal chest radiographs{of_whom}: what a network detects, how certain it
is, which regions it used, and when it should not answer."""

_SYNTHETIC_ONLY = """\
Trying the program. The model was trained on synthetic films: its answer on a child's film means
nothing."""

_POPULATION = """\
Population: children of 1–5 years, antero-posterior films, one hospital (Guangzhou Women and
Children's Medical Center)."""

_OUT_OF_SCOPE = """\
- diagnosis, triage or treatment of any person; it is not a medical device
- {others}, lateral films, CT, ultrasound, photographs of films
- distinguishing bacterial from viral pneumonia: a chest film cannot do so reliably (PMC5922330);
  the subtype is exploratory
- any finding other than pneumonia: a film without signs of pneumonia may show another disease"""

_SOURCE = """\
Kermany, Zhang, Goldbaum (2018), *Labeled Optical Coherence Tomography (OCT) and Chest X-Ray
Images for Classification*, Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0; described in
Kermany et al., Cell 2018, doi 10.1016/j.cell.2018.02.010. No film is part of this bundle."""

_LIMITATIONS = """\
- One hospital, one age group; labels by two physicians, without a reference test.
- Age, sex and device are not in the data: performance in such subgroups is unknown.
- 74 % of the training films show pneumonia; predictive values apply to a clinic only at its own
  prevalence.
- A heat map shows which regions the model used, not where the lesion is (Saporta et al. 2022, doi
  10.1038/s42256-022-00536-x)."""

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

_FRAMING = """\
Framing: normal training films show the whole trunk with margins, pneumonia films are cropped
  tighter; aspect ratio alone separates them with AUC 0.88. The film is resized ignoring its
  aspect ratio"""
_FILES = """\
File size and JPEG quality separate the classes in the training data (AUC 0.999), but not in the
  test data. The network sees pixels of one size only."""
_EXPECTED = """\
Such shortcuts make models call unseen normal films pneumonia: expect specificity to fall on films
  from elsewhere more than sensitivity does."""
_MEASURED = """\
How far this model relies on such shortcuts is measured: see Robustness for the cost of each
  perturbation and for films without lungs"""
_BY_COHORT = ", and Cohorts for films whose border suggests the wrong class"


def readme(card: Card) -> str:
    """The model card as Markdown; parts that the card does not have are left out."""
    published, disclaimer = made_from_published(card), disclaimer_of(card)
    sections = [
        f"# {card.title or f'{card.name} {card.version}'}",
        f"> {disclaimer}",
        card.summary,
        _section("Do not rely on this model", _reliability(card)),
        _section("Intended use", _intended(card, published=published)),
        _section("Out of scope", _out_of_scope(card, published=published)),
        _section("Fitted to a hospital", fitted_section(card)),
        _section(_where(card), populations_section(card)),
        _section("Figures", _figures(card)),
        _section("Each source by a network that never saw it", _rows_of(card.left_out_sources)),
        _section("Operating points", _points(card)),
        _section("Robustness", robustness_section(card)),
        _section("Cohorts", cohorts_section(card)),
        _section("Out-of-distribution images", out_of_distribution_section(card)),
        _section("Orientation", orientation_section(card.orientation)),
        _section("Training data", _training_data(card)),
        _section("Network", _network(card)),
        _section("Training", _training(card)),
        _section("Limitations", _limitations(card, published=published)),
        _section("Known shortcuts", shortcuts_section(card, published=published)),
        _section("Numerical agreement", _agreement(card)),
        _section("Versions", facts(dict(card.versions))),
        f"{disclaimer}\n\n*Generated from `card.json`.*",
    ]
    return breakable("\n\n".join(section for section in sections if section) + "\n")


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
    return _rows_of(card.populations)


def _rows_of(populations: Sequence[Mapping[str, Any]]) -> str:
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


def _where(card: Card) -> str:
    fitted = card.fitted_to
    return "Away from home, then at home" if fitted is None else f"At {fitted.site}"


def input_words(card: Card) -> str:
    """What the network is given of a film."""
    film = f"one grey-level film at {card.size}×{card.size} pixels"
    if card.frame is None:
        return f"{film}, aspect ratio ignored"
    return (
        f"{film}, in a frame {100 * card.frame.towards:.0f} % of the way from the whole film to "
        f"the box round both lungs, blurred by {card.frame.softness:g} pixels"
    )


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


def shortcuts_section(card: Card, *, published: bool) -> str:
    """Features of the data that reveal the class without being disease, and what was done.

    Where the robustness table measures them, nothing is predicted. `published`: the films are
    those of the published data set.
    """
    measured = f"{_MEASURED}{_BY_COHORT * bool(card.cohorts)}." if card.stress_rows else ""
    against = _countermeasures(card)
    if not published:
        lines = [f"Unknown: audit the data.{against}", measured]
    else:
        lines = [f"{_FRAMING}.{against}", _FILES, measured or _EXPECTED]
    return bullets([line for line in lines if line])


def _countermeasures(card: Card) -> str:
    """What training did against shortcuts; "" where the card does not describe the training."""
    training = card.training
    if not card.document.get("training"):
        return ""
    if training.augment is False:
        return " Training took no measure against it."
    if training.framing_bias is None:
        return " Training films were cropped, stretched and rotated at random, all classes alike."
    done = [
        (
            "Training films were cropped, stretched and rotated at random, and their edges "
            "covered, also obliquely"
        )
    ]
    if _positive(training.framing_bias, "framing"):
        done.append("some normal films were cropped in height and some pneumonia films in width")
    if _positive(training.framing_bias, "blank_lungs"):
        share = f"{100 * training.framing_bias['blank_lungs']:.0f} %"
        done.append(f"the lungs were painted over in {share} of the films, without a class")
    if training.framing_weights and training.framing_weights > 0:
        done.append(
            "films whose border reveals the class weighed less than those whose border suggests "
            "the wrong one (inverse propensity)"
        )
    return f" {'; '.join(done)}."


def _section(heading: str, body: str) -> str:
    return f"## {heading}\n\n{body}" if body else ""


def _reliability(card: Card) -> str:
    reasons = judge(card).reasons
    return f"{_WARNING}\n\n{bullets([reason.words for reason in reasons])}" if reasons else ""


def _intended(card: Card, *, published: bool) -> str:
    if synthetic_share(card) == 1.0:
        return _SYNTHETIC_ONLY
    words = _INTENDED.format(of_whom=" of children" * published)
    second, fitted = card.data.second_source, fitted_words(card)
    also = f" Last layer and thresholds: also {second}." if second else ""
    also += f" Calibration and thresholds {fitted}." if fitted else ""
    return f"{words} {_POPULATION}{also}" if published else f"{words}{also}"


def _out_of_scope(card: Card, *, published: bool) -> str:
    others = "adults, infants under one year" if published else "people unlike those in its data"
    if published and card.data.second_source:
        others = "people of ages that its data lack: infants under one year, children from six"
    if card.fitted_to is not None:
        others = f"people and devices unlike those of {card.fitted_to.site}"
    return _OUT_OF_SCOPE.format(others=others)


def _limitations(card: Card, *, published: bool) -> str:
    known = [_LIMITATIONS] if published else []
    return "\n".join([*known, *(f"- {line}" for line in card.limitations)])


def _figures(card: Card) -> str:
    if not card.figures:
        return ""
    note = "On films that the measured network was not trained on, with 95 % intervals."
    if card.populations:
        at_home = card.populations[-1]
        note = f"{_capital(at_home['name'])}, with 95 % intervals; {at_home['evidence']}."
    rows = [[key_text(key), figure(key, value)] for key, value in card.figures.items()]
    return f"{note}\n\n{table(['figure', 'value'], rows)}"


def _points(card: Card) -> str:
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


def _training_data(card: Card) -> str:
    named = {"drawn_films": "synthetic films"}
    counted = {
        named.get(key, key): value
        for key, value in card.document.get("data", {}).items()
        if key != "source"
    }
    source = _SOURCE if card.data.source is None else card.data.source
    return f"{source}\n\n{facts(counted)}".strip()


def _network(card: Card) -> str:
    lines = [
        f"input: {input_words(card)}",
        f"output: {', '.join(card.classes)}; P(pneumonia) = 1 − P(normal)",
        f"calibration: {value_text(card.document.get('calibration', {}))}",
    ]
    parts = [facts(card.document.get("network", {})), bullets(lines)]
    return "\n".join(part for part in parts if part)


def _training(card: Card) -> str:
    named = {"seconds": "seconds of training, without writing the bundle"}
    training = card.document.get("training", {})
    return facts({named.get(key, key): value for key, value in training.items()})


def _agreement(card: Card) -> str:
    if card.agreement is None:
        return ""
    return (
        f"Largest difference in probability on {card.agreement.films} generated images: "
        f"{card.agreement.keras_openvino:.1g} between Keras and OpenVINO, "
        f"{card.agreement.half_precision:.1g} between the weights as stored and as trained."
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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _positive(plan: Mapping[str, Any], key: str) -> bool:
    value = plan.get(key)
    return isinstance(value, int | float) and value > 0
