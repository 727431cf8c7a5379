"""Data sets: the arguments of every command that takes labelled films (a folder or a ZIP of it, and
with `--labels` and `--map` a table); `index`, `audit`, `folds`, `demo-data` and `fetch-data`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pneumo_core.cli.console import (
    OutputFile,
    emit,
    emit_json,
    progress,
    tell,
    tell_unread,
    words_for,
    write_whole,
)
from pneumo_core.errors import PneumoError
from pneumo_core.formatting import count, were

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.labels import Labels


def index(
    folder: DataArgument,
    *,
    labels: TableOption = None,
    mapping: MapOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
) -> None:
    """Count the films of a data set by split, class, subtype and patient, and what is left out."""
    from pneumo_core.audit import counts
    from pneumo_core.dataset.index import index_folder

    with progress() as report:
        found = index_folder(folder, labels=chosen_labels(labels, mapping), progress=report)
    facts = counts(found)
    emit_json(facts) if json else emit(_table(facts))
    if not json:
        tell_left_out(found)
    if facts["unreadable"]:
        raise typer.Exit(1)


def _table(facts: dict[str, Any]) -> str:
    from pneumo_core.dataset.film_facts import UNKNOWN_PATIENTS

    known = facts["patients_known"]

    def films_of(part: dict[str, Any]) -> str:
        films = count(part["films"], "films")
        return f"{films} of {count(part['groups'], 'patients')}" if known else films

    lines = [
        (
            f"{films_of(facts)}, {facts['exact_duplicates']} films present more than once, "
            f"{len(facts['unreadable'])} unreadable"
        ),
        f"Labels: {facts['source']}",
    ]
    for split, part in facts["splits"].items():
        counts = ", ".join(f"{n:,} {name}" for name, n in sorted(part["subtypes"].items()))
        lines.append(f"  {split}: {films_of(part)}: {counts}")
    lines += [] if known else [UNKNOWN_PATIENTS]
    lines += [f"  unreadable: {row['film']}: {row['problem']}" for row in facts["unreadable"]]
    return "\n".join(lines)


def demo_data(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="New or empty folder.")],
    *,
    films: Annotated[int, typer.Option(min=20, help="Number of films.")] = 400,
    seed: Annotated[int, typer.Option(help="Same seed, same films.")] = 0,
) -> None:
    """Write a synthetic data set in the layout of the Kaggle one, to try the program."""
    from pneumo_core.synthetic.demo_data import write_demo_data

    with progress() as report:
        write_demo_data(folder, films=films, seed=seed, progress=report)
    emit(f"{films} synthetic films are in {folder}. They show no patient.")


def audit(
    folder: DataArgument,
    *,
    labels: TableOption = None,
    mapping: MapOption = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    html: Annotated[Path | None, OutputFile("HTML file, self-contained.")] = None,
) -> None:
    """Audit a data set: damaged files, duplicates, data leakage between splits, shortcuts."""
    document = _carry_out(folder, chosen_labels(labels, mapping))
    if html is not None:
        from pneumo_core.audit import as_html

        write_whole(html, as_html(document))
    if json:
        emit_json(document)
    else:
        from pneumo_core.audit import as_text

        emit(as_text(document))
    tell_unread((row["film"], row["problem"]) for row in document["counts"]["unreadable"])


def _carry_out(folder: Path, labels: Labels | None) -> dict[str, Any]:
    from pneumo_core.audit import as_document, check_integrity
    from pneumo_core.config import load_settings
    from pneumo_core.dataset.catalogue import open_catalogue

    with progress() as report:
        catalogue = open_catalogue(
            folder,
            settings=load_settings(),
            labels=labels,
            progress=report,
        )
        report("checks", 0, 1, "duplicates and data leakage")
        check_integrity(catalogue)
        report("shortcuts", 0, 1, "features that predict the label")
        return as_document(catalogue, progress=report)


def folds(  # noqa: PLR0913 - one argument an option
    folder: DataArgument,
    *,
    labels: TableOption = None,
    mapping: MapOption = None,
    number: Annotated[
        int | None,
        typer.Option("--folds", min=2, metavar="K", help="Number of folds; default as in `train`."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="S", help="Same seed, same folds; default as in `train`."),
    ] = None,
    out: Annotated[Path | None, OutputFile("JSON manifest with the films' hashes.")] = None,
) -> None:
    """Folds by patient, as in training: train and val together, test left out."""
    from pneumo_core.dataset.film_facts import patients_known
    from pneumo_core.dataset.folds import (
        grouped_folds,
        straddling_groups,
        training_films,
        write_manifest,
    )
    from pneumo_core.dataset.index import index_folder
    from pneumo_core.training.dataset import HOLDOUT_FOLDS
    from pneumo_core.training.recipe import Recipe

    seed = Recipe.seed if seed is None else seed
    with progress() as report:
        found = index_folder(folder, labels=chosen_labels(labels, mapping), progress=report)
    films = training_films(found)
    fold = grouped_folds(films, folds=number or HOLDOUT_FOLDS, seed=seed)
    known = patients_known(films)
    emit(_fold_table(films.assign(fold=fold), patients=known))
    emit(_straddling(straddling_groups(films, fold), known=known))
    if out is not None:
        with words_for(out):
            write_manifest(films, fold, out, seed=seed)
        emit(f"The manifest is {out}; seed {seed}.")
    tell_left_out(found)
    unreadable = found[~found["readable"]]
    tell_unread(zip(unreadable["film"], unreadable["problem"], strict=True))


def _straddling(shared: list[str], *, known: bool) -> str:
    """What is known of patients in two folds."""
    from pneumo_core.dataset.film_facts import UNKNOWN_PATIENTS

    if shared:
        return f"{count(len(shared), 'patients')} {were(len(shared))} split over two folds."
    return "No patient is in two folds." if known else UNKNOWN_PATIENTS


def _fold_table(films: pd.DataFrame, *, patients: bool) -> str:
    """A line a fold: films, patients, subtypes."""
    lines = []
    for number, part in films.groupby("fold"):
        subtypes = part["subtype"].value_counts()
        counts = ", ".join(f"{subtypes[name]:,} {name}" for name in sorted(subtypes.index))
        films_of = count(len(part), "films")
        if patients:
            films_of += f" of {count(part['group'].nunique(), 'patients')}"
        lines.append(f"fold {number}: {films_of}: {counts}")
    return "\n".join(lines)


def fetch_data(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to download to.")],
) -> None:
    """Download the Kaggle data set (5,856 films), count and verify it; resumable."""
    from pneumo_core.dataset.download import fetch_data as fetch

    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is a file.", param_hint="DEST")
    with progress() as report:
        fetched = fetch(folder, report=report)
    emit(f"{count(fetched.films, 'films')} are in {folder}, as many as published.")
    if fetched.passed_over:
        copies = count(fetched.passed_over, "files")
        emit(f"The archive's second copies ({copies}) are not used.")
    emit(f"Content: {fetched.content}")


def folder_of_films(name: str | Path) -> Path:
    """The folder called so; a ZIP archive is unpacked into the cache, and its folder returned."""
    path = Path(name)
    if not path.is_file():
        return path
    from pneumo_core.config import load_settings
    from pneumo_core.dataset.sources import is_archive, unpacked

    if not is_archive(path):
        return path  # the command says what it expected
    try:
        with progress() as report:
            return unpacked(path, settings=load_settings(), progress=report)
    except PneumoError as error:
        raise typer.BadParameter(str(error)) from error


DataArgument = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="Folder of labelled films, or a ZIP of it.", parser=folder_of_films
    ),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DATA", help="Folder of labelled films, or a ZIP of it.", parser=folder_of_films
    ),
]
TableOption = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="TABLE",
        help="Table of labels (CSV, TSV, Excel, Parquet), DATA the folder of its images; a folder "
        "where its tables have one known form.",
    ),
]
MapOption = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="TOML",
        help="Columns and classes of the table, as pneumo-dataset.toml holds them.",
    ),
]


def chosen_labels(table: Path | None, mapping: Path | None) -> Labels | None:
    """The labels that the two options name; None where neither is given. Raises DataSetError."""
    if table is None and mapping is None:
        return None
    from pneumo_core.dataset.labels import Labels, read_map

    found = Labels() if mapping is None else read_map(mapping)
    return Labels(found.table if table is None else table, found.map)


def tell_left_out(index: pd.DataFrame) -> None:
    """Say on standard error what of the folder is not in its index, and what to know of it."""
    from pneumo_core.dataset.film_facts import left_out

    for one in left_out(index):
        tell(f"Left out: {one.sentence()}.")
    for note in index.attrs.get("notes", ()):
        tell(f"Note: {note}")
