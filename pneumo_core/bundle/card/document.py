"""The card of a bundle, `card.json`: checked against `card.schema.json`, then typed fields.

The schema lists every part and its form; two rules it cannot express are checked here: the ends of
an interval are in order ("ordered"), and the thresholds rise. Text and tables may be
untrusted, so lengths, ranges and printable characters are limited.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card.form import check_schema, in_order, is_number, wrong
from pneumo_core.bundle.card.parts import (
    Agreement,
    CheckFacts,
    DataFacts,
    Figure,
    FittedTo,
    NetworkFacts,
    OperatingPoint,
    OperatingPoints,
    ParentFacts,
    TemperatureScaling,
    TrainingFacts,
    agreement_of,
    check_facts,
    data_facts,
    figure_of,
    fitted_to_of,
    lung_frame,
    network_facts,
    operating_point,
    part_of,
    recalibration_of,
    temperature_scaling,
    text_of,
    training_facts,
)
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.imaging.lung_frame import LungFrame
    from pneumo_core.metrics.recalibration import Recalibration

FORMAT = 1
FITTED_FORMAT = 2  # with a recalibration: an older Pneumo, which would ignore it, refuses the card
POINTS = ("screening", "balanced", "ruling_in")
_SCHEMA = Path(__file__).with_name("card.schema.json")


@dataclass(frozen=True)
class Card:
    """What a model is and how to use it. `document` is the JSON object, unknown keys included.

    `stress` is the robustness table as `evaluation.robustness` makes it, `cohorts` its rows by
    cohort; `figures` are of validation, by their labels, in the order to show them. `frame` is how
    the network sees a film, None for the whole of it. `populations`: figures of each group of
    people at the operating points, the one furthest from the training films first.
    `left_out_sources`: the same of each training source, by a network trained without it. A model
    fitted to a hospital has `recalibration`, `fitted_to`, and in `lineage` its ancestors, the
    parent last.
    """

    document: Mapping[str, Any]
    name: str
    version: str
    title: str
    summary: str
    classes: tuple[str, ...]
    size: int
    frame: LungFrame | None
    calibration: TemperatureScaling
    screening: OperatingPoint
    balanced: OperatingPoint
    ruling_in: OperatingPoint
    points_fitted_on: str
    figures: Mapping[str, Figure]
    data: DataFacts
    network: NetworkFacts
    training: TrainingFacts
    limitations: tuple[str, ...]
    versions: Mapping[str, str]
    agreement: Agreement | None
    out_of_distribution: CheckFacts | None
    orientation: CheckFacts | None
    stress: Mapping[str, Any] | None
    cohorts: tuple[Mapping[str, Any], ...]
    populations: tuple[Mapping[str, Any], ...]
    left_out_sources: tuple[Mapping[str, Any], ...]
    recalibration: Recalibration | None
    fitted_to: FittedTo | None
    lineage: tuple[ParentFacts, ...]

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Card:
        """The card of a JSON object that `check_card` lets pass.

        What an incomplete object lacks is "", None or NaN, as the fields allow.
        """
        points = part_of(document, "operating_points")
        versions = part_of(document, "versions")
        return cls(
            document=document,
            name=text_of(document, "name"),
            version=text_of(document, "version"),
            title=text_of(document, "title"),
            summary=text_of(document, "summary"),
            classes=tuple(document.get("classes", ())),
            size=int(part_of(document, "input").get("size", 0)),
            frame=lung_frame(part_of(part_of(document, "input"), "frame")),
            calibration=temperature_scaling(part_of(document, "calibration")),
            screening=operating_point(part_of(points, "screening")),
            balanced=operating_point(part_of(points, "balanced")),
            ruling_in=operating_point(part_of(points, "ruling_in")),
            points_fitted_on=text_of(points, "fitted_on"),
            figures={key: figure_of(value) for key, value in part_of(document, "figures").items()},
            data=data_facts(part_of(document, "data")),
            network=network_facts(part_of(document, "network")),
            training=training_facts(part_of(document, "training")),
            limitations=tuple(document.get("limitations", ())),
            versions={package: str(version) for package, version in versions.items()},
            agreement=agreement_of(part_of(document, "agreement")),
            out_of_distribution=check_facts(part_of(document, "familiarity")),
            orientation=check_facts(part_of(document, "orientation")),
            stress=document.get("stress"),
            cohorts=tuple(document.get("cohorts", ())),
            populations=tuple(document.get("populations", ())),
            left_out_sources=tuple(document.get("left_out_sources", ())),
            recalibration=recalibration_of(part_of(document, "recalibration")),
            fitted_to=fitted_to_of(part_of(document, "fitted_to")),
            lineage=tuple(
                ParentFacts(*(text_of(one, key) for key in ("name", "version", "digest")))
                for one in document.get("lineage", ())
            ),
        )

    def with_parts(self, **parts: Any) -> Card:
        """The card with `parts` of its document replaced; not checked."""
        return Card.from_document({**self.document, **parts})

    def figure(self, label: str) -> Figure:
        """The validation figure of that label in small letters ("auc"); None without it."""
        return {key.lower(): value for key, value in self.figures.items()}.get(label)

    @property
    def points(self) -> OperatingPoints:
        """The thresholds of the three operating points."""
        found = (self.screening, self.balanced, self.ruling_in)
        return OperatingPoints(*(point.threshold for point in found))

    @property
    def stress_rows(self) -> list[dict[str, Any]]:
        """The rows of the robustness table, one a perturbation; [] where it was not measured."""
        return list((self.stress or {}).get("rows", ()))


def parse_card(document: object, name: str) -> Card:
    """The card of the bundle `name`, checked. Raises BundleError as `check_card` does."""
    check_card(document, name)
    return Card.from_document(document)  # type: ignore[arg-type]


def check_card(document: object, name: str) -> None:
    """Raise BundleError unless `document` is a card of the form in `card.schema.json`.

    The error names the part, what was expected there and what arrived.
    """
    if not isinstance(document, dict):
        raise wrong(name, "an object", "the file", document)
    expected = FITTED_FORMAT if "recalibration" in document else FORMAT
    if document.get("format") != expected:
        raise BundleError(
            f"Model {name}: expected card format {expected}, got {document.get('format')!r}. "
            "Use the version of Pneumo that made it, or train it again."
        )
    check_schema(document, _SCHEMA, name)
    points = [document["operating_points"][point]["threshold"] for point in POINTS]
    if not in_order(points):
        raise wrong(name, "screening <= balanced <= ruling_in", "operating_points", points)
    fitted = document.get("fitted_to")
    if fitted is not None and not all(
        is_number(fitted[key].get("ece")) for key in ("before", "after")
    ):
        raise wrong(name, "the figures of `evaluate`", "fitted_to.before and after", fitted)
    knots = document.get("recalibration", {}).get("knots", ())
    if not all(in_order(list(column)) for column in zip(*knots, strict=True)):
        raise wrong(name, "knots that do not fall", "recalibration.knots", knots)
