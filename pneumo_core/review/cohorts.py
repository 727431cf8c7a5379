"""A model's figures on each cohort of a data set: the worst one tells what grouped folds hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import DataSetError
from pneumo_core.films import cohorts as made
from pneumo_core.metrics.few import few_words
from pneumo_core.metrics.shift import shift

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

BLOCKS = 5
_KEPT = ("films", "auc", "sensitivity", "specificity")


@dataclass(frozen=True)
class Cohorts:
    """One way of cutting a data set: `names[member[i]]` is the cohort of film i.

    member: int (N,), aligned with the index; `title` and `words` say what was cut, for a person.
    """

    title: str
    words: str
    names: tuple[str, ...]
    member: npt.NDArray[np.int64]


def cohorts_of(
    index: pd.DataFrame, pixels: npt.NDArray[np.uint8], *, seed: int = 0
) -> tuple[list[Cohorts], list[str]]:
    """Every cut that this data set allows, and a sentence for each that it does not.

    index: as `films.index` gives it, all readable; pixels: uint8 (N, S, S), row i of `index`.
    """
    found, missing = [], []
    try:
        found += [_blocks(index), _framing(index, pixels, seed)]
    except DataSetError as error:
        missing.append(f"No cohorts by number or framing: {error}")
    for title, quarters, first, last in (
        ("aspect", made.aspect_quarters(index), "narrowest", "widest"),
        ("size", made.size_quarters(index), "smallest", "largest"),
    ):
        if quarters is None:
            missing.append(f"No cohorts by {title}: all films have the same one.")
            continue
        names = (f"{first} quarter", "second quarter", "third quarter", f"{last} quarter")
        words = f"Quarters by {title} of the original file."
        found.append(Cohorts(title, words, names, quarters))
    return found, missing


def cohort_figures(table: pd.DataFrame, cohorts: Cohorts, threshold: float) -> list[dict[str, Any]]:
    """A row a cohort: name, films, and the rates auc, sensitivity, specificity of its films.

    table: predictions with `label` and `p_pneumonia`, aligned with `cohorts.member`; threshold:
    locked, on `p_pneumonia`. A rate is {"value", "low", "high"}, 0..1, at 95 % (DeLong, Wilson),
    its value None where the cohort lacks a class. Raises ValueError where lengths differ.
    """
    if len(table) != len(cohorts.member):
        raise ValueError(f"Expected {len(cohorts.member)} predictions, got {len(table)}.")
    sick = (table["label"] == "pneumonia").to_numpy()
    p = table["p_pneumonia"].to_numpy()
    rows = []
    for number, name in enumerate(cohorts.names):
        mine = cohorts.member == number
        if mine.any():
            figures = shift(sick[mine], p[mine], p[mine], threshold=threshold)
            rows.append({"name": name, **{key: figures[key] for key in _KEPT}})
    return rows


def worst_cohort(rows: Sequence[dict[str, Any]]) -> str:
    """One sentence: the cohort with the lowest sensitivity or specificity; "" without rows."""
    rates = [
        (row[rate]["value"], rate, row)
        for row in rows
        for rate in ("sensitivity", "specificity")
        if row[rate]["value"] is not None
    ]
    if not rates:
        return ""
    value, rate, row = min(rates, key=lambda one: one[0])
    low, high = 100 * row[rate]["low"], 100 * row[rate]["high"]
    return (
        f"The weakest of {len(rows)} cohorts is “{row['name']}”: {rate} {100 * value:.1f} % "
        f"[{low:.1f}–{high:.1f}] on {row['films']:,} films. {few_words({'films': row['films']})}"
    ).rstrip()


def _blocks(index: pd.DataFrame) -> Cohorts:
    names = tuple(f"numbers, part {b + 1} of {BLOCKS}" for b in range(BLOCKS))
    words = "Patients' numbers within each file series, cut into five runs."
    return Cohorts("numbers", words, names, made.number_blocks(index, blocks=BLOCKS))


def _framing(index: pd.DataFrame, pixels: npt.NDArray[np.uint8], seed: int) -> Cohorts:
    names = ("framing tells most", "framing tells some", "framing tells little", "framing misleads")
    words = "Quarters by how well the border of the film alone tells the class."
    scores = made.framing_scores(index, pixels, seed=seed)
    return Cohorts("framing", words, names, made.framing_quarters(index, scores))
