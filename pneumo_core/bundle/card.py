"""The card of a bundle, `card.json`: checked against `card.schema.json`, then typed fields.

The schema lists every part and its form; two rules it cannot express are checked here: the ends of
an interval are in order ("ordered"), and the thresholds rise. Text and tables may be
untrusted, so lengths, ranges and printable characters are limited.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, fields
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.integrity import REMEDY
from pneumo_core.errors import BundleError
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.metrics.intervals import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Figure = Estimate | float | None
FORMAT = 1
POINTS = ("screening", "balanced", "ruling_in")
_SCHEMA = Path(__file__).with_name("card.schema.json")
_ROUNDING = 1e-9


@dataclass(frozen=True)
class OperatingPoints:
    """Thresholds on P(pneumonia), 0..1, screening <= balanced <= ruling_in.

    Below `screening`: no sign of pneumonia; at or above `ruling_in`: signs of pneumonia; between
    the two the model refers. `balanced` is the single threshold of evaluations.
    """

    screening: float
    balanced: float
    ruling_in: float


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on P(pneumonia) and the rates measured there on validation."""

    threshold: float
    sensitivity: Figure
    specificity: Figure


@dataclass(frozen=True)
class TemperatureScaling:
    """`temperature` divides the logits before the softmax (Guo et al. 2017, arXiv 1706.04599)."""

    temperature: float
    fitted_on: str
    ece_before: float | None
    ece_after: float | None


@dataclass(frozen=True)
class DataFacts:
    """The films, counted; None where the card does not say. `source` is None for Kermany 2018.

    `second_source` are the films of another hospital that the head and the operating points were
    fitted on as well, "" without any.
    """

    source: str | None
    second_source: str
    films: int | None
    synthetic_films: int | None
    patients: int | None
    normal: int | None
    bacterial: int | None
    viral: int | None
    validation_films: int | None
    validation_normal: int | None
    validation_patients: int | None


@dataclass(frozen=True)
class NetworkFacts:
    """Backbone and initial weights; "" or None where the card does not say."""

    backbone: str
    weights: str
    weights_licence: str
    parameters: int | None


@dataclass(frozen=True)
class TrainingFacts:
    """How the network was trained; "" or None where the card does not say.

    `framing_bias` is the plan against the framing shortcut, None where there was none.
    """

    preset: str
    machine: str
    finished: str
    seconds: float | None
    folds: int | None
    measured_folds: int | None
    augment: bool | None
    class_weights: bool | None
    framing_weights: float | None
    framing_bias: Mapping[str, Any] | None


@dataclass(frozen=True)
class Agreement:
    """Largest differences in probability between the forms of the network, on `films` images."""

    films: int
    keras_openvino: float
    half_precision: float


@dataclass(frozen=True)
class CheckFacts:
    """The limit of a feature check and how it was fitted; `referred` for orientation alone."""

    limit: float
    measured_on: str
    referred: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Card:
    """What a model is and how to use it. `document` is the JSON object, unknown keys included.

    `stress` is the robustness table as `evaluation.robustness` makes it, `cohorts` its rows by
    cohort; `figures` are of validation, by their labels, in the order to show them. `frame` is how
    the network sees a film, None for the whole of it. `populations`: figures of each group of
    people at the operating points, the one furthest from the training films first.
    `left_out_sources`: the same of each training source, by a network trained without it.
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

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Card:
        """The card of a JSON object that `check_card` lets pass.

        What an incomplete object lacks is "", None or NaN, as the fields allow.
        """
        points = _part(document, "operating_points")
        versions = _part(document, "versions")
        return cls(
            document=document,
            name=_text(document, "name"),
            version=_text(document, "version"),
            title=_text(document, "title"),
            summary=_text(document, "summary"),
            classes=tuple(document.get("classes", ())),
            size=int(_part(document, "input").get("size", 0)),
            frame=_frame(_part(_part(document, "input"), "frame")),
            calibration=_calibration(_part(document, "calibration")),
            screening=_point(_part(points, "screening")),
            balanced=_point(_part(points, "balanced")),
            ruling_in=_point(_part(points, "ruling_in")),
            points_fitted_on=_text(points, "fitted_on"),
            figures={key: _figure(value) for key, value in _part(document, "figures").items()},
            data=_data(_part(document, "data")),
            network=_network(_part(document, "network")),
            training=_training(_part(document, "training")),
            limitations=tuple(document.get("limitations", ())),
            versions={package: str(version) for package, version in versions.items()},
            agreement=_agreement(_part(document, "agreement")),
            out_of_distribution=_check_facts(_part(document, "familiarity")),
            orientation=_check_facts(_part(document, "orientation")),
            stress=document.get("stress"),
            cohorts=tuple(document.get("cohorts", ())),
            populations=tuple(document.get("populations", ())),
            left_out_sources=tuple(document.get("left_out_sources", ())),
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
        raise _wrong(name, "an object", "the file", document)
    if document.get("format") != FORMAT:
        raise BundleError(
            f"Model {name}: expected card format {FORMAT}, got {document.get('format')!r}. "
            "Use the version of Pneumo that made it, or train it again."
        )
    check_schema(document, _SCHEMA, name)
    points = [document["operating_points"][point]["threshold"] for point in POINTS]
    if not _in_order(points):
        raise _wrong(name, "screening <= balanced <= ruling_in", "operating_points", points)


def check_schema(document: object, schema: Path, name: str) -> None:
    """Raise BundleError unless the card `document` has the form of the JSON schema at `schema`."""
    for error in _validator(schema).iter_errors(document):
        raise _from_schema(error, name)


def is_number(value: object) -> bool:
    """A finite number; compared, not converted, since JSON has whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


@cache
def _validator(path: Path) -> Any:
    """The schema with finite numbers, "printable" text and the keyword "ordered"."""
    from jsonschema import Draft202012Validator, FormatChecker, validators

    formats = FormatChecker(formats=())
    formats.checks("printable")(lambda text: not isinstance(text, str) or text.isprintable())
    types = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: is_number(value),
            "integer": lambda _, value: is_number(value) and value == int(value),
        }
    )
    strict = validators.extend(Draft202012Validator, {"ordered": _ordered}, type_checker=types)
    schema = json.loads(path.read_text("utf-8"))
    return strict(_inlined(schema, schema["$defs"]), format_checker=formats)


def _inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """The schema with each "$ref" replaced by what it names: half the time of a check."""
    if isinstance(schema, list):
        return [_inlined(one, definitions) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {key: _inlined(one, definitions) for key, one in schema.items() if key != "$defs"}


def _ordered(
    _: Any, groups: list[list[str]], instance: Any, __: dict[str, Any]
) -> Iterator[Exception]:
    """The keyword "ordered": the numbers of each group do not fall, or all are null."""
    from jsonschema import ValidationError

    for keys in groups if isinstance(instance, dict) else ():
        values = [instance.get(key) for key in keys]
        known = [is_number(value) for value in values]
        if any(known) and not (all(known) and _in_order(values)):
            yield ValidationError(f"an interval around {keys[1]}", validator="ordered")


def _in_order(values: list[Any]) -> bool:
    """Numbers that do not fall, but for a rounding error."""
    return all(b - a >= -_ROUNDING for a, b in pairwise(values))


def _from_schema(error: Any, name: str) -> BundleError:
    where, expected, got = error.json_path.removeprefix("$."), "", error.instance
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        where, got = f"{where}.{missing}".removeprefix("$."), None
        expected = "a value"
    elif error.validator == "ordered":
        expected = error.message
    else:
        expected = error.schema.get("description", error.message)
    return _wrong(name, expected, where, got)


def _wrong(name: str, expected: str, where: str, got: object) -> BundleError:
    return BundleError(
        f"Model {name}: expected {expected} in {where} in its card, got {str(got)[:80]!r}. {REMEDY}"
    )


def _part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = document.get(key)
    return part if isinstance(part, dict) else {}


def _text(part: Mapping[str, Any], key: str) -> str:
    value = part.get(key)
    return "" if value is None else str(value)


def _number(part: Mapping[str, Any], key: str) -> float | None:
    value = part.get(key)
    return float(value) if is_number(value) else None  # type: ignore[arg-type]


def _count(part: Mapping[str, Any], key: str) -> int | None:
    value = part.get(key)
    return value if type(value) is int and 0 <= value < 10**9 else None


def _flag(part: Mapping[str, Any], key: str) -> bool | None:
    value = part.get(key)
    return value if isinstance(value, bool) else None


def _figure(value: Any) -> Figure:
    if not isinstance(value, dict):
        return value if is_number(value) else None
    ends = (_number(value, key) for key in Estimate._fields)
    return Estimate(*(math.nan if end is None else end for end in ends))


def _calibration(part: Mapping[str, Any]) -> TemperatureScaling:
    return TemperatureScaling(
        temperature=_number(part, "temperature") or math.nan,
        fitted_on=_text(part, "fitted_on"),
        ece_before=_number(part, "ece_before"),
        ece_after=_number(part, "ece_after"),
    )


def _frame(part: Mapping[str, Any]) -> LungFrame | None:
    if not part:
        return None
    return LungFrame(**{field.name: float(part[field.name]) for field in fields(LungFrame)})


def _point(part: Mapping[str, Any]) -> OperatingPoint:
    threshold = _number(part, "threshold")
    return OperatingPoint(
        threshold=math.nan if threshold is None else threshold,
        sensitivity=_figure(part.get("sensitivity")),
        specificity=_figure(part.get("specificity")),
    )


def _data(part: Mapping[str, Any]) -> DataFacts:
    return DataFacts(
        source=_text(part, "source") if "source" in part else None,
        second_source=_text(part, "second_source"),
        films=_count(part, "films"),
        synthetic_films=_count(part, "drawn_films"),
        patients=_count(part, "groups"),
        normal=_count(part, "normal"),
        bacterial=_count(part, "bacterial"),
        viral=_count(part, "viral"),
        validation_films=_count(part, "validation_films"),
        validation_normal=_count(part, "validation_normal"),
        validation_patients=_count(part, "validation_groups"),
    )


def _network(part: Mapping[str, Any]) -> NetworkFacts:
    return NetworkFacts(
        backbone=_text(part, "backbone"),
        weights=_text(part, "weights"),
        weights_licence=_text(part, "weights_licence"),
        parameters=_count(part, "parameters"),
    )


def _training(part: Mapping[str, Any]) -> TrainingFacts:
    plan = part.get("counterweight")
    return TrainingFacts(
        preset=_text(part, "preset"),
        machine=_text(part, "machine"),
        finished=_text(part, "finished"),
        seconds=_number(part, "seconds"),
        folds=_count(part, "folds"),
        measured_folds=_count(part, "measured_folds"),
        augment=_flag(part, "augment"),
        class_weights=_flag(part, "class_weights"),
        framing_weights=_number(part, "framing_weights"),
        framing_bias=plan if isinstance(plan, dict) else None,
    )


def _agreement(part: Mapping[str, Any]) -> Agreement | None:
    if not part:
        return None
    films, keras_openvino, half = (
        _number(part, key) or 0.0 for key in ("films", "keras_openvino", "half_precision")
    )
    return Agreement(int(films), keras_openvino, half)


def _check_facts(part: Mapping[str, Any]) -> CheckFacts | None:
    limit = _number(part, "limit")
    if limit is None:
        return None
    return CheckFacts(limit, _text(part, "measured_on"), _part(part, "referred"))
