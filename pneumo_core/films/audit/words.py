"""What the shortcut audit found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.films.audit.features import Feature
    from pneumo_core.metrics import Estimate

# From this AUC on: what it is called.
_GRADES = (
    (0.95, "it all but gives the label away"),
    (0.80, "a strong shortcut"),
    (0.65, "a shortcut"),
    (0.55, "a weak hint"),
    (0.0, "next to nothing"),
)
# From this highest AUC on: what it means.
_GIVEN_AWAY = (
    "On these films {}, with hardly a look at the lungs. A model that does as well on films held "
    "out of this same data has not shown that it sees pneumonia. Films from elsewhere can show it."
)
_HINTED = (
    "On these films {}, with hardly a look at the lungs. Some of any accuracy measured on films of "
    "this data may come from there. Films from elsewhere can show how much."
)
_HIDDEN = (
    "Nothing tried here gives the labels away ({}). That does not rule out a shortcut nobody "
    "thought of."
)
_MEANINGS = ((0.9, _GIVEN_AWAY), (0.65, _HINTED), (0.0, _HIDDEN))
FEWEST_PATIENTS = 20  # of a class in a split; with fewer every AUC is chance
_LOST = 0.1  # of AUC from one split to the other: more does not carry over
_SEES_LUNGS = ("mean", "contrast", "thumbnail")  # the illness itself can show in these


def measured_words(feature: Feature, split: str, found: Estimate, across: Estimate | None) -> str:
    """A feature with its AUC within a split and, where there is one, from train to test."""
    grade = next(words for least, words in _GRADES if found.value >= least)
    if found.low <= 0.5:
        grade = "no more than chance can give"
    where = "" if split == "all" else f" in {split}"
    told = (
        f"{feature.title} alone tells pneumonia from normal with AUC {with_interval(*found)}"
        f"{where}: {grade}."
    )
    if across is not None:
        carried = "does not carry over" if across.value < found.value - _LOST else "carries over"
        told += f" Learnt in train and tried here: {with_interval(*across)}; it {carried}."
    return told


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


def few_words(feature: Feature, split: str) -> str:
    """A feature in a split that is too small."""
    return f"{feature.title} cannot be judged: {few_patients(split).lower()}"


def few_patients(split: str) -> str:
    """That a split is too small."""
    where = "" if split == "all" else f" in {split}"
    return f"Fewer than {FEWEST_PATIENTS} patients of a class{where}: too few to judge by."


def overall(table: pd.DataFrame) -> str:
    """What the shortcuts mean for any accuracy measured on this data; `table` of `shortcuts`."""
    measured = table[(table["state"] == "measured") & ~table["feature"].isin(_SEES_LUNGS)]
    if measured.empty:
        return (
            "Too few patients to say whether something other than the lungs gives the labels away."
        )
    learnt = measured[measured["split"].isin(["train", "all"])]
    asked = learnt if len(learnt) else measured
    worst = asked.iloc[int(asked["auc"].argmax())]
    title = str(worst["title"])
    auc, low, high = (float(worst[name]) for name in ("auc", "low", "high"))
    meaning = next(words for least, words in _MEANINGS if auc >= least)
    sides = table[table["feature"].isin(["width", "height"])].groupby("feature")["constant"]
    width, height = (sides.get_group(name).unique() for name in ("width", "height"))
    if len(width) == len(height) == 1 and not math.isnan(width[0] * height[0]):
        meaning += (
            f" Sizes and shapes tell nothing here: all films are {width[0]:g} × {height[0]:g} "
            "copies."
        )
    reached = with_interval(auc, low, high)
    return meaning.format(f"{title[0].lower()}{title[1:]} alone reaches AUC {reached}")


def with_interval(value: float, low: float, high: float) -> str:
    """An AUC as a person reads it; near 1 the third digit counts."""
    digits = 3 if value >= 0.95 else 2
    return f"{value:.{digits}f} [{low:.{digits}f}–{high:.{digits}f}]"
