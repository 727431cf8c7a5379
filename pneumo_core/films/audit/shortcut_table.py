"""The shortcut audit: how well does each feature alone predict the label?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.folds import grouped_folds, joined_groups
from pneumo_core.errors import DataSetError
from pneumo_core.films.audit.features import FEATURES, Feature
from pneumo_core.films.audit.store import kept
from pneumo_core.films.audit.words import (
    constant_words,
    measured_words,
    small_split_words,
)
from pneumo_core.metrics import Estimate, auc, auc_delong, grouped_bootstrap_auc
from pneumo_core.metrics.intervals import SMALL_SAMPLE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.dataset.catalogue import Catalogue

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
