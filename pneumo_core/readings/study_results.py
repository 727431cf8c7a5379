"""The results of a reader study: readers against labels, beside the model, and with its help."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from pneumo_core.errors import ReadingLogError
from pneumo_core.formatting import finite
from pneumo_core.metrics import (
    Confusion,
    Estimate,
    McNemar,
    RocCurve,
    auc_delong,
    mcnemar,
    roc_curve,
)
from pneumo_core.metrics.intervals import UNKNOWN, measured_share
from pneumo_core.readings.schema import LONGEST_NAME
from pneumo_core.storage import utc_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Call = Literal["normal", "pneumonia"]
CALLS: tuple[Call, ...] = get_args(Call)
StudyPhase = Literal["before", "after"]
STUDY_PHASES: tuple[StudyPhase, ...] = get_args(StudyPhase)


@dataclass(frozen=True)
class StudyFilm:
    """A film of the study: its path below the study's data folder, its label, the model's answer.

    p_pneumonia: 0..1, None where the model gave no number; decision: "" then; message: the answer
    in words, shown to the reader after the first answer.
    """

    film: str
    sha256: str
    label: Call
    p_pneumonia: float | None
    decision: str
    message: str


@dataclass(frozen=True)
class Answer:
    """A reader's answer to one film: before (blinded) or after the model's answer was shown.

    confidence: 1 (guess) to 5 (certain), or None. Raises ReadingLogError.
    """

    reader: str
    film: str
    phase: StudyPhase
    finding: Call
    confidence: int | None = None
    at: str = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("phase", self.phase, STUDY_PHASES),
            ("finding", self.finding, CALLS),
            ("confidence", self.confidence, (None, 1, 2, 3, 4, 5)),
        ):
            if value not in allowed:
                words = ", ".join(str(one) for one in allowed if one is not None)
                raise ReadingLogError(f"Expected one of {words} as {name}, got {value!r}.")
        if not 0 < len(self.reader.strip()) <= LONGEST_NAME:
            raise ReadingLogError(
                f"Expected the name of a reader of 1 to {LONGEST_NAME} characters, got "
                f"{self.reader!r}."
            )


@dataclass(frozen=True)
class ReaderResult:
    """One reader in one phase: counts, sensitivity and specificity with Wilson's intervals."""

    reader: str
    phase: StudyPhase
    counts: Confusion
    sensitivity: Estimate
    specificity: Estimate


@dataclass(frozen=True)
class Change:
    """With against without the model's help, on the films of one class; McNemar, paired.

    `test.difference` is the share right with help minus that without; None without such films.
    """

    reader: str
    on: Literal["sensitivity", "specificity"]
    test: McNemar | None


@dataclass(frozen=True)
class StudyResults:
    """The study evaluated; `roc` and `auc` of the model are None where a class is missing.

    n: films; without_number: films to which the model gave no probability, not on its curve.
    """

    n: int
    n_pneumonia: int
    without_number: int
    roc: RocCurve | None
    auc: Estimate | None
    readers: tuple[ReaderResult, ...]
    changes: tuple[Change, ...]

    def to_dict(self) -> dict[str, Any]:
        """For JSON: None for what is not known; `auc` and `roc` are the model's."""
        curve = self.roc
        return {
            "n": self.n,
            "n_pneumonia": self.n_pneumonia,
            "without_number": self.without_number,
            **(self.auc or UNKNOWN).to_dict("auc"),
            "roc": None
            if curve is None
            else {
                "false_positive_rate": [round(float(x), 6) for x in curve.false_positive_rate],
                "sensitivity": [round(float(x), 6) for x in curve.sensitivity],
                "threshold": [finite(float(x)) for x in curve.thresholds],
            },
            "readers": [_result_row(one) for one in self.readers],
            "changes": [_change_row(one) for one in self.changes],
        }


def study_results(
    films: Sequence[StudyFilm], answers: Mapping[str, Sequence[Answer]]
) -> StudyResults:
    """The results of a study from its films and each reader's answers, by reader.

    Positive class: pneumonia. An answer to a film that is not in `films` does not count.
    """
    import numpy as np

    numbers = [film for film in films if film.p_pneumonia is not None]
    y = np.array([film.label == "pneumonia" for film in numbers], np.int64)
    p = np.array([film.p_pneumonia for film in numbers], np.float64)
    both = 0 < y.sum() < y.size
    labels = {film.film: film.label for film in films}
    readers: list[ReaderResult] = []
    changes: list[Change] = []
    for reader, given in answers.items():
        found = {
            phase: {a.film: a.finding for a in given if a.phase == phase and a.film in labels}
            for phase in STUDY_PHASES
        }
        readers += [
            _result(reader, phase, labels, calls) for phase, calls in found.items() if calls
        ]
        changes += _changes(reader, labels, found["before"], found["after"])
    return StudyResults(
        n=len(films),
        n_pneumonia=sum(film.label == "pneumonia" for film in films),
        without_number=len(films) - len(numbers),
        roc=roc_curve(y, p) if both else None,
        auc=auc_delong(y, p) if both else None,
        readers=tuple(readers),
        changes=tuple(changes),
    )


def _changes(
    reader: str, labels: dict[str, Call], before: dict[str, Call], after: dict[str, Call]
) -> list[Change]:
    """McNemar on the films that the reader answered in both phases; empty where there is none."""
    import numpy as np

    found: list[Change] = []
    classes: tuple[tuple[Literal["sensitivity", "specificity"], Call], ...] = (
        ("sensitivity", "pneumonia"),
        ("specificity", "normal"),
    )
    for on, label in classes:
        films = [name for name in sorted(before.keys() & after.keys()) if labels[name] == label]
        right = [np.array([calls[one] == label for one in films]) for calls in (after, before)]
        found.append(Change(reader, on, mcnemar(*right) if films else None))
    return found if any(one.test for one in found) else []


def _result(
    reader: str, phase: StudyPhase, labels: dict[str, Call], calls: dict[str, Call]
) -> ReaderResult:
    pairs = [(labels[name], call) for name, call in calls.items()]
    counts = Confusion(
        tp=pairs.count(("pneumonia", "pneumonia")),
        fp=pairs.count(("normal", "pneumonia")),
        tn=pairs.count(("normal", "normal")),
        fn=pairs.count(("pneumonia", "normal")),
    )
    return ReaderResult(
        reader,
        phase,
        counts,
        measured_share(counts.tp, counts.tp + counts.fn),
        measured_share(counts.tn, counts.tn + counts.fp),
    )


def _result_row(one: ReaderResult) -> dict[str, Any]:
    return {
        "reader": one.reader,
        "phase": one.phase,
        "n": one.counts.n,
        **one.counts.to_dict(),
        **one.sensitivity.to_dict("sensitivity"),
        **one.specificity.to_dict("specificity"),
    }


def _change_row(one: Change) -> dict[str, Any]:
    if one.test is None:
        return {"reader": one.reader, "on": one.on, "n": 0}
    return {
        "reader": one.reader,
        "on": one.on,
        "n": one.test.n,
        **one.test.difference.to_dict("difference"),
        "only_with": one.test.only_first,
        "only_without": one.test.only_second,
        "p_mid": one.test.p_mid,
        "p_exact": one.test.p_exact,
    }
