"""One walk over a folder: the pictures in it, and what it found beside them, counted."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING

from pneumo_core.dataset.companions import is_mask_folder, is_mask_name, made_from_films
from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.dataset.labels.label_map import FILE
from pneumo_core.dataset.names import parse_folders, stem_of
from pneumo_core.errors import DataSetError
from pneumo_core.imaging.formats import format_of
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_OWN = {FILE, MARKER}
_ENDINGS = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
_ENDINGS |= {".jp2", ".j2k", ".jpx", ".dcm", ".dicom"}
# A folder of films also holds notes, tables and thumbnails' databases: those are not opened.
_NO_FILMS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".xlsx", ".xls", ".toml"}
_NO_FILMS |= {".parquet", ".pdf", ".zip", ".gz", ".npy", ".npz", ".db", ".ini", ".py", ".ipynb"}
_FIRST_BYTES = 1024
_OF_SYSTEM = {"dicomdir", "thumbs.db", "desktop.ini"}


class Walk:
    """One walk over `base`, which is resolved, and what it found beside films.

    Of files only those without a known ending are opened, for their first bytes. Links are not
    followed. 200,000 files take a second: hence no `Path` for each.
    """

    def __init__(self, base: Path) -> None:
        self.base = base
        self.macosx: list[str] = []
        self.links: list[str] = []
        self.links_out: list[str] = []
        self.class_folders: list[str] = []
        self.masks: list[str] = []
        self.hidden = 0
        self.others: Counter[str] = Counter()  # files that are no pictures, by ending

    def films(self) -> list[str]:
        """Files that may be films; nothing hidden, no link, no mask, nothing of __MACOSX.

        Raises DataSetError where a folder cannot be read: passing over it would lose films.
        """
        found = list(self._below(str(self.base), "", masks=False, system=False))
        made = made_from_films(found)
        self.masks += sorted(made)
        return [film for film in found if film not in made] if made else found

    def _below(self, folder: str, here: str, *, masks: bool, system: bool) -> Iterator[str]:
        """Those below `folder`, whose path below the base is `here`, "" or ending in "/"."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise DataSetError(
                f"Expected to read the folder {here.rstrip('/')}, got: {error.strerror}. Allow "
                "reading it."
            ) from error
        folders = []
        for entry in found:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry)
            elif system:
                self.macosx.append(here + name)
            elif self._is_film(entry, here, masks=masks):
                yield _checked(here + name)
        for entry in folders:
            name, path = entry.name, here + entry.name
            if name.startswith("."):
                self.hidden += _pictures_below(entry.path)
                continue
            if not system and parse_folders([name]).label is not None:
                self.class_folders.append(path)
            yield from self._below(
                entry.path,
                f"{path}/",
                masks=masks or is_mask_folder(name),
                system=system or name.upper() == "__MACOSX",
            )

    def _is_film(self, entry: os.DirEntry[str], here: str, *, masks: bool) -> bool:
        """Whether a file may be a film; if not it is counted."""
        name = entry.name
        ending = _ending(name)
        if name[0] == ".":
            self.hidden += ending in _ENDINGS
            return False
        may_be = ending in _ENDINGS or _may_be_image(name, ending)
        if may_be and entry.is_symlink():
            self._note_link(here + name)
            return False
        if not entry.is_file():
            return False
        if not may_be or not (ending in _ENDINGS or _begins_as_image(entry.path)):
            if name not in _OWN:
                self.others[ending or "no ending"] += 1
            return False
        if masks or is_mask_name(stem_of(name)):
            self.masks.append(here + name)
            return False
        return True

    def left_out(self, nested: Sequence[str]) -> list[LeftOut]:
        """What the walk passed over, counted."""
        endings = ", ".join(name for name, _ in self.others.most_common(6))
        found = [
            LeftOut("masks", "lung masks and annotations are not films", len(self.masks)),
            LeftOut("second copies", "in the archive's own folder inside itself", len(nested)),
            LeftOut("symbolic links", "links are not followed", len(self.links)),
            LeftOut("__MACOSX", "metadata of macOS", len(self.macosx)),
            LeftOut("hidden files", "they or their folder begin with a point", self.hidden),
            LeftOut(f"other files ({endings})", "no images by their content", self.others.total()),
        ]
        return [one for one in found if one.count]

    def _note_link(self, path: str) -> None:
        self.links.append(path)
        try:
            inside = (self.base / path).resolve().is_relative_to(self.base)
        except (OSError, RuntimeError):  # a link that leads to itself
            inside = False
        if not inside:
            self.links_out.append(path)


def is_image(path: str, name: str) -> bool:
    """Whether a file is taken for a picture: by its ending, else by its first bytes."""
    ending = _ending(name)
    if name.startswith("."):
        return False
    return ending in _ENDINGS or (_may_be_image(name, ending) and _begins_as_image(path))


def _ending(name: str) -> str:
    """The ending in lower case with its point, "" for none; `Path.suffix` is slow."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def _may_be_image(name: str, ending: str) -> bool:
    return ending not in _NO_FILMS and name.lower() not in _OF_SYSTEM


def _begins_as_image(path: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - in haste
            return format_of(file.read(_FIRST_BYTES)) is not None
    except OSError:
        return False


def _pictures_below(folder: str) -> int:
    """Pictures in a hidden folder, such as .ipynb_checkpoints, by their endings."""
    return sum(_ending(name) in _ENDINGS for _, _, files in os.walk(folder) for name in files)


def _checked(film: str) -> str:
    """A name that tables and manifests, which are UTF-8, can hold; raises DataSetError."""
    if film.isascii():
        return film
    try:
        film.encode()
    except UnicodeEncodeError:
        shown = film.encode(errors="replace").decode()
        raise DataSetError(f"Expected a name in UTF-8, got {shown}. Rename it.") from None
    return film
