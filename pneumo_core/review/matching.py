"""Several tables of predictions joined film by film; what does not match is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


class NoCommonFilms(DataSetError):
    """Tables of predictions that have no film in common."""


@dataclass(frozen=True)
class Matched:
    """films: film, label, subtype, group, and `p NAME` of each model; notes: sentences."""

    films: pd.DataFrame
    notes: tuple[str, ...]


def match(tables: Sequence[tuple[str, pd.DataFrame]]) -> Matched:
    """Join tables of predictions by film; a film must be the same file with the same label.

    tables: (model, table) with film, label, subtype, group, p_pneumonia, and sha256 where known.
    Left out, and told: films that not all have, films listed twice, films whose hashes or labels
    differ. Raises NoCommonFilms where nothing is left.
    """
    notes: list[str] = []
    ready = [(name, _once(name, table, notes)) for name, table in tables]
    first = ready[0][1]
    common = first.index
    for _, table in ready[1:]:
        common = common.intersection(table.index, sort=False)
    for name, table in ready:
        extra = len(table) - len(common)
        if extra:
            notes.append(f"{name} has {_films(extra)} that not all others have: left out.")
    for column, what in (("sha256", "content"), ("label", "label")):
        common = _same(ready, common, column, what, notes)
    if common.empty:
        raise NoCommonFilms(
            f"Expected films that {' and '.join(name for name, _ in ready)} both have predictions "
            "for; there is none. Give a labelled folder with --data and --split, and each model "
            "reads it."
        )
    films = first.loc[common, ["label", "subtype", "group"]].copy()
    for name, table in ready:
        films[f"p {name}"] = table.loc[common, "p_pneumonia"]
    return Matched(films.rename_axis("film").reset_index(), tuple(notes))


def _once(name: str, table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    twice = table["film"].duplicated(keep=False)
    if twice.any():
        notes.append(f"{name} lists {_films(table['film'][twice].nunique())} twice: left out.")
    return table[~twice].set_index("film")


def _same(
    ready: list[tuple[str, pd.DataFrame]],
    common: pd.Index[str],
    column: str,
    what: str,
    notes: list[str],
) -> pd.Index[str]:
    """The films of `common` in which all tables that have the column agree."""
    having = [(name, table) for name, table in ready if column in table]
    if not having:
        return common
    first_name, first = having[0]
    for name, table in having[1:]:
        differs = first.loc[common, column].to_numpy() != table.loc[common, column].to_numpy()
        if differs.any():
            shown = ", ".join(str(film) for film in common[differs][:3])
            notes.append(
                f"{_films(int(differs.sum())).capitalize()} of {name} with another {what} than in "
                f"{first_name} ({shown}): left out."
            )
            common = common[~differs]
    return common


def _films(n: int) -> str:
    return f"{n:,} film{'' if n == 1 else 's'}"
