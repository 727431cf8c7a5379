"""Which files to read: those named, and those below the folders named, in order.

Nothing that may be a film is left out unsaid: a link that leads to no file, a folder that cannot be
opened and a device are sources too, with the reason why they are not read.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SKIPPED_NAMES = frozenset({"Thumbs.db", "desktop.ini"})
_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class Source:
    """A file to read and the name to show, as typed; `fault`: why it cannot be, "" where it can."""

    path: Path
    name: str
    fault: str = ""


def sources_below(paths: Iterable[Path]) -> Iterator[Source]:
    """Every file to read: as typed, then relative to the folder typed, sorted within each folder.

    Folders are listed one at a time, as the sources are asked for. Hidden files, the folder
    __MACOSX and what file managers leave behind are no sources. Links to files are followed, links
    to folders are not: they may lead in a circle.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path)
        else:
            yield Source(path, str(path))


def _below(folder: Path) -> Iterator[Source]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        why = error.strerror or "the disk failed"
        yield Source(folder, str(folder), f"The folder {folder.name} cannot be opened: {why}.")
        return
    for entry in entries:
        if entry.name.startswith(_HIDDEN) or entry.name in SKIPPED_NAMES:
            continue
        path = folder / entry.name
        if _is(entry, folder=True):
            yield from _below(path)
        else:
            yield Source(path, str(path), _fault(entry))


def _is(entry: os.DirEntry[str], *, folder: bool) -> bool:
    """Whether it is a folder of its own, or a file, by itself or through a link."""
    try:
        return entry.is_dir(follow_symlinks=False) if folder else entry.is_file()
    except OSError:
        return False


def _fault(entry: os.DirEntry[str]) -> str:
    if _is(entry, folder=False):
        return ""
    if not entry.is_symlink():
        if not os.path.lexists(entry.path):
            return ""  # it has vanished since: reading it says so
        return f"{entry.name} is a device or a pipe, not a file. Name the films themselves."
    if Path(entry.path).is_dir():
        return (
            f"{entry.name} is a link to a folder, which is not followed. Name that folder itself."
        )
    return f"{entry.name} is a link that leads to no file. Mend or remove it."
