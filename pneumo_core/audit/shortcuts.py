"""Shortcut audit: how well each feature alone predicts the label, as figures and as sentences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.audit.finding import cached_rows
from pneumo_core.dataset.catalogue import THUMBNAIL
from pneumo_core.dataset.folds import grouped_folds, joined_groups
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import estimate
from pneumo_core.metrics import Estimate, auc, auc_delong, grouped_bootstrap_auc
from pneumo_core.metrics.intervals import SMALL_SAMPLE
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.dataset.catalogue import Catalogue


SIDE = 16  # of the thumbnail whose grey levels are features
_RING = np.pad(np.zeros((SIDE - 2, SIDE - 2), bool), 1, constant_values=True)


@dataclass(frozen=True)
class Feature:
    """One feature to predict the label from.

    name: as in the table; title: how a sentence about it begins; kind: "number"
    float (N,), "category" keys (N,) or "picture" float (N, D); values: of the readable films.
    """

    name: str
    title: str
    kind: Literal["number", "category", "picture"]
    values: Callable[[Catalogue], NDArray[Any]]


def _column(name: str) -> Callable[[Catalogue], NDArray[Any]]:
    return lambda catalogue: catalogue.readable[name].to_numpy()


def mean_blocks(catalogue: Catalogue) -> NDArray[np.float32]:
    """Each readable film as 16 × 16 mean grey levels, 0..255: float32 (N, 16, 16)."""
    step = THUMBNAIL // SIDE
    films = np.empty((len(catalogue.thumbnails), SIDE, SIDE), np.float32)
    for start in range(0, len(films), 1024):  # the thumbnails may be larger than memory
        part = catalogue.thumbnails[start : start + 1024]
        blocks = part.reshape(-1, SIDE, step, SIDE, step)
        films[start : start + 1024] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return films


_BLURRED = f"The whole film blurred to {SIDE} × {SIDE} pixels"
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
        "thumbnail", _BLURRED, "picture", lambda films: mean_blocks(films).reshape(-1, SIDE**2)
    ),
    Feature(
        "ring",
        "The blurred border of the film",
        "picture",
        lambda films: mean_blocks(films)[:, _RING],
    ),
)

# From this discrimination on (see `strength`): what it is called.
_GRADES = (
    (0.95, "a near-perfect shortcut"),
    (0.80, "a strong shortcut"),
    (0.65, "a shortcut"),
    (0.55, "a weak shortcut"),
    (0.0, "negligible"),
)
_STRONG = (
    "In these films {}, with little or no view of the lungs. A model that does as well on films "
    "held out of the same data has not been shown to detect pneumonia: test it on external data."
)
_MODERATE = (
    "In these films {}, with little or no view of the lungs. Part of any accuracy measured on this "
    "data may rest on it; external data can show how much."
)
_NONE_FOUND = (
    "No feature tested here that excludes the lungs predicts the labels well ({}). Other shortcuts "
    "are possible."
)
_UNTESTED = "No feature that excludes the lungs could be tested on these films."
# From this discrimination on: what it means.
_MEANINGS = ((0.9, _STRONG), (0.65, _MODERATE), (0.0, _NONE_FOUND))
_SEES_LUNGS_TOO = (
    "However, {}: this can reflect disease as well as acquisition, and the audit cannot separate "
    "the two."
)
_REVERSED = "in the opposite direction to the training films"
_LOST = 0.1  # of AUC from train to test: more does not generalise
_SEES_LUNGS = ("mean", "contrast", "thumbnail")  # disease itself can show in these
_PREFERRED = ("train", "all", "test", "val")  # the first of them where two discriminate alike


def measured_words(
    feature: Feature, split: str, found: Estimate, across: Estimate | None, direction: str = ""
) -> str:
    """A feature with its AUC within a split and, where there is one, from train to test.

    direction: how pneumonia differs in it, "higher" or "lower", "" where that is not one number's.
    """
    grade = next(words for least, words in _GRADES if strength(found.value) >= least)
    if found.low <= 0.5 <= found.high:
        grade = "compatible with chance"
    else:
        grade += f" ({direction} in pneumonia)" if direction else ""
        grade = f"{_REVERSED}, {grade}" if found.high < 0.5 else grade
    words = (
        f"{feature.title} alone separates pneumonia from normal with AUC "
        f"{with_interval(*found)}{_in_split(split)}: {grade}."
    )
    if across is not None:
        lost = across.value < found.value - _LOST
        verdict = "it does not generalise" if lost else "it generalises"
        verdict = f"it holds {_REVERSED}" if across.high < 0.5 else verdict
        words += f" Fitted on train, tested here: {with_interval(*across)}; {verdict}."
    return words


def strength(auc: float) -> float:
    """Discrimination in either direction: an AUC below one half counts as 1 − AUC; 0.5..1."""
    return max(auc, 1 - auc)


def constant_words(feature: Feature, values: NDArray[Any]) -> str:
    """A feature that all films share."""
    words = f"{feature.title} is the same for all films and carries no information"
    if feature.kind == "picture" or not len(values):
        return f"{words}."
    value = values[0]
    if feature.kind == "category":
        return f"{words}." if value else f"{words} (none is a JPEG)."
    return f"{words} (none is a JPEG)." if math.isnan(value) else f"{words} ({value:g})."


def small_split(split: str) -> str:
    """That a class of a split has a small sample."""
    return f"Small sample: fewer than {SMALL_SAMPLE} patients of a class{_in_split(split)}."


def overall(table: pd.DataFrame) -> str:
    """What the shortcuts mean for any accuracy measured on this data; `table` of `shortcuts`.

    From the feature that excludes the lungs and discriminates best, in whatever split; one that is
    compatible with chance only if all are. A feature that does not exclude the lungs is named too
    where it would mean more, as _MEANINGS has it.
    """
    measured = table[table["state"] == "measured"]
    if measured.empty:
        return "Small sample: too few patients to test for shortcuts."
    coarse = measured["feature"].isin(_SEES_LUNGS)
    blind, seeing = _highest(measured[~coarse]), _highest(measured[coarse])
    meaning = _UNTESTED if blind is None else _MEANINGS[_grade(blind)][1].format(_reaches(blind))
    if seeing is not None and _grade(seeing) < (2 if blind is None else _grade(blind)):
        meaning += f" {_SEES_LUNGS_TOO.format(_reaches(seeing))}"
    return meaning + _copies(table)


def _highest(rows: pd.DataFrame) -> Any:
    """The row with the best discrimination; None of no rows."""
    if rows.empty:
        return None
    ordered = rows.assign(
        chance=(rows["low"] <= 0.5) & (rows["high"] >= 0.5),
        far=rows["auc"].map(strength),
        order=rows["split"].map(_PREFERRED.index),
    ).sort_values(["chance", "far", "order"], ascending=[True, False, True])
    return ordered.iloc[0]


def _grade(row: Any) -> int:
    """Its place in _MEANINGS; the last where it is compatible with chance."""
    if row["low"] <= 0.5 <= row["high"]:
        return len(_MEANINGS) - 1
    return next(at for at, (least, _) in enumerate(_MEANINGS) if strength(row["auc"]) >= least)


def _reaches(row: Any) -> str:
    """A row inside of a sentence: "the width in pixels alone reaches AUC 0.93 [0.91–0.94]"."""
    title = str(row["title"])
    auc, low, high = (float(row[name]) for name in ("auc", "low", "high"))
    reached = f"{with_interval(auc, low, high)}{_in_split(row['split'])}"
    reverse = f" ({_REVERSED})" if high < 0.5 else ""
    return f"{title[0].lower()}{title[1:]} alone reaches AUC {reached}{reverse}"


def _in_split(split: str) -> str:
    return "" if split == "all" else f" in {split}"


def _copies(table: pd.DataFrame) -> str:
    """That all films are of one size, where they are."""
    sides = table[table["feature"].isin(["width", "height"])].groupby("feature")["constant"]
    width, height = (sides.get_group(name).unique() for name in ("width", "height"))
    if len(width) != 1 or len(height) != 1 or math.isnan(width[0] * height[0]):
        return ""
    return (
        f" Size and shape carry no information: all films are {width[0]:g} × {height[0]:g} copies."
    )


def with_interval(value: float, low: float, high: float) -> str:
    """An AUC with its interval; near 0 and 1 with a third digit."""
    digits = 3 if strength(value) >= 0.95 else 2
    return estimate((value, low, high), digits=digits)


FOLDS = 5
SEED = 0
ROUNDS = 1000  # of the bootstrap
_SPLITS = ("all", "train", "val", "test")
COLUMNS = (
    *("feature", "title", "words", "split", "films", "n_groups", "state"),
    *("auc", "low", "high", "across", "across_low", "across_high", "constant"),
)


def measure_shortcuts(catalogue: Catalogue, *, progress: Progress = silent) -> pd.DataFrame:
    """How well each feature of `FEATURES` alone separates pneumonia from normal.

    A row a feature and split, with the columns
      feature, title    its name, and how a sentence about it begins
      words             what was found, as one sentence
      split, films, n_groups    of how many readable films and patients
      state             "measured"; "constant": the same for all films; "few": too few patients
      constant          the number that all films share, NaN where they do not or it is none
      auc, low, high    area under the ROC curve, 0..1, positive is pneumonia, with its 95 %
                        interval; NaN unless measured
      across, across_low, across_high    the same fitted on all of train and tested on test, on
                        every row of the feature; NaN where either is missing
    Within a split the AUC is of five-fold cross-validation by patient, direction and shape fitted
    out of fold, over scores ranked within their fold; the interval is the patient-level
    bootstrap's. Cached beside the catalogue; `progress` receives the phase "shortcuts".
    """
    import pandas as pd

    rows = cached_rows(catalogue, "shortcuts", lambda: _measure(catalogue, progress))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = list(COLUMNS[COLUMNS.index("auc") :])
    return table.astype(dict.fromkeys(numbers, "float64"))


def _measure(catalogue: Catalogue, progress: Progress) -> list[dict[str, Any]]:
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
        # With so few films threads wait for each other, ten times as long on a busy machine.
        with threadpool_limits(1):
            across = _across(feature, values, splits)
            rows += [_row(feature, values[one.rows], one, across) for one in splits.values()]
        progress("shortcuts", done, len(FEATURES))
    return rows


class _Split:
    """One split's films: `rows` of the readable ones, `group` and `fold` int, and `positive` bool
    (pneumonia), each (n,); `enough`: whether both classes have patients enough for folds.
    """

    def __init__(
        self, name: str, films: pd.DataFrame, group: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        part = films.iloc[rows]
        self.name, self.rows, self.group = name, rows, group[rows]
        self.positive = (part["label"] == "pneumonia").to_numpy()
        self.enough = all(
            len(np.unique(self.group[self.positive == one])) >= SMALL_SAMPLE
            for one in (True, False)
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
        words = f"{feature.title} was not tested. {small_split(split.name)}"
        return row | {"state": "few", "words": words}
    found = _out_of_fold(feature, values, split)
    row |= dict(zip(("auc", "low", "high"), found, strict=True))
    tried = across if split.name == "test" else None
    direction = _direction(feature, values, split.positive, found.value)
    words = measured_words(feature, split.name, found, tried, direction)
    return row | {"state": "measured", "words": words}


def _direction(
    feature: Feature, values: NDArray[Any], positive: NDArray[np.bool_], area: float
) -> str:
    """Whether a number is "higher" or "lower" in pneumonia; "" where its order alone explains less
    than half of `area` (the model's AUC), where some films have none, and for other features.
    """
    if feature.kind != "number" or np.isnan(values.astype(np.float64)).any():
        return ""
    ordered = float(auc(positive, values.astype(np.float64)))
    if abs(ordered - 0.5) < abs(area - 0.5) / 2:
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
        fitted = _scores(feature, values[~held], split.positive[~held], values[held])
        score[held] = rankdata(fitted) / held.sum()
    return _estimate(split, score)


def _across(feature: Feature, values: NDArray[Any], splits: dict[str, _Split]) -> Estimate | None:
    """AUC on test of a model fitted on train; None where either is missing or small."""
    train, test = splits.get("train"), splits.get("test")
    if train is None or test is None or not (train.enough and test.enough):
        return None
    if _constant(values[np.concatenate([train.rows, test.rows])]):
        return None
    return _estimate(test, _scores(feature, values[train.rows], train.positive, values[test.rows]))


def _estimate(split: _Split, score: NDArray[np.float64]) -> Estimate:
    """AUC with the patient-level bootstrap's interval; where separation is perfect it
    would be a point, and Wilson's, by `auc_delong`, stands instead.
    """
    found = grouped_bootstrap_auc(split.positive, score, split.group, seed=SEED, rounds=ROUNDS)
    if found.low < found.high:
        return found
    return Estimate(*auc_delong(split.positive, score))


def _scores(
    feature: Feature, values: NDArray[Any], positive: NDArray[np.bool_], new: NDArray[Any]
) -> NDArray[np.float64]:
    """P(pneumonia) of the `new` values by a model fitted to `values`: boosted trees, which take any
    shape and direction; for categories, the odds of each.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    if feature.kind == "category":
        kinds = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=5)
        model: Any = make_pipeline(kinds, LogisticRegression())
    else:
        model = HistGradientBoostingClassifier(
            max_iter=80, max_leaf_nodes=8, early_stopping=False, random_state=SEED
        )
    found: NDArray[np.float64] = model.fit(_table(values), positive).predict_proba(_table(new))
    return found[:, 1]


def _table(values: NDArray[Any]) -> NDArray[Any]:
    """(N,) or (N, D) as (N, D)."""
    return values.reshape(len(values), -1)


def _constant(values: NDArray[Any]) -> bool:
    """Whether all films have the same; NaN (a quality no PNG has) is a value like another."""
    if values.dtype.kind in "OUT":
        return len(set(values.tolist())) <= 1
    flat = _table(values)
    return bool(np.all((flat == flat[:1]) | (np.isnan(flat) & np.isnan(flat[:1]))))
