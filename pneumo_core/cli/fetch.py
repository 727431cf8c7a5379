"""`fetch-data`: the Kaggle data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pneumo_core.cli.console import emit, progress
from pneumo_core.formatting import amount


def fetch_data(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to put it into.")],
) -> None:
    """Download the Kaggle data set of 5,856 films, count and check it; resumable."""
    from pneumo_core.dataset.download import fetch_data as fetch

    if folder.exists() and not folder.is_dir():
        raise typer.BadParameter(f"{folder} is a file.", param_hint="DEST")
    with progress() as report:
        fetched = fetch(folder, report=report)
    emit(f"{amount(fetched.films, 'films')} are in {folder}, as many as published.")
    if fetched.passed_over:
        copies = amount(fetched.passed_over, "files")
        emit(f"The archive's second copies of them ({copies}) do not count.")
    emit(f"Content: {fetched.content}")
