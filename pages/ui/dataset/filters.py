"""Filters of a data set: conditions on its films, each in words, joined by "and"; their state;
the row of facts and the row of chips that show them.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.page import plain
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    Rows = NDArray[np.bool_]


NAMES = {
    "split": "split",
    "subtype": "kind",
    "label": "class",
    "per_patient": "films per patient",
    "age_band": "age",
    "sex": "sex",
    "view": "view",
    "site": "site",
    "manufacturer": "manufacturer",
}


@dataclass(frozen=True)
class OneOf:
    """The films whose `column` has one of `among`; `name` is the column in words."""

    column: str
    among: tuple[str, ...]
    name: str

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the condition is about."""
        return frozenset({self.column})

    @property
    def words(self) -> str:
        """The condition in words: "split: train or val"."""
        return f"{self.name}: {' or '.join(one or 'unknown' for one in self.among)}"

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row of `films` fulfils it, bool (N,)."""
        return films[self.column].isin(self.among).to_numpy()


@dataclass(frozen=True)
class Span:
    """A range of one number, both ends included; `digits` of them are shown."""

    column: str
    low: float
    high: float
    name: str
    unit: str = ""
    digits: int = 0

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the condition is about."""
        return frozenset({self.column})

    @property
    def words(self) -> str:
        """The range in words: "width 900–1,200 px"."""
        low, high = (f"{value:,.{self.digits}f}" for value in (self.low, self.high))
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {low if low == high else f'{low}–{high}'}{unit}"

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row is in the range; a missing number does not."""
        return films[self.column].between(self.low, self.high).to_numpy()


@dataclass(frozen=True)
class Area:
    """A rectangle in a chart of two numbers."""

    across: Span
    up: Span

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the condition is about."""
        return frozenset({self.across.column, self.up.column})

    @property
    def words(self) -> str:
        """Both ranges: "width 900–1,200 px, aspect 1.20–1.40"."""
        return f"{self.across.words}, {self.up.words}"

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row is in both ranges."""
        return self.across.holds(films) & self.up.holds(films)


@dataclass(frozen=True)
class Named:
    """The films whose file name or patient has `text` in it, in any case."""

    text: str

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the condition is about."""
        return frozenset({"film", "group"})

    @property
    def words(self) -> str:
        """The condition in words."""
        return f"name or patient with “{self.text}”"

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row's file name or patient has the text in it."""
        text = self.text.casefold()
        return np.array(
            [
                text in film.rpartition("/")[2].casefold() or text in group.casefold()
                for film, group in zip(films["film"], films["group"], strict=True)
            ],
            dtype=np.bool_,
        )


@dataclass(frozen=True)
class Among:
    """The films of a finding, or any other list of films by name, in the order to show them in."""

    films: tuple[str, ...]
    name: str

    @property
    def columns(self) -> frozenset[str]:
        """Columns that the condition is about."""
        return frozenset({"film"})

    @property
    def words(self) -> str:
        """What the films have in common."""
        return self.name

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row is in the list."""
        return films["film"].isin(self.films).to_numpy()


Condition = OneOf | Span | Area | Named | Among


def chosen(
    films: pd.DataFrame, conditions: Iterable[Condition], *, except_for: Iterable[str] = ()
) -> Rows:
    """Whether each row of `films` fulfils all conditions, bool (N,).

    Conditions on a column of `except_for` are left out: a chart shows what its own bars choose
    from, and marks the chosen ones.
    """
    left_out = frozenset(except_for)
    rows = np.ones(len(films), dtype=np.bool_)
    for condition in conditions:
        if not condition.columns & left_out:
            rows &= condition.holds(films)
    return rows


def in_order(films: pd.DataFrame, conditions: Iterable[Condition]) -> pd.DataFrame:
    """The rows in the order of a finding, where one is selected: pairs stay together."""
    listed = next((one for one in conditions if isinstance(one, Among)), None)
    if listed is None:
        return films
    place = {film: at for at, film in enumerate(listed.films)}
    return films.iloc[films["film"].map(place).to_numpy().argsort(kind="stable")]


def on(conditions: Iterable[Condition], *columns: str) -> Condition | None:
    """The condition on exactly these columns, if there is one."""
    return next((one for one in conditions if one.columns == set(columns)), None)


def put(conditions: tuple[Condition, ...], new: Condition) -> tuple[Condition, ...]:
    """The conditions with this one, in the place of another on the same columns."""
    return (*without(conditions, new.columns), new)


def without(conditions: tuple[Condition, ...], columns: frozenset[str]) -> tuple[Condition, ...]:
    """The conditions but the one on exactly these columns."""
    return tuple(one for one in conditions if one.columns != columns)


def toggled(conditions: tuple[Condition, ...], clicked: OneOf) -> tuple[Condition, ...]:
    """The conditions after a click on a bar: the one that is set is removed, any other is set."""
    if clicked in conditions:
        return without(conditions, clicked.columns)
    return put(conditions, clicked)


def prepare(data_set: str) -> None:
    """Clear the conditions when another data set (named by its key) is opened."""
    if state.filtered_dataset.get() != data_set:
        state.filtered_dataset.set(data_set)
        clear()


def current_conditions() -> tuple[Condition, ...]:
    """The conditions that all films shown fulfil, in the order in which they were set."""
    return state.conditions.get()


def choose(new: tuple[Condition, ...], *, go_to_films: bool = False) -> None:
    """Filter by these conditions; with `go_to_films` the page scrolls to the films themselves."""
    kept = {one.columns for one in new}
    for one in current_conditions():
        if isinstance(one, Area) and one.columns not in kept:
            counts = state.cleared_rectangles.get()
            state.cleared_rectangles.set({**counts, one.columns: cleared(one.columns) + 1})
    changes = state.condition_changes.get() + 1
    state.conditions.set(new)
    state.condition_changes.set(changes)
    if go_to_films:
        state.gallery_request.set(changes)


def drop(columns: frozenset[str]) -> None:
    """Remove the condition on these columns."""
    choose(without(current_conditions(), columns))


def clear() -> None:
    """Show all films."""
    choose(())


def cleared(columns: frozenset[str]) -> int:
    """How often the rectangle over these columns was cleared: part of the key of their chart,
    which keeps its rectangle as long as it is the same chart.
    """
    return state.cleared_rectangles.get().get(columns, 0)


def show_facts(films: pd.DataFrame, shown: pd.DataFrame) -> None:
    """What is shown of all `films`: films, patients, kinds, duplicates, unreadable files."""
    parts = [
        _fact(len(shown), "films")
        if len(shown) == len(films)
        else _number(len(shown), f"of {count(len(films), 'films')}"),
        _fact(shown["group"].nunique(), "patients"),
        *(
            _number(count, SUBTYPES[kind].title, f"pn-{SUBTYPES[kind].css}")
            for kind, count in _kinds(shown)
        ),
        _fact(duplicates(shown), "duplicate pairs"),
        _number(int((~shown["readable"]).sum()), "unreadable"),
    ]
    st.html(f'<ul class="pn-figures">{"".join(parts)}</ul>')


def show_chips(place: str, otherwise: str = "") -> None:
    """Each condition as a chip that removes it; `otherwise` where there is none.

    `place` distinguishes two such rows.
    """
    conditions = current_conditions()
    if not conditions and not otherwise:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"chips-{place}"):
        words = "Filters" if conditions else otherwise
        st.html(f'<span class="pn-hint">{words}</span>', width="content")
        for at, condition in enumerate(conditions):
            st.button(
                plain(condition.words),
                key=f"dataset.chip.{place}.{at}",
                icon=":material/close:",
                icon_position="right",
                help="Remove this filter",
                on_click=drop,
                args=(condition.columns,),
            )
        if len(conditions) > 1:
            st.button("Show all films", key=f"dataset.all.{place}", type="tertiary", on_click=clear)


def duplicates(films: pd.DataFrame) -> int:
    """How many pairs of readable files are identical; three copies make three pairs."""
    counts = films.loc[films["readable"], "sha256"].value_counts()
    return int((counts * (counts - 1) // 2).sum())


def _kinds(films: pd.DataFrame) -> list[tuple[str, int]]:
    counts = films["subtype"].value_counts()
    return [(kind, int(counts[kind])) for kind in SUBTYPES if kind in counts.index]


def _fact(number: int, unit: str) -> str:
    return _number(number, count(number, unit).partition(" ")[2])


def _number(number: int, words: str, css: str = "") -> str:
    return f'<li><strong>{number:,}</strong> <span class="{css}">{escape(words)}</span></li>'
