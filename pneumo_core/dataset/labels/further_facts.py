"""Further tables of a data set: age, sex, view, patient and site of films that have their label."""

from __future__ import annotations

import math
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from pneumo_core.dataset.film_facts import OPTIONAL, FilmFacts, LeftOut
from pneumo_core.dataset.labels.guess import expand_folders, guessed_map, match_files
from pneumo_core.dataset.labels.known_forms import CANONICAL, KERMANY, canonical, form_of
from pneumo_core.dataset.labels.label_map import LabelMap
from pneumo_core.dataset.labels.table_files import is_table, read_table
from pneumo_core.dataset.labels.values import ages_in_years, sexes, table_groups, views
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from pneumo_core.dataset.labels.folder_labels import LabelledFilms
    from pneumo_core.dataset.labels.known_forms import KnownForm

_PATIENT = "patient"
_TAKEN = (*OPTIONAL, "patient_known")


def with_further_facts(
    found: LabelledFilms, folders: Sequence[Path], images: Sequence[str], used: Sequence[Path] = ()
) -> LabelledFilms:
    """The films with what the tables directly in `folders` say of them beside the label.

    used: the tables that gave the labels. Only what is not known yet is taken;
    a film that turns out to be lateral is left out. A table that names no film changes nothing.
    """
    for path in _other_tables(folders, used):
        read = _read(path, images)
        if read is not None:
            found = _joined(found, path, *read)
    return found


def _other_tables(folders: Sequence[Path], used: Sequence[Path]) -> list[Path]:
    tables = {
        path
        for folder in {one.resolve() for one in folders}
        for path in folder.iterdir()
        if is_table(path.name) and path.is_file() and not path.is_symlink()
    }
    return sorted(tables - {one.resolve() for one in used})


def _read(path: Path, images: Sequence[str]) -> tuple[pd.DataFrame, KnownForm | None] | None:
    """One row a film (the index) with the columns CANONICAL, text; None where it names no film."""
    try:
        form = form_of(list(read_table(path, rows=5).columns))
        rows = _guessed(path, images) if form is None else canonical(form, [path])
    except DataSetError:
        return None  # a table of something else
    if rows is None:
        return None
    rows = expand_folders(rows[rows["file"] != ""].reset_index(drop=True), images)
    rows = rows.assign(film=match_files(rows["file"], images).film)
    rows = rows[rows["film"] != ""].drop_duplicates("film").set_index("film")
    return None if rows.empty else (rows, form)


def _guessed(path: Path, images: Sequence[str]) -> pd.DataFrame | None:
    import pandas as pd

    table = read_table(path)
    columns = dict(guessed_map(table, images, LabelMap()).columns)
    if "file" not in columns or not columns.keys() & {*OPTIONAL, _PATIENT}:
        return None
    return pd.DataFrame({name: table[columns[name]] if name in columns else ""
                         for name in CANONICAL})  # fmt: skip


def _joined(
    found: LabelledFilms, path: Path, rows: pd.DataFrame, form: KnownForm | None
) -> LabelledFilms:
    rows = rows[rows.index.isin(list(found.facts))]
    if rows.empty:
        return found
    columns = {
        "age": ages_in_years(rows["age"]),
        "sex": sexes(rows["sex"]),
        "view": views(rows["view"]),
        "site": rows["site"],
        "manufacturer": rows["manufacturer"],
    }
    named = rows[rows[_PATIENT] != ""]
    groups = dict(zip(named.index, table_groups(named, public=form is not None), strict=True))
    facts = dict(found.facts)
    values = zip(*(column.tolist() for column in columns.values()), strict=True)
    for film, (age, sex, view, site, maker) in zip(rows.index.tolist(), values, strict=True):
        old = facts[film]
        group, series, known = old.group, old.series, old.patient_known
        if not known and film in groups:
            group, series, known = groups[film]
        facts[film] = FilmFacts(
            *(old.split, old.label, old.subtype, group, series, known),
            *(age if math.isnan(old.age) else old.age, old.sex or sex, old.view or view),
            *(old.site or site, old.manufacturer or maker),
        )
    taken = {name: _known(facts, name) - _known(found.facts, name) for name in _TAKEN}
    return _told(found, facts, taken, f"{path.name}{f' ({form.name})' if form else ''}", form)


def _known(facts: Mapping[str, FilmFacts], name: str) -> int:
    """Of how many films this is known."""
    values = map(attrgetter(name), facts.values())
    return sum(v is not False and v != "" and v == v for v in values)  # noqa: PLR0124 - NaN


def _told(
    found: LabelledFilms,
    facts: dict[str, FilmFacts],
    taken: Mapping[str, int],
    table: str,
    form: KnownForm | None,
) -> LabelledFilms:
    """The films with these facts, laterals left out, and a note of what came from the table."""
    lateral = [film for film, one in facts.items() if one.view == "LATERAL"]
    for film in lateral:
        del facts[film]
    names = [name.removesuffix("_known") for name, films in taken.items() if films]
    if not names:
        return found
    said = ", ".join(names).capitalize()
    notes = [f"{said} of {count(max(taken.values()), 'films')} from {table}."]
    if form is not None and not form.has_labels:
        notes.append(form.note)
    kermany = sum(one.site == KERMANY for one in facts.values())
    if kermany:
        notes.append(
            f"{count(kermany, 'films')} are Kermany's, as most models of paediatric pneumonia are "
            "trained on: figures on them are no test of such a model."
        )
    left = [LeftOut("lateral views", f"not frontal, by {table}", len(lateral))] if lateral else []
    return replace(
        found,
        facts=facts,
        left_out=(*found.left_out, *left),
        notes=(*found.notes, *notes),
    )
