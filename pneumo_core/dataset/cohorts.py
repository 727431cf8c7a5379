"""Cohorts within one data set: parts that differ as data of another site or year would.

Grouped folds mix all acquisition habits of a data set into every fold, so validation on them
cannot show how far a network relies on these. Holding out a cohort can. Three ways to make them:

    number_blocks(index, blocks)        contiguous patient numbers within each file series
    framing_quarters(index, scores)     from easiest to hardest to classify by the film's border
    aspect_quarters, size_quarters      by the shape and the pixel count of the original file

Each gives int (N,), aligned with the rows of the index, and never splits a patient or a pair of
exact duplicates, so that every one can serve as the folds of a training as it is.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pneumo_core.dataset.folds import joined_groups
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    import pandas as pd

Cohort = npt.NDArray[np.int64]  # (N,), from 0
Floats = npt.NDArray[np.float64]


def number_blocks(index: pd.DataFrame, *, blocks: int) -> Cohort:
    """Block 0 … blocks-1 of each film: the patients of each series cut where their numbers say.

    A series is a file name's prefix and subtype: IM, NORMAL2-IM, person (bacterial), person
    (viral). Its patients, in order of number, are cut into `blocks` runs of about equally many
    films; block b holds the b-th run of every series. Where a name has no number, its
    alphabetical place counts.

    Raises DataSetError for fewer than 2 blocks, and where a block would lack a class.
    """
    import pandas as pd

    if blocks < 2:
        raise DataSetError(f"Expected at least 2 blocks of numbers, got {blocks}.")
    group = joined_groups(index)
    keys = [_number(name) for name in index["group"]]
    films = pd.DataFrame(
        {
            "group": group,
            "series": [
                f"{s} ({t})" for s, t in zip(index["series"], index["subtype"], strict=True)
            ],
            "number": [key[0] for key in keys],
            "name": [key[1] for key in keys],
        }
    )
    by_patient = films.sort_values(["number", "name"]).groupby("group", sort=False)
    patients = by_patient.agg(series=("series", "first"), films=("number", "size"))
    block = np.zeros(int(group.max()) + 1, dtype=np.int64)
    for _, part in patients.groupby("series"):
        block[part.index] = _runs(part["films"].to_numpy(np.int64), blocks)
    found: Cohort = block[group]
    _check_both_classes(found, index["label"].to_numpy(str), blocks)
    return found


def framing_scores(index: pd.DataFrame, pixels: npt.NDArray[np.uint8]) -> Floats:
    """P(pneumonia) predicted from the border alone: float (N,), 0..1, out of fold.

    A logistic regression on the outermost ring of each film's 16×16 thumbnail (60 grey levels),
    in grouped 5-fold cross-validation. pixels: uint8 (N, S, S), row i of `index`, S >= 16. Its
    AUC says how far framing alone separates the classes. Seconds on 5,000 films.

    Raises DataSetError as `grouped_folds` does, with fewer than 5 patients of a class.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from pneumo_core.dataset.folds import grouped_folds

    if len(pixels) != len(index):
        raise ValueError(f"Expected {len(index)} films, one a row, got {len(pixels)}.")
    ring, positive = _rings(pixels), (index["label"] == "pneumonia").to_numpy()
    fold = grouped_folds(index, folds=5, seed=0)
    scores = np.empty(len(index))
    for number in range(5):
        held = fold == number
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
        model.fit(ring[~held], positive[~held])
        scores[held] = model.predict_proba(ring[held])[:, 1]
    return scores


def framing_quarters(index: pd.DataFrame, scores: Floats) -> Cohort:
    """Quarter 0 (the border predicts the class best) … 3 (it misleads most) of each film.

    Quarters of each class, so that each quarter keeps the classes' proportions; scores: those of
    `framing_scores`. A patient's films share their mean.
    """
    positive = (index["label"] == "pneumonia").to_numpy()
    misled = np.where(positive, 1 - scores, scores)
    group = joined_groups(index)
    quarter = np.empty(len(index), dtype=np.int64)
    # A joined group is of one class, except for duplicates filed under both: those go with
    # pneumonia, so that the group stays whole.
    of_group = np.zeros(int(group.max()) + 1, dtype=np.bool_)
    of_group[group[positive]] = True
    for one in (False, True):
        mine = of_group[group] == one
        if mine.any():
            quarter[mine] = _quarters(misled[mine], group[mine])
    return quarter


def aspect_quarters(index: pd.DataFrame) -> Cohort | None:
    """Quarter 0 (narrowest) … 3 (widest) by width over height of the original file.

    None where all films have one shape, as in a copy that was resized: it says nothing then.
    """
    return _by_size(index, (index["width"] / index["height"].clip(lower=1)).to_numpy(np.float64))


def size_quarters(index: pd.DataFrame) -> Cohort | None:
    """Quarter 0 (smallest) … 3 (largest) by pixels of the original file; None where all equal."""
    return _by_size(index, (index["width"] * index["height"]).to_numpy(np.float64))


def _check_both_classes(block: Cohort, label: npt.NDArray[np.str_], blocks: int) -> None:
    for number in range(blocks):
        held = sorted(set(label[block == number].tolist()))
        if held != ["normal", "pneumonia"]:
            raise DataSetError(
                f"Expected both classes in each of {blocks} blocks of numbers, got "
                f"{' and '.join(held) or 'no film'} in block {number + 1}: too few patients. "
                "Ask for fewer blocks or add films."
            )


def _by_size(index: pd.DataFrame, values: Floats) -> Cohort | None:
    return None if len(np.unique(values)) < 2 else _quarters(values, joined_groups(index))


def _quarters(values: Floats, group: npt.NDArray[np.int64]) -> Cohort:
    """Quarters of about equally many films, by each patient's mean value, rising."""
    _, member = np.unique(group, return_inverse=True)
    films = np.bincount(member)
    order = np.argsort(np.bincount(member, weights=values) / films, kind="stable")
    quarter = np.empty(len(films), dtype=np.int64)
    quarter[order] = _runs(films[order], 4)
    found: Cohort = quarter[member]
    return found


def _runs(films: npt.NDArray[np.int64], runs: int) -> Cohort:
    """Patients with `films` each, in order, cut into runs of about equally many films."""
    middle = films.cumsum() - films / 2
    run: Cohort = np.minimum(runs * middle / films.sum(), runs - 1).astype(np.int64)
    return run


def _rings(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """The outermost ring of 16×16 thumbnails, 0..1: float32 (N, 60)."""
    import cv2

    ring = np.ones((16, 16), dtype=np.bool_)
    ring[1:-1, 1:-1] = False
    small = (cv2.resize(film, (16, 16), interpolation=cv2.INTER_AREA)[ring] for film in pixels)
    return np.stack([one.astype(np.float32) / 255 for one in small])


def _number(group: str) -> tuple[int, str]:
    """The patient's number in a group key, and the key: ("IM-0115") → (115, "IM-0115")."""
    found = re.search(r"(\d+)\D*$", group)
    return (int(found[1]) if found else 0), group
