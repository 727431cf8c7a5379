"""Labels from a table: its rows, of one reader or several → one label a film, and why not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.film_facts import FilmFacts, LeftOut
from pneumo_core.dataset.labels.folder_labels import LabelledFilms
from pneumo_core.dataset.labels.guess import expand_folders, guessed_map, match_files, unknown_table
from pneumo_core.dataset.labels.known_forms import (
    CANONICAL,
    SEPARATOR,
    KnownForm,
    canonical,
    form_of,
    known_tables,
)
from pneumo_core.dataset.labels.label_map import LEAVE_OUT, LabelMap, Labels, class_key
from pneumo_core.dataset.labels.table_files import read_table
from pneumo_core.dataset.labels.values import (
    ages_in_years,
    classes_of,
    sexes,
    splits,
    views,
)
from pneumo_core.dataset.names import parse_name, stem_of
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import count, estimate
from pneumo_core.metrics.intervals import UNKNOWN, Estimate
from pneumo_core.metrics.paired import fleiss_kappa

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from pneumo_core.dataset.labels.label_map import Readers

_NAMED = 20  # values of a label column that are each told by name
_LATERAL = ("LATERAL",)
DISAGREE = "disagree"
KINDS = ("bacterial", "viral", "pneumonia")


@dataclass(frozen=True)
class ReadTable:
    """A table as it was understood, before any file was looked for.

    rows: DataFrame with the columns CANONICAL, text; form: its known form, None where a mapping
    names its columns; map: with the classes of all values that are known; name: of the file.
    """

    rows: pd.DataFrame
    form: KnownForm | None
    map: LabelMap
    name: str

    @property
    def source(self) -> str:
        """Where the labels come from, in words."""
        how = (
            self.form.name
            if self.form
            else "columns: " + ", ".join(f"{what} = {name}" for what, name in self.map.columns)
        )
        return f"{self.name} ({how})"


def understand(labels: Labels, images: Sequence[str]) -> ReadTable:
    """Read the table of `labels` by its mapping, its known form, or a guess that leaves no doubt.

    images: posix paths below the root, by which a guess tells which column names the file.
    Raises DataSetError where the table cannot be read or its columns are not known.
    """
    if labels.table is None:
        raise DataSetError("Expected the name of a table of labels, got none.")
    table_map, name = labels.map, labels.table.name
    if labels.table.is_dir():
        form, paths = _form_in(labels.table)
        return ReadTable(canonical(form, paths), form, _with_form(table_map, form), name)
    table = read_table(labels.table)
    found = None if table_map.columns else form_of(list(table.columns))
    if found is not None:
        rows = canonical(found, [labels.table])
        return ReadTable(rows, found, _with_form(table_map, found), name)
    if not table_map.columns:
        table_map = guessed_map(table, images, table_map)
        if not (table_map.column("file") and table_map.column("label")):
            raise unknown_table(labels.table, table, table_map)
    return ReadTable(_by_columns(table, table_map, name), None, table_map, name)


def tables_of(table: Path) -> list[Path]:
    """The files of the table of some labels: itself, or those of a known form in a folder."""
    return _form_in(table)[1] if table.is_dir() else [table]


def _form_in(folder: Path) -> tuple[KnownForm, list[Path]]:
    found = known_tables(folder)
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise DataSetError(
            f"Expected tables of one known form in {folder.name}, got {names}. Name one table with "
            "--labels."
        )
    return next(iter(found.values()))


def _with_form(table_map: LabelMap, form: KnownForm) -> LabelMap:
    """The form's classes, those of the mapping first."""
    own = {class_key(value): target for value, target in table_map.classes}
    values = {class_key(value): target for value, target in form.classes.items()} | own
    return LabelMap(
        classes=tuple(values.items()),
        folders=table_map.folders,
        separator=SEPARATOR,
        readers=table_map.readers,
    )


def _by_columns(table: pd.DataFrame, table_map: LabelMap, name: str) -> pd.DataFrame:
    import pandas as pd

    missing = [column for _, column in table_map.columns if column not in table]
    if missing:
        raise DataSetError(
            f"Expected the column {missing[0]} in {name}, got {', '.join(table.columns)}. Correct "
            "the mapping."
        )
    named = dict(table_map.columns)
    for needed in ("file", "label"):
        if needed not in named:
            raise DataSetError(
                f"Expected a column for the {needed} in the mapping of {name}, got none. Its "
                f"columns are {', '.join(table.columns)}."
            )
    rows = pd.DataFrame(
        {what: table[named[what]] if what in named else "" for what in CANONICAL if what != "value"}
    )
    rows["value"] = table[named["label"]]
    return rows[list(CANONICAL)]


def read_labels(labels: Labels, images: Sequence[str]) -> LabelledFilms:
    """The labels that a table gives to `images`, posix paths below the root.

    Raises DataSetError as `understand` does, and where no row gives a film a class.
    """
    table = understand(labels, images)
    rows = table.rows[table.rows["file"] != ""]
    left = [LeftOut(f"rows of {table.name}", "no file is named", len(table.rows) - len(rows))]
    rows = expand_folders(rows.drop_duplicates().reset_index(drop=True), images)
    matches = match_files(rows["file"], images)
    lost = (matches.film == "") & ~matches.ambiguous
    left += [
        LeftOut(f"rows of {table.name}", "no image of that name", _files(rows, lost)),
        LeftOut(
            f"rows of {table.name}",
            "several images have that name",
            _files(rows, matches.ambiguous),
        ),
    ]
    rows = rows.assign(film=matches.film)[matches.film != ""]
    if rows.empty:
        raise DataSetError(
            f"Expected rows of {table.name} that name images of the folder, got none: it names "
            f"{table.rows['file'].iloc[0]}, the folder holds "
            f"{images[0] if images else 'no image'}. Name the folder of the images, or the column "
            "that names the file."
        )
    unlisted = len(set(images) - set(rows["film"].tolist()))
    left.append(LeftOut("images", f"not in {table.name}", unlisted))
    films, agreement, more = _one_label_each(rows, table)
    left += more
    if films.empty:
        raise DataSetError(
            f"Expected labels in {table.name} that mean normal or pneumonia, got "
            f"{_some(rows['value'])}. Give each a class: on the Dataset screen, or in "
            "pneumo-dataset.toml under [classes]."
        )
    facts = _facts(films, table)
    return LabelledFilms(
        facts,
        tuple(one for one in left if one.count),
        source=table.source,
        notes=_notes(table, facts, agreement),
        agreement=agreement,
    )


def _files(rows: pd.DataFrame, which: pd.Series) -> int:
    return int(rows["file"][which].nunique())


def _some(values: pd.Series) -> str:
    found = [str(value) or "(empty)" for value in values.value_counts().index]
    return ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")


def _one_label_each(
    rows: pd.DataFrame, table: ReadTable
) -> tuple[pd.DataFrame, Estimate, list[LeftOut]]:
    """One row a film with `target`, its class; the readers' agreement; what is left out."""
    rows = rows.assign(target=classes_of(rows["value"], table.map), shown=views(rows["view"]))
    left = []
    lateral = rows["shown"].isin(_LATERAL)
    left.append(LeftOut("lateral views", "not frontal", int(rows["film"][lateral].nunique())))
    rows = rows[~lateral].drop_duplicates(["film", "reader", "value"])
    with_readers = bool((rows["reader"] != "").any())
    several = rows["film"].duplicated(keep=False)
    agreement = UNKNOWN
    if with_readers:
        votes = Votes(rows)
        target, agreement = votes.by_readers(table.map.readers), votes.kappa()
    elif several.any():
        target = Votes(rows).by_findings()
    else:
        target = rows.set_index("film")["target"]
    values = rows["value"].where(~several, "several findings")
    films = rows.assign(value=values).drop_duplicates("film").set_index("film")
    films["target"] = target
    split_up, out = films["target"] == DISAGREE, films["target"] == LEAVE_OUT
    why = "its readers disagree" if with_readers else "labelled differently by its rows"
    left.append(LeftOut("images", why, int(split_up.sum())))
    left += _by_value(films["value"][out])
    return films[~split_up & ~out], agreement, left


def _by_value(values: pd.Series) -> list[LeftOut]:
    """What was left out for its findings: each value by name, many of them together."""
    counts = values.value_counts()
    why = "neither normal nor pneumonia"
    if len(counts) <= _NAMED:
        return [
            LeftOut(f"labelled {value or '(empty)'}", why, int(n)) for value, n in counts.items()
        ]
    findings = values.str.split(SEPARATOR).explode().str.strip().value_counts().head(8)
    named = ", ".join(f"{name} {n:,}" for name, n in findings.items())
    return [LeftOut("labelled with other findings", f"{why}: {named} …", int(counts.sum()))]


def _facts(films: pd.DataFrame, table: ReadTable) -> dict[str, FilmFacts]:
    from pneumo_core.dataset.labels.values import table_groups

    label = films["target"].where(films["target"] == "normal", "pneumonia")
    kind = films["target"].where(films["target"] != "pneumonia", "unknown")
    groups = table_groups(films, public=table.form is not None)
    columns = {
        "split": splits(films["split"]),
        "label": label,
        "subtype": kind,
        "age": ages_in_years(films["age"]),
        "sex": sexes(films["sex"]),
        "view": films["shown"],
        "site": films["site"],
        "manufacturer": films["manufacturer"],
    }
    group, series, known = zip(*groups, strict=True)
    given: dict[str, Sequence[Any]] = {name: one.tolist() for name, one in columns.items()}
    given |= {"group": group, "series": series, "patient_known": known}
    facts = map(FilmFacts, *(given[name] for name in FilmFacts._fields))
    return dict(zip(films.index.tolist(), facts, strict=True))


def _notes(table: ReadTable, facts: dict[str, FilmFacts], agreement: Estimate) -> tuple[str, ...]:
    notes = []
    if table.form is not None and table.form.note:
        notes.append(table.form.note)
    if not math.isnan(agreement.value):
        notes.append(
            f"Several readers an image, combined by {table.map.readers}: Fleiss' kappa "
            f"{estimate(agreement, digits=2)}."
        )
    likely = [stem_of(film) for film in facts if "person" in film.lower()]
    named = sum(parse_name(stem).series == "person" for stem in likely)
    if named:
        notes.append(f"{count(named, 'films')} are named as Kermany's are.")
    return tuple(notes)


class Votes:
    """How many rows give each film each class; films in order of their names.

    votes: DataFrame with the columns film and target (of TARGETS), a row a reader or finding.
    """

    def __init__(self, votes: pd.DataFrame) -> None:
        import pandas as pd

        film, names = pd.factorize(votes["film"], sort=True)
        self.films = pd.Index(names)
        target = votes["target"].to_numpy(str)

        def count(name: str) -> np.ndarray:
            return np.bincount(film[target == name], minlength=len(names))

        self._kinds = np.stack([count(name) for name in KINDS], axis=1)
        self.pneumonia = self._kinds.sum(axis=1)
        self.normal, self.other = count("normal"), count(LEAVE_OUT)
        self.rows = np.bincount(film, minlength=len(names))

    def by_readers(self, how: Readers) -> pd.Series:
        """The class of each film as `LabelMap.readers` says, DISAGREE where there is none."""
        n = self.rows
        if how == "unanimous":
            return self._chosen(self.pneumonia == n, self.normal == n, self.other == n)
        half = n / 2
        sick = self.pneumonia > (0 if how == "any" else half)
        return self._chosen(sick, ~sick & (self.normal > half), ~sick & (self.other > half))

    def by_findings(self) -> pd.Series:
        """The class of each film where a row is a finding: DISAGREE if it is normal and another."""
        normal = self.normal == self.rows
        sick = (self.pneumonia > 0) & (self.normal == 0)
        return self._chosen(sick, normal, self.other == self.rows)

    def kappa(self) -> Estimate:
        """Fleiss' kappa of normal, pneumonia and anything else."""
        return fleiss_kappa(np.stack([self.normal, self.pneumonia, self.other], axis=1))

    def _chosen(self, sick: np.ndarray, normal: np.ndarray, other: np.ndarray) -> pd.Series:
        import pandas as pd

        # Bacterial by one and viral by another is pneumonia.
        one_kind = self._kinds.max(axis=1) == self.pneumonia
        kind = np.where(one_kind, np.array(KINDS)[self._kinds.argmax(axis=1)], "pneumonia")
        chosen = np.select([sick, normal, other], [kind, "normal", LEAVE_OUT], DISAGREE)
        return pd.Series(chosen, index=self.films)
