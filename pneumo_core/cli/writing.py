"""Files that a person asked for by name: whether they can be written, and words where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import typer

from pneumo_core.errors import DataSetError
from pneumo_core.storage import write_atomic


def OutputFile(help: str, *names: str) -> Any:  # noqa: A002, N802 - an option, like typer.Option
    """An option for a file to write, checked while the call is read: before the work, not after.

    names: of the option, "--out"; by default that of its parameter.
    """
    return typer.Option(*names, help=help, metavar="FILE", parser=writable_file)


def OutputFolder(help: str, *names: str) -> Any:  # noqa: A002, N802
    """An option for a folder to write into, checked as that of `OutputFile` is. It may be new."""
    return typer.Option(*names, help=help, metavar="FOLDER", parser=writable_folder)


def writable_file(name: str) -> Path:
    """`name` as a path where a file can be written; what is there stays as it is.

    Raises BadParameter. Permissions do not tell of a full name or a read-only disk: the file is
    opened, and removed again where it is new.
    """
    path = Path(name)
    try:
        if path.is_dir():
            raise typer.BadParameter(
                f"expected a file to write, {path} is a folder. Name a file in it."
            )
        if path.is_file():
            path.open("r+b").close()
        elif not path.exists():  # what else is there, as /dev/stdout, is taken as it is
            path.open("xb").close()
            path.unlink()
    except OSError as error:
        raise _refused(path, error) from error
    return path


def writable_folder(name: str) -> Path:
    """`name` as the path of a folder that can be made and written. Raises BadParameter."""
    path = Path(name)
    try:
        there = next(one for one in (path, *path.absolute().parents) if one.exists())
        with TemporaryFile(dir=there):
            return path
    except OSError as error:
        raise _refused(path, error) from error


def _refused(path: Path, error: OSError) -> typer.BadParameter:
    why = "its folder is not there" if isinstance(error, FileNotFoundError) else error.strerror
    return typer.BadParameter(
        f"expected a place that can be written, {path} cannot be: {why}. Name another place."
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
