"""The shortcut audit: how well does each feature alone predict the label?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.audit.finding import kept
from pneumo_core.dataset.catalogue import THUMBNAIL
from pneumo_core.dataset.folds import grouped_folds, joined_groups
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import estimate
from pneumo_core.metrics import Estimate, auc, auc_delong, grouped_bootstrap_auc
from pneumo_core.metrics.intervals import SMALL_SAMPLE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.dataset.catalogue import Catalogue


CELLS = 16  # a side of the thumbnail that is asked
_RING = np.pad(np.zeros((CELLS - 2, CELLS - 2), bool), 1, constant_values=True)


@dataclass(frozen=True)
class Feature:
    """One thing to predict the label from.

    name: as in the table; title: as a person reads it, fit to begin a sentence; kind: "number"
    float (N,), "category" keys (N,) or "picture" float (N, D); values: of the readable films.
    """

    name: str
    title: str
    kind: Literal["number", "category", "picture"]
    values: Callable[[Catalogue], NDArray[Any]]


def _column(name: str) -> Callable[[Catalogue], NDArray[Any]]:
    return lambda catalogue: catalogue.readable[name].to_numpy()


def cells(catalogue: Catalogue) -> NDArray[np.float32]:
    """Each readable film as 16 × 16 mean grey levels, 0..255: float32 (N, 16, 16)."""
    step = THUMBNAIL // CELLS
    films = np.empty((len(catalogue.thumbnails), CELLS, CELLS), np.float32)
    for start in range(0, len(films), 1024):  # the thumbnails may be larger than memory
        part = catalogue.thumbnails[start : start + 1024]
        blocks = part.reshape(-1, CELLS, step, CELLS, step)
        films[start : start + 1024] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return films


FEATURES = (
    Feature("width", "The width in pixels", "number", _column("width")),
    Feature("height", "The height in pixels", "number", _column("height")),
    Feature("aspect", "The shape (width to height)", "number", _column("aspect")),
    Feature("bytes_per_pixel", "The file size per pixel", "number", _column("bytes_per_pixel")),
    Feature("quantisation", "The JPEG compression table", "category", _column("quantisation")),
    Feature("quality", "The JPEG quality setting", "number", _column("quality")),
    Feature("mean", "The mean brightness", "number", _column("mean")),
    Feature("contrast", "The contrast", "number", _column("contrast")),
    Feature("border_mean", "The brightness of the border", "number", _column("border_mean")),
    Feature("border_contrast", "The contrast of the border", "number", _column("border_contrast")),
    Feature(
        "thumbnail",
        f"The whole film blurred to {CELLS} × {CELLS} dots",
        "picture",
        lambda catalogue: cells(catalogue).reshape(-1, CELLS**2),
    ),
    Feature(
        "ring",
        "The blurred outer rim of the film",
        "picture",
        lambda catalogue: cells(catalogue)[:, _RING],
    ),
)


# From this AUC on, or as far below one half: what it is called.
_GRADES = (
    (0.95, "it all but gives the label away"),
    (0.80, "a strong shortcut"),
    (0.65, "a shortcut"),
    (0.55, "a weak hint"),
    (0.0, "next to nothing"),
)
_GIVEN_AWAY = (
    "On these films {}, with hardly a look at the lungs. A model that does as well on films held "
    "out of this same data has not shown that it sees pneumonia. Films from elsewhere can show it."
)
_HINTED = (
    "On these films {}, with hardly a look at the lungs. Some of any accuracy measured on films of "
    "this data may come from there. Films from elsewhere can show how much."
)
_HIDDEN = (
    "Nothing tried here that leaves the lungs out gives the labels away ({}). That does not rule "
    "out a shortcut nobody thought of."
)
_UNTRIED = "Nothing that leaves the lungs out could be tried on these films."
# From this AUC on, or as far below one half: what it means.
_MEANINGS = ((0.9, _GIVEN_AWAY), (0.65, _HINTED), (0.0, _HIDDEN))
_COARSE = (
    "But {}: the illness itself can show there, and so can how the films were taken. These "
    "figures cannot tell the two apart."
)
_TURNED = "the other way round than the films learnt from"
_LOST = 0.1  # of AUC from one split to the other: more does not carry over
_SEES_LUNGS = ("mean", "contrast", "thumbnail")  # the illness itself can show in these
_IN_WORDS = ("train", "all", "test", "val")  # the first of them where two tell as much


def measured_words(
    feature: Feature, split: str, found: Estimate, across: Estimate | None, direction: str = ""
) -> str:
    """A feature with its AUC within a split and, where there is one, from train to test.

    direction: how pneumonia differs in it, "higher" or "lower", "" where that is not one number's.
    """
    grade = next(words for least, words in _GRADES if strength(found.value) >= least)
    if found.low <= 0.5 <= found.high:
        grade = "no more than chance can give"
    else:
        grade += f" ({direction} in pneumonia)" if direction else ""
        grade = f"{_TURNED}, {grade}" if found.high < 0.5 else grade
    where = "" if split == "all" else f" in {split}"
    told = (
        f"{feature.title} alone tells pneumonia from normal with AUC {with_interval(*found)}"
        f"{where}: {grade}."
    )
    if across is not None:
        lost = "does not carry over" if across.value < found.value - _LOST else "carries over"
        carried = f"holds {_TURNED}" if across.high < 0.5 else lost
        told += f" Learnt in train and tried here: {with_interval(*across)}; it {carried}."
    return told


def strength(auc: float) -> float:
    """An AUC turned round where it lies below one half, 0.5..1: so much can be told by it."""
    return max(auc, 1 - auc)


def constant_words(feature: Feature, values: NDArray[Any]) -> str:
    """A feature that all films share."""
    told = f"{feature.title} tells nothing here: it is the same for all films"
    if feature.kind == "picture" or not len(values):
        return f"{told}."
    value = values[0]
    if feature.kind == "category" or (isinstance(value, float) and math.isnan(value)):
        shown = "" if feature.kind == "category" and value else " (none is a JPEG)"
        return f"{told}{shown}."
    return f"{told} ({value:g})."


def small_split_words(feature: Feature, split: str) -> str:
    """A feature in a split that is too small."""
    return f"{feature.title} cannot be judged: {few_patients(split).lower()}"


def few_patients(split: str) -> str:
    """That a split is too small."""
    where = "" if split == "all" else f" in {split}"
    return f"Fewer than {SMALL_SAMPLE} patients of a class{where}: too few to judge by."


def overall(table: pd.DataFrame) -> str:
    """What the shortcuts mean for any accuracy measured on this data; `table` of `shortcuts`.

    Said from the row that tells most of what leaves the lungs out, in whatever split: its AUC is
    the farthest from one half, on either side, and no more than chance can give only if all are. A
    row that does not leave them out is named too where it would mean more, as _MEANINGS has it: a
    sentence that finds little must not stand over a row that tells all.
    """
    measured = table[table["state"] == "measured"]
    if measured.empty:
        return (
            "Too few patients to say whether something other than the lungs gives the labels away."
        )
    coarse = measured["feature"].isin(_SEES_LUNGS)
    blind, seeing = _highest(measured[~coarse]), _highest(measured[coarse])
    meaning = _UNTRIED if blind is None else _MEANINGS[_grade(blind)][1].format(_reaches(blind))
    if seeing is not None and _grade(seeing) < (2 if blind is None else _grade(blind)):
        meaning += f" {_COARSE.format(_reaches(seeing))}"
    return meaning + _copies(table)


def _highest(rows: pd.DataFrame) -> Any:
    """The row that tells most; None of no rows."""
    if rows.empty:
        return None
    ordered = rows.assign(
        chance=(rows["low"] <= 0.5) & (rows["high"] >= 0.5),
        far=rows["auc"].map(strength),
        order=rows["split"].map(_IN_WORDS.index),
    ).sort_values(["chance", "far", "order"], ascending=[True, False, True])
    return ordered.iloc[0]


def _grade(row: Any) -> int:
    """Its place in _MEANINGS; what may be chance tells nothing."""
    if row["low"] <= 0.5 <= row["high"]:
        return len(_MEANINGS) - 1
    return next(at for at, (least, _) in enumerate(_MEANINGS) if strength(row["auc"]) >= least)


def _reaches(row: Any) -> str:
    """A row inside of a sentence: "the width in pixels alone reaches AUC 0.93 [0.91–0.94]"."""
    title = str(row["title"])
    auc, low, high = (float(row[name]) for name in ("auc", "low", "high"))
    where = "" if row["split"] == "all" else f" in {row['split']}"
    reached = with_interval(auc, low, high)
    turned = f" ({_TURNED})" if high < 0.5 else ""
    return f"{title[0].lower()}{title[1:]} alone reaches AUC {reached}{where}{turned}"


def _copies(table: pd.DataFrame) -> str:
    """That all films are of one size, where they are."""
    sides = table[table["feature"].isin(["width", "height"])].groupby("feature")["constant"]
    width, height = (sides.get_group(name).unique() for name in ("width", "height"))
    if len(width) != 1 or len(height) != 1 or math.isnan(width[0] * height[0]):
        return ""
    return (
        f" Sizes and shapes tell nothing here: all films are {width[0]:g} × {height[0]:g} copies."
    )


def with_interval(value: float, low: float, high: float) -> str:
    """An AUC as a person reads it; near 0 and 1 the third digit counts."""
    digits = 3 if strength(value) >= 0.95 else 2
    return estimate((value, low, high), digits=digits)


Progress = Callable[[int, int], None]

FOLDS = 5
SEED = 0
ROUNDS = 1000  # of the bootstrap
_SPLITS = ("all", "train", "val", "test")
COLUMNS = (
    *("feature", "title", "words", "split", "films", "n_groups", "state"),
    *("auc", "low", "high", "across", "across_low", "across_high", "constant"),
)


def shortcuts(catalogue: Catalogue, *, progress: Progress | None = None) -> pd.DataFrame:
    """How well each feature of `features.FEATURES` alone tells pneumonia from normal.

    A row a feature and split, with the columns
      feature, title    its name, and how a sentence about it begins
      words             what was found, as one sentence
      split, films, n_groups    of how many readable films and patients
      state             "measured"; "constant": the same for all films; "few": too few patients
      constant          the number that all films share, NaN where they do not or it is none
      auc, low, high    area under the ROC curve, 0..1, positive is pneumonia, with its 95 %
                        interval; NaN unless measured
      across, across_low, across_high    the same learnt on all of train and tried on test, on
                        every row of the feature; NaN where either is missing
    Within a split the AUC is of five-fold cross-validation by patient, direction and shape learnt
    out of fold, over scores ranked within their fold; the interval is the patient-level
    bootstrap's. Kept beside the catalogue; `progress` is called with (features done, features).
    """
    import pandas as pd

    rows = kept(catalogue, "shortcuts", lambda: _measure(catalogue, progress))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = list(COLUMNS[COLUMNS.index("auc") :])
    return table.astype(dict.fromkeys(numbers, "float64"))


def _measure(catalogue: Catalogue, progress: Progress | None) -> list[dict[str, Any]]:
    from threadpoolctl import threadpool_limits

    films = catalogue.readable.reset_index(drop=True)
    group = joined_groups(films)
    splits = {
        str(split): _Split(str(split), films, group, np.flatnonzero(films["split"] == split))
        for split in sorted(films["split"].unique(), key=_SPLITS.index)
    }
    rows: list[dict[str, Any]] = []
    for done, feature in enumerate(FEATURES, start=1):
        values = feature.values(catalogue)
        # On films this few, threads wait for each other: on a busy machine ten times as long.
        with threadpool_limits(1):
            across = _across(feature, values, splits)
            rows += [_row(feature, values[one.rows], one, across) for one in splits.values()]
        if progress is not None:
            progress(done, len(FEATURES))
    return rows


class _Split:
    """One split's films: `rows` of the readable ones, `sick` bool, `group` and `fold` int, (n,)."""

    def __init__(
        self, name: str, films: pd.DataFrame, group: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        part = films.iloc[rows]
        self.name, self.rows, self.group = name, rows, group[rows]
        self.sick = (part["label"] == "pneumonia").to_numpy()
        self.enough = all(
            len(np.unique(self.group[self.sick == side])) >= SMALL_SAMPLE for side in (True, False)
        )
        self.fold = np.zeros(len(rows), np.int64)
        if self.enough:
            try:
                self.fold = grouped_folds(part, folds=FOLDS, seed=SEED)
            except DataSetError:  # few patients with most of the films: no fair folds
                self.enough = False


def _row(
    feature: Feature, values: NDArray[Any], split: _Split, across: Estimate | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "feature": feature.name,
        "title": feature.title,
        "split": split.name,
        "films": len(split.rows),
        "n_groups": len(np.unique(split.group)),
        **dict.fromkeys(("auc", "low", "high", "constant"), None),
    }
    row |= dict(zip(("across", "across_low", "across_high"), across or (None,) * 3, strict=True))
    if _constant(values):
        if feature.kind == "number" and len(values):
            row["constant"] = float(values[0])
        return row | {"state": "constant", "words": constant_words(feature, values)}
    if not split.enough:
        return row | {"state": "few", "words": small_split_words(feature, split.name)}
    found = _out_of_fold(feature, values, split)
    row |= dict(zip(("auc", "low", "high"), found, strict=True))
    tried = across if split.name == "test" else None
    direction = _direction(feature, values, split.sick, found.value)
    words = measured_words(feature, split.name, found, tried, direction)
    return row | {"state": "measured", "words": words}


def _direction(feature: Feature, values: NDArray[Any], sick: NDArray[np.bool_], told: float) -> str:
    """Whether a number is "higher" or "lower" in pneumonia; "" where its order tells less than half
    of what its shape does (`told`, an AUC), where some films have none, and for what is no number.
    """
    if feature.kind != "number" or np.isnan(values.astype(np.float64)).any():
        return ""
    ordered = float(auc(sick, values.astype(np.float64)))
    if abs(ordered - 0.5) < abs(told - 0.5) / 2:
        return ""
    return "higher" if ordered > 0.5 else "lower"


def _out_of_fold(feature: Feature, values: NDArray[Any], split: _Split) -> Estimate:
    """AUC over out-of-fold scores. They are ranked within their fold: the folds' models are not
    of one scale, and their differences would pull the AUC of a useless feature below one half.
    """
    from scipy.stats import rankdata

    score = np.zeros(len(split.rows))
    for number in range(FOLDS):
        held = split.fold == number
        model = _model(feature).fit(_table(values[~held]), split.sick[~held])
        score[held] = rankdata(model.predict_proba(_table(values[held]))[:, 1]) / held.sum()
    return _estimate(split, score)


def _across(feature: Feature, values: NDArray[Any], splits: dict[str, _Split]) -> Estimate | None:
    """AUC on test of what was learnt on train; None where that cannot be asked."""
    train, test = splits.get("train"), splits.get("test")
    if train is None or test is None or not (train.enough and test.enough):
        return None
    if _constant(values[np.concatenate([train.rows, test.rows])]):
        return None
    model = _model(feature).fit(_table(values[train.rows]), train.sick)
    score = model.predict_proba(_table(values[test.rows]))[:, 1]
    return _estimate(test, score)


def _estimate(split: _Split, score: NDArray[np.float64]) -> Estimate:
    """AUC with the patient-level bootstrap's interval, which is a point where all are told apart:
    then with Wilson's, as DeLong's variance is none.
    """
    found = grouped_bootstrap_auc(split.sick, score, split.group, seed=SEED, rounds=ROUNDS)
    if found.low < found.high:
        return found
    return Estimate(*auc_delong(split.sick, score))


def _model(feature: Feature) -> Any:
    """Boosted trees, which take any shape and direction; odds of each kind for kinds."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    if feature.kind == "category":
        kinds = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
        return make_pipeline(kinds, LogisticRegression())
    return HistGradientBoostingClassifier(
        max_iter=80, max_leaf_nodes=8, early_stopping=False, random_state=SEED
    )


def _table(values: NDArray[Any]) -> NDArray[Any]:
    """(N,) or (N, D) as (N, D)."""
    return values.reshape(len(values), -1)


def _constant(values: NDArray[Any]) -> bool:
    """Whether all films have the same; NaN (a quality no PNG has) is a value like another."""
    if values.dtype.kind in "OUT":
        return len(set(values.tolist())) <= 1
    flat = _table(values)
    return bool(np.all((flat == flat[:1]) | (np.isnan(flat) & np.isnan(flat[:1]))))
