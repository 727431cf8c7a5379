"""The parts of a bundle's card as typed fields, and how they are read from its JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.card.form import is_number
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.metrics.intervals import Estimate
from pneumo_core.metrics.recalibration import Recalibration

if TYPE_CHECKING:
    from collections.abc import Mapping

Figure = Estimate | float | None


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
class ParentFacts:
    """A model that this one was fitted from: its name, version, and digest (hex) then."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class FittedTo:
    """The films of a hospital that calibration and operating points were fitted to, counted.

    site: how the hospital is called; months: first and last as "2024-03", () where not known;
    patients: None where the films do not say whose they are; ages: first year and the one after the
    last, () where not known; aims: as `metrics.operating_points`
    holds them; before, after: figures of the parent and of this model on these films, each film
    with a fit that had not seen its patient; trained_on: how many of them trained the network.
    """

    site: str
    films: int
    normal: int
    pneumonia: int
    patients: int | None
    trained_on: int
    ages: tuple[int, ...]
    months: tuple[str, ...]
    aims: Mapping[str, float]
    before: Mapping[str, Any]
    after: Mapping[str, Any]

    @property
    def gains(self) -> bool:
        """Whether any answer got better: more normal films cleared, fewer called pneumonia, fewer
        films with pneumonia cleared. True where the card does not say.
        """
        found = (("normal cleared", 1), ("normal called", -1), ("pneumonia cleared", -1))
        changes = []
        for name, sign in found:
            shares = [one.get("answers", {}).get(name) for one in (self.before, self.after)]
            if not all(isinstance(share, dict) and "value" in share for share in shares):
                return True
            changes.append(sign * (shares[1]["value"] - shares[0]["value"]))
        return any(change > 0 for change in changes)


NO_GAIN = (
    "On these films the fit improves nothing: it neither clears more normal films, nor calls fewer "
    "of them pneumonia, nor clears fewer pneumonia films. Keep the model as it was, or label "
    "more films."
)


@dataclass(frozen=True)
class DataFacts:
    """The films, counted; None where the card does not say. `source` is None for Kermany 2018.

    The validation films are those that the figures are of: all `held_out_films`, unless the run
    was stopped by hand. `second_source` are the films of another hospital that the upper layers
    and the operating points were fitted on as well, "" without any.
    """

    source: str | None
    second_source: str
    films: int | None
    synthetic_films: int | None
    patients: int | None
    normal: int | None
    bacterial: int | None
    viral: int | None
    held_out_films: int | None
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
    `second_step` is the day on which a trained network was trained on with another source.
    """

    preset: str
    machine: str
    finished: str
    second_step: str
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


def part_of(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object of the card; {} without it."""
    part = document.get(key)
    return part if isinstance(part, dict) else {}


def text_of(part: Mapping[str, Any], key: str) -> str:
    """A text of a part; "" without it."""
    value = part.get(key)
    return "" if value is None else str(value)


def number_of(part: Mapping[str, Any], key: str) -> float | None:
    """A finite number of a part; None without it."""
    value = part.get(key)
    return float(value) if is_number(value) else None  # type: ignore[arg-type]


def count_of(part: Mapping[str, Any], key: str) -> int | None:
    """A count of a part; None without it."""
    value = part.get(key)
    return value if type(value) is int and 0 <= value < 10**9 else None


def flag_of(part: Mapping[str, Any], key: str) -> bool | None:
    """True or false of a part; None without it."""
    value = part.get(key)
    return value if isinstance(value, bool) else None


def figure_of(value: Any) -> Figure:
    """A figure of a card: an estimate, a number, or None."""
    if not isinstance(value, dict):
        return value if is_number(value) else None
    ends = (number_of(value, key) for key in Estimate._fields)
    return Estimate(*(math.nan if end is None else end for end in ends))


def temperature_scaling(part: Mapping[str, Any]) -> TemperatureScaling:
    """The part "calibration"."""
    return TemperatureScaling(
        temperature=number_of(part, "temperature") or math.nan,
        fitted_on=text_of(part, "fitted_on"),
        ece_before=number_of(part, "ece_before"),
        ece_after=number_of(part, "ece_after"),
    )


def lung_frame(part: Mapping[str, Any]) -> LungFrame | None:
    """The frame of the part "input"; None for the whole film."""
    if not part:
        return None
    return LungFrame(**{field.name: float(part[field.name]) for field in fields(LungFrame)})


def operating_point(part: Mapping[str, Any]) -> OperatingPoint:
    """One point of the part "operating_points"."""
    threshold = number_of(part, "threshold")
    return OperatingPoint(
        threshold=math.nan if threshold is None else threshold,
        sensitivity=figure_of(part.get("sensitivity")),
        specificity=figure_of(part.get("specificity")),
    )


def data_facts(part: Mapping[str, Any]) -> DataFacts:
    """The part "data"."""
    return DataFacts(
        source=text_of(part, "source") if "source" in part else None,
        second_source=text_of(part, "second_source"),
        films=count_of(part, "films"),
        synthetic_films=count_of(part, "drawn_films"),
        patients=count_of(part, "groups"),
        normal=count_of(part, "normal"),
        bacterial=count_of(part, "bacterial"),
        viral=count_of(part, "viral"),
        held_out_films=count_of(part, "held_out_films"),
        validation_films=count_of(part, "validation_films"),
        validation_normal=count_of(part, "validation_normal"),
        validation_patients=count_of(part, "validation_groups"),
    )


def recalibration_of(part: Mapping[str, Any]) -> Recalibration | None:
    """The part "recalibration"; None without it."""
    return Recalibration.from_dict(part) if part else None


def fitted_to_of(part: Mapping[str, Any]) -> FittedTo | None:
    """The part "fitted_to"; None without it."""
    if not part:
        return None
    counted = ("films", "normal", "pneumonia")
    films, normal, pneumonia = (count_of(part, key) or 0 for key in counted)
    return FittedTo(
        site=text_of(part, "site"),
        films=films,
        normal=normal,
        pneumonia=pneumonia,
        patients=count_of(part, "patients"),
        trained_on=count_of(part, "trained_on") or 0,
        ages=tuple(part.get("ages", ())),
        months=tuple(part.get("months", ())),
        aims=part_of(part, "aims"),
        before=part_of(part, "before"),
        after=part_of(part, "after"),
    )


def network_facts(part: Mapping[str, Any]) -> NetworkFacts:
    """The part "network"."""
    return NetworkFacts(
        backbone=text_of(part, "backbone"),
        weights=text_of(part, "weights"),
        weights_licence=text_of(part, "weights_licence"),
        parameters=count_of(part, "parameters"),
    )


def training_facts(part: Mapping[str, Any]) -> TrainingFacts:
    """The part "training"."""
    plan = part.get("counterweight")
    return TrainingFacts(
        preset=text_of(part, "preset"),
        machine=text_of(part, "machine"),
        finished=text_of(part, "finished"),
        second_step=text_of(part, "second_step"),
        seconds=number_of(part, "seconds"),
        folds=count_of(part, "folds"),
        measured_folds=count_of(part, "measured_folds"),
        augment=flag_of(part, "augment"),
        class_weights=flag_of(part, "class_weights"),
        framing_weights=number_of(part, "framing_weights"),
        framing_bias=plan if isinstance(plan, dict) else None,
    )


def agreement_of(part: Mapping[str, Any]) -> Agreement | None:
    """The part "agreement"; None without it."""
    if not part:
        return None
    films, keras_openvino, half = (
        number_of(part, key) or 0.0 for key in ("films", "keras_openvino", "half_precision")
    )
    return Agreement(int(films), keras_openvino, half)


def check_facts(part: Mapping[str, Any]) -> CheckFacts | None:
    """The part of a feature check; None without its limit."""
    limit = number_of(part, "limit")
    if limit is None:
        return None
    return CheckFacts(limit, text_of(part, "measured_on"), part_of(part, "referred"))
