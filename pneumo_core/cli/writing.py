"""Files that a person asked for by name: whether they can be written, and words where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from pneumo_core.errors import DataSetError
from pneumo_core.storage import write_atomic


def check_place(path: Path, option: str) -> None:
    """Raise BadParameter where `path` is a folder or lies in none: before the work, not after."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise typer.BadParameter(
            f"{path} is a folder, or its folder is not there. Name a file.", param_hint=option
        )


@contextmanager
def words_for(path: Path) -> Iterator[None]:
    """What the disk says while `path` is written comes as a DataSetError."""
    try:
        yield
    except OSError as error:
        raise DataSetError(
            f"Expected to write {path}, got: {error.strerror or error}. Name another place."
        ) from error


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all. Raises DataSetError."""
    with words_for(path):
        write_atomic(path, text, errors="backslashreplace")
