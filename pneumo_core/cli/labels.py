"""`--labels` and `--map`: a table of labels, for every command that takes labelled films."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pneumo_core.dataset.labels import Labels

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
