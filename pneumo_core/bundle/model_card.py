"""The model card a person reads, in Markdown, generated from `card.json`.

Sections follow Mitchell et al. 2019, "Model Cards for Model Reporting" (arXiv 1810.03993).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card_measurements import (
    cohorts_section,
    figures_section,
    fitted_section,
    orientation_section,
    out_of_distribution_section,
    points_section,
    populations_section,
    robustness_section,
    rows_of_populations,
)
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
    facts,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.bundle.card import Card

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
        _section("Figures", figures_section(card)),
        _section(
            "Each source by a network that never saw it", rows_of_populations(card.left_out_sources)
        ),
        _section("Operating points", points_section(card)),
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
    also = f" Upper layers and thresholds: also {second}." if second else ""
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


def _positive(plan: Mapping[str, Any], key: str) -> bool:
    value = plan.get(key)
    return isinstance(value, int | float) and value > 0
