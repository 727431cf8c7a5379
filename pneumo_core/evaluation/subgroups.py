"""Subgroup analysis: figures per subgroup, ready for a forest plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.metrics import Estimate

MOST_GROUPS = 12
# Default subgroups; "size" and "aspect" are made from width and height.
USUAL = ("subtype", "size", "aspect", "series", "split")
# Of people and places, where the data say them. Of an age the band alone is kept.
PEOPLE = ("age_band", "sex", "view", "site", "manufacturer")
AGE_BANDS = {
    "under 1 year": 1,
    "1–5 years": 6,
    "6–15 years": 16,
    "16–39 years": 40,
    "40–64 years": 65,
    "65 years and over": 131,
}  # up to this many years, which is excluded
COLUMNS = (
    *("by", "group", "n", "n_normal", "n_pneumonia", "auc", "auc_low", "auc_high", "auc_against"),
    *("sensitivity", "sensitivity_low", "sensitivity_high", "missed"),
    *("specificity", "specificity_low", "specificity_high", "false_alarms", "warning"),
)


def subgroups(
    table: pd.DataFrame, *, threshold: float, by: Sequence[str] | None = None
) -> pd.DataFrame:
    """A row a subgroup, all films first; positive is p_pneumonia >= threshold.

    table: label, p_pneumonia and the columns to cut by; by: "size" (thirds by megapixels),
    "aspect" (thirds by width / height), or any column: numbers are cut into thirds, text is taken
    as it is, the rarest kinds together where there are more than 12. By default all of USUAL with
    more than one part. Columns, see COLUMNS:
      by, group                   what was cut, and which part
      auc, …_low, …_high          DeLong; of a group of one class, against `auc_against`
      sensitivity, specificity    Wilson; NaN where there is no such film
      missed, false_alarms        misclassified films
      warning                     that the subgroup is a small sample, "" if it is not
    Raises ValueError for a column that is not there.
    """
    import pandas as pd

    rows = [_row("all", "all films", table, table, threshold)]
    for name in usual(table) if by is None else by:
        for group, member in cut(table, name):
            rows.append(_row(name, group, table[member], table, threshold))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def usual(table: pd.DataFrame) -> list[str]:
    """Of PEOPLE and USUAL, what the table has with more than one part."""
    sized = {"width", "height"} <= set(table.columns)
    made = {"size", "aspect"} if sized else set()
    there = [name for name in (*PEOPLE, *USUAL) if name in table or name in made]
    return [name for name in there if len(cut(table, name)) > 1]


def cut(table: pd.DataFrame, by: str) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """(name, bool (N,)) of each part. A film of which the column says nothing is in none."""
    import pandas as pd

    if by in {"size", "aspect"} and by not in table:
        width, height = (table[side].to_numpy(np.float64) for side in ("width", "height"))
        if by == "size":
            return _thirds(width * height / 1e6, "megapixels")
        return _thirds(width / np.where(height > 0, height, np.nan), "times as wide as high")
    if by not in table:
        raise ValueError(f"Expected a column of the table, got {by!r}.")
    if by == "age_band":  # in the order of the ages
        parts = [(band, (table[by] == band).to_numpy(np.bool_)) for band in AGE_BANDS]
        return [(band, member) for band, member in parts if member.any()]
    values = table[by]
    if pd.api.types.is_numeric_dtype(values) and values.nunique() > MOST_GROUPS:
        return _thirds(values.to_numpy(np.float64), "")
    text = values.astype("string").fillna("").str.strip()
    counts = text[text != ""].value_counts()
    kept = list(counts.index[: MOST_GROUPS if len(counts) <= MOST_GROUPS else MOST_GROUPS - 1])
    parts = [(str(kind), (text == kind).to_numpy(np.bool_)) for kind in sorted(kept)]
    rest = ((text != "") & ~text.isin(kept)).to_numpy(np.bool_)
    if rest.any():
        parts.append((f"{len(counts) - len(kept)} other kinds", rest))
    return parts


def with_people(table: pd.DataFrame, index: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns of PEOPLE that `index` has, row by row; "" where one is unknown.

    index: age in years (float, NaN unknown) and the others as text, each optional.
    """
    joined = table.copy()
    if "age" in index:
        joined["age_band"] = [_band(age) for age in index["age"].to_numpy(np.float64)]
    for name in PEOPLE[1:]:
        if name in index:
            joined[name] = index[name].astype("string").fillna("").astype(str).to_numpy()
    known = [name for name in PEOPLE if name in joined and (joined[name] != "").any()]
    return joined.drop(columns=[name for name in PEOPLE if name in joined and name not in known])


def _band(age: float) -> str:
    return next((band for band, end in AGE_BANDS.items() if 0 <= age < end), "")


def _thirds(values: npt.NDArray[np.float64], unit: str) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Three parts of about as many films each, named by where they begin and end."""
    known = np.isfinite(values)
    if not known.any():
        return []
    low, high = np.quantile(values[known], [1 / 3, 2 / 3])
    said = f" {unit}" if unit else ""
    if low == high:
        parts = [(f"up to {low:.3g}{said}", values <= low), (f"over {low:.3g}{said}", values > low)]
    else:
        parts = [
            (f"up to {low:.3g}{said}", values <= low),
            (f"{low:.3g} to {high:.3g}{said}", (values > low) & (values <= high)),
            (f"over {high:.3g}{said}", values > high),
        ]
    return [(name, member & known) for name, member in parts if (member & known).any()]


def _row(
    by: str, group: str, films: pd.DataFrame, table: pd.DataFrame, threshold: float
) -> dict[str, Any]:
    positive = (films["label"] == "pneumonia").to_numpy()
    c = metrics.confusion(positive, films["p_pneumonia"].to_numpy(), threshold)
    area, against = _area(films, table)
    rates = c.rates()
    n_positive, n_negative = c.tp + c.fn, c.tn + c.fp
    return {
        "by": by,
        "group": group,
        "n": c.n,
        "n_normal": n_negative,
        "n_pneumonia": n_positive,
        **_ends("auc", area),
        "auc_against": against,
        **_ends("sensitivity", rates["sensitivity"]),
        "missed": c.fn,
        **_ends("specificity", rates["specificity"]),
        "false_alarms": c.fp,
        "warning": metrics.small_sample_words(
            {"pneumonia films": n_positive, "normal films": n_negative}
        ),
    }


def _area(films: pd.DataFrame, table: pd.DataFrame) -> tuple[Estimate, str]:
    """The AUC within the films; where they are of one class, against all films of the other."""
    import pandas as pd

    kinds = set(films["label"])
    other = {"normal": "pneumonia", "pneumonia": "normal"}
    against = "normal and pneumonia films of this group"
    if len(kinds) == 1:
        missing = other[kinds.pop()]
        rest = table[table["label"] == missing]
        if rest.empty:
            return metrics.Estimate(math.nan, math.nan, math.nan), ""
        films, against = pd.concat([films, rest]), f"all {len(rest):,} {missing} films"
    positive = (films["label"] == "pneumonia").to_numpy()
    return metrics.auc_delong(positive, films["p_pneumonia"].to_numpy()), against


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    value, low, high = estimate
    unknown = math.isnan(value)
    ends = (math.nan, math.nan) if unknown else (low, high)
    return {name: value, f"{name}_low": ends[0], f"{name}_high": ends[1]}
