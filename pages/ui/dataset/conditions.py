"""What of a data set is looked at: conditions on its films, each in words, joined by "and"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray

    Rows = NDArray[np.bool_]


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
        """The condition as a person says it: "split: train or val"."""
        return f"{self.name}: {' or '.join(self.among)}"

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
        """The range as a person says it: "width 900–1,200 px"."""
        low, high = (f"{value:,.{self.digits}f}" for value in (self.low, self.high))
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.name} {low if low == high else f'{low}–{high}'}{unit}"

    def holds(self, films: pd.DataFrame) -> Rows:
        """Whether each row lies in the range; a missing number does not."""
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
        """Whether each row lies in both ranges."""
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
        """The condition as a person says it."""
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
    """The rows as a finding has them, where one is looked at: the films of a pair together."""
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
    """The conditions after a click on a bar: one that is chosen alone is let go of, any other
    becomes the one that is chosen.
    """
    if clicked in conditions:
        return without(conditions, clicked.columns)
    return put(conditions, clicked)
