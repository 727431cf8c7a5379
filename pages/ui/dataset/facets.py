"""The film index as the charts need it: counts for the bars, pairs of numbers for the points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui.cache import HASH_FUNCS
from pages.ui.charts.dataset import Bar, ends_of, marks, overlay_html
from pages.ui.charts.theme import SERIES, SUBTYPES
from pages.ui.dataset.filters import Area, OneOf, Span, chosen, on

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    from pages.ui.charts.dataset import Numbers
    from pages.ui.dataset.filters import Condition
    from pneumo_core.dataset.catalogue import Catalogue


SPLITS = ("train", "val", "test", "all")
KIND = ("split", "subtype", "label")  # columns that the first chart chooses from
# Age bands by their first year.
AGE_BANDS = {
    "under 1 year": 0.0,
    "1–5 years": 1.0,
    "6–15 years": 6.0,
    "16–39 years": 16.0,
    "40–64 years": 40.0,
    "65 years and over": 65.0,
}
PATIENT_FACTS = ("age_band", "sex", "view", "site", "manufacturer")
_MOST_BARS = 8
PER_PATIENT = {"1": 1, "2": 2, "3": 3, "4": 4, "5–9": 9, "10 and more": 10**9}


@dataclass(frozen=True)
class ScatterPlot:
    """A scatter plot of two numbers of a film.

    across, up: the condition that a rectangle makes of each, its range still open; titles: of the
    axes, with units; hint: why it matters.
    """

    name: str
    across: Span
    up: Span
    titles: tuple[str, str]
    hint: str

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it shows."""
        return self.across.columns | self.up.columns


SCATTER_PLOTS = (
    ScatterPlot(
        "Size and shape",
        Span("width", 0, 0, "width", "px"),
        Span("aspect", 0, 0, "width ÷ height", digits=2),
        ("Width (pixels)", "Width ÷ height"),
        "If the classes differ in shape, a model can use the framing as a shortcut.",
    ),
    ScatterPlot(
        "Brightness and contrast",
        Span("mean", 0, 0, "mean grey", digits=0),
        Span("contrast", 0, 0, "contrast", digits=0),
        ("Mean grey level (0 black – 255 white)", "Contrast (SD of grey levels)"),
        "Exposure differs between devices and wards, and so possibly between the classes.",
    ),
    ScatterPlot(
        "Compression",
        Span("quality", 0, 0, "JPEG quality"),
        Span("bytes_per_pixel", 0, 0, "file size", "bytes per pixel", digits=2),
        ("JPEG quality (1–100)", "File size (bytes per pixel)"),
        "A model can use compression artefacts as a shortcut.",
    ),
)


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=HASH_FUNCS)
def facets_of(catalogue: Catalogue) -> pd.DataFrame:
    """The index of a catalogue with what the charts add to it."""
    return with_facets(catalogue.index)


def with_facets(index: pd.DataFrame) -> pd.DataFrame:
    """The index with `per_patient`: how many films the film's patient has, as in PER_PATIENT."""
    counts = index["group"].map(index["group"].value_counts()).to_numpy()
    bounds = np.array(list(PER_PATIENT.values()))
    words = np.array(list(PER_PATIENT))
    return index.assign(
        per_patient=words[np.searchsorted(bounds, counts)], age_band=_age_bands(index)
    )


def _age_bands(index: pd.DataFrame) -> NDArray[np.str_]:
    """The band of AGE_BANDS that each film's age falls into, "" where it is unknown."""
    if "age" not in index:
        return np.full(len(index), "")
    ages = index["age"].to_numpy(np.float64)
    starts = np.array(list(AGE_BANDS.values()))
    at = np.searchsorted(starts, np.nan_to_num(ages), side="right") - 1
    return np.where(np.isnan(ages), "", np.array(list(AGE_BANDS))[at])


def known_facts(films: pd.DataFrame) -> list[str]:
    """The columns of PATIENT_FACTS that are known for some film."""
    return [name for name in PATIENT_FACTS if name in films and bool((films[name] != "").any())]


def by_fact(films: pd.DataFrame, conditions: tuple[Condition, ...], column: str) -> list[Bar]:
    """Films by a column of PATIENT_FACTS, its most frequent values; "unknown" for none."""
    left = films[chosen(films, conditions, except_for=(column,))]
    own = next((one for one in conditions if one.columns == {column}), None)
    total, shown = films[column].value_counts(), left[column].value_counts()
    values = [v for v in AGE_BANDS if v in total] if column == "age_band" else list(total.index)
    if column == "age_band" and "" in total:
        values.append("")
    return [
        Bar(
            names=(value or "unknown",),
            shown=int(shown.get(value, 0)),
            total=int(total[value]),
            value=value,
            chosen=not isinstance(own, OneOf) or value in own.among,
        )
        for value in values[:_MOST_BARS]
    ]


def by_kind(films: pd.DataFrame, conditions: tuple[Condition, ...]) -> list[Bar]:
    """Films of each split and kind."""
    left = chosen(films, conditions, except_for=KIND)
    marked = chosen(films, [one for one in conditions if one.columns & set(KIND)])
    columns = ["split", "subtype"]
    total = films[columns].value_counts()
    shown = films.loc[left, columns].value_counts()
    lit = films.loc[marked, columns].value_counts()
    return [
        Bar(
            names=(split, SUBTYPES[kind].title),
            shown=int(shown.get((split, kind), 0)),
            total=int(total[split, kind]),
            value=(split, kind),
            chosen=(split, kind) in lit.index,
            colour=SUBTYPES[kind].colour,
            pattern=SUBTYPES[kind].pattern,
        )
        for split in SPLITS
        for kind in SUBTYPES
        if (split, kind) in total.index
    ]


def patients_by_split(films: pd.DataFrame, conditions: tuple[Condition, ...]) -> list[Bar]:
    """Patients of each split; one with films in two splits counts in both."""
    return _patients(films, conditions, "split", SPLITS, SERIES)


def patients_by_films(films: pd.DataFrame, conditions: tuple[Condition, ...]) -> list[Bar]:
    """Patients by how many films each has in the whole data set."""
    return _patients(films, conditions, "per_patient", tuple(PER_PATIENT), ())


@st.cache_resource(show_spinner=False, max_entries=60, hash_funcs=HASH_FUNCS)
def overlay_of(
    catalogue: Catalogue, scatter: ScatterPlot, conditions: tuple[Condition, ...]
) -> str:
    """`overlay` of a catalogue, once for the same conditions."""
    return overlay(facets_of(catalogue), scatter, conditions)


def overlay(films: pd.DataFrame, scatter: ScatterPlot, conditions: tuple[Condition, ...]) -> str:
    """HTML of a scatter's marks: the films that all other conditions leave."""
    x, y = numbers(films, scatter)
    ends, rows = ends_of(x, y), chosen(films, conditions, except_for=scatter.columns)
    own = on(conditions, *scatter.columns)
    area = None
    if isinstance(own, Area):
        area = (own.across.low, own.across.high, own.up.low, own.up.high)
    return overlay_html(
        marks(x, y, films["subtype"].to_numpy(), rows, ends=ends, area=area),
        ends,
        area,
        alt=f"{scatter.name}: {scatter.titles[1]} over {scatter.titles[0]} of {rows.sum():,} films",
    )


def rectangle(scatter: ScatterPlot, across: tuple[float, float], up: tuple[float, float]) -> Area:
    """The condition of a rectangle in a scatter plot; its corners may come in any order."""
    return Area(_between(scatter.across, across), _between(scatter.up, up))


def numbers(films: pd.DataFrame, scatter: ScatterPlot) -> tuple[Numbers, Numbers]:
    """What a scatter draws: two numbers of each film, float (N,), NaN where unknown."""
    across, up = (films[span.column].to_numpy(float) for span in (scatter.across, scatter.up))
    return across, up


def constant(films: pd.DataFrame, scatter: ScatterPlot) -> str:
    """Why there is nothing to plot: a number is unknown, or both are the same for all films."""
    across, up = films[scatter.across.column].dropna(), films[scatter.up.column].dropna()
    if across.empty or up.empty:
        return f"{scatter.titles[0 if across.empty else 1]}: unknown for all of these films."
    if not (across.eq(across.iloc[0]).all() and up.eq(up.iloc[0]).all()):
        return ""
    if scatter.across.column == "width":
        width, height = int(films["width"].max()), int(films["height"].max())
        return f"All films are {width:,} × {height:,} pixels."
    return f"All films are the same: {_between(scatter.across, _ends(across)).words}."


def _patients(
    films: pd.DataFrame,
    conditions: tuple[Condition, ...],
    column: str,
    values: tuple[str, ...],
    colours: Iterable[str],
) -> list[Bar]:
    left = films[chosen(films, conditions, except_for=(column,))]
    own = next((one for one in conditions if one.columns == {column}), None)
    total = films.groupby(column, observed=True)["group"].nunique()
    shown = left.groupby(column, observed=True)["group"].nunique()
    painted = dict(zip(values, colours, strict=False))
    return [
        Bar(
            names=(value,),
            shown=int(shown.get(value, 0)),
            total=int(total[value]),
            value=value,
            chosen=not isinstance(own, OneOf) or value in own.among,
            **({"colour": painted[value]} if value in painted else {}),
        )
        for value in values
        if value in total.index
    ]


def _between(span: Span, ends: tuple[float, float]) -> Span:
    low, high = sorted(ends)
    return Span(span.column, low, high, span.name, span.unit, span.digits)


def _ends(values: pd.Series) -> tuple[float, float]:
    return float(values.min()), float(values.max())
