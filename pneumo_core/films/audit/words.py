"""What the shortcut audit found, in sentences."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from pneumo_core.metrics.intervals import SMALL_SAMPLE

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.films.audit.features import Feature
    from pneumo_core.metrics import Estimate

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
_SPLITS = ("train", "all", "test", "val")  # the first of them where two tell as much


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
        order=rows["split"].map(_SPLITS.index),
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
    return f"{value:.{digits}f} [{low:.{digits}f}–{high:.{digits}f}]"
