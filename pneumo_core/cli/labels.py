"""Where labelled films come from, for every command that takes some: a folder or a ZIP of it, and
with `--labels` and `--map` a table.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pneumo_core.cli.console import progress, tell
from pneumo_core.errors import PneumoError

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.labels import Labels


def folder_of_films(name: str | Path) -> Path:
    """The folder called so; a ZIP archive is unpacked into the cache, and its folder returned."""
    path = Path(name)
    if not path.is_file():
        return path
    from pneumo_core.config import load_settings
    from pneumo_core.dataset.archive import is_archive, unpacked

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
