"""One walk over a folder: the pictures in it, masks and annotations beside them, counted."""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.dataset.labels.label_map import FILE
from pneumo_core.dataset.names import is_plain_folder, parse_folders, stem_of, words_of
from pneumo_core.errors import DataSetError
from pneumo_core.imaging.formats import dicom_start, format_of
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

_OWN = {FILE, MARKER}
_ENDINGS = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
_BESIDE = "lungs?|left|right|infections?|manual|train|test|val|images?|cxr|xray|chest|binary"
_MASK = re.compile(
    rf"(?:{_BESIDE})?"
    r"(?:masks?|maske|masken|masques?|mascaras?|maschera|maschere|msk|segs?|segm|segmentations?|"
    r"segmentacion|segmentacao|segmentazione|segmentierung(?:en)?)"
)
_SIDES = frozenset({"left", "right", "l", "r", "lung", "lungs", "png", "binary"})
# Said of a picture only where the film that it was made from lies beside it.
_DERIVED = frozenset(
    """annotation annotations bbox boxes cam contour contours edges ground groundtruth gradcam gt
    heatmap heatmaps label labels lung lungs masked overlay overlays roi segmented truth""".split()  # noqa: SIM905
)
_TAIL = re.compile(rf"(?i)[_-](?:{'|'.join(sorted(_DERIVED))})(?:\.\w+)?$")
_SHARE = 0.9  # of the names in a folder that are those of films in the folder beside it
_MAY_BE = re.compile(r"mas[kqc]|seg|msk", re.IGNORECASE)


_ENDINGS |= {".jp2", ".j2k", ".jpx", ".dcm", ".dicom"}
# A folder of films also holds notes, tables and thumbnails' databases: those are not opened.
_NO_FILMS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".xlsx", ".xls", ".toml"}
_NO_FILMS |= {".parquet", ".pdf", ".zip", ".gz", ".npy", ".npz", ".db", ".ini", ".py", ".ipynb"}
_FIRST_BYTES = 1024
_OF_SYSTEM = {"dicomdir", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class _Place:
    """Where a folder is: among masks, in __MACOSX, on a patient CD (PS3.10 section 8.6)."""

    masks: bool = False
    system: bool = False
    disc: bool = False


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
        self.on_disc = 0  # files of a patient CD beside its films: its index, viewer, pictures
        self.others: Counter[str] = Counter()  # files that are no pictures, by ending

    def films(self) -> list[str]:
        """Files that may be films; nothing hidden, no link, no mask, nothing of __MACOSX.

        Raises DataSetError where a folder cannot be read: passing over it would lose films.
        """
        found = list(self._below(str(self.base), "", _Place()))
        made = made_from_films(found)
        self.masks += sorted(made)
        return [film for film in found if film not in made] if made else found

    def _below(self, folder: str, here: str, place: _Place) -> Iterator[str]:
        """Those below `folder`, whose path below the base is `here`, "" or ending in "/"."""
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise DataSetError(
                f"Expected to read the folder {here.rstrip('/')}, got: {error.strerror}. Allow "
                "reading it."
            ) from error
        if any(_is_index(entry.name) for entry in found) and not _is_class(here):
            place = replace(place, disc=True)
        folders = []
        for entry in found:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry)
            elif place.system:
                self.macosx.append(here + name)
            elif self._is_film(entry, here, place):
                yield _checked(here + name)
        for entry in folders:
            name, path = entry.name, here + entry.name
            if name.startswith("."):
                self.hidden += _pictures_below(entry.path)
                continue
            if not place.system and _is_class(f"{path}/"):
                self.class_folders.append(path)
            inside = _Place(
                masks=place.masks or is_mask_folder(name),
                system=place.system or name.upper() == "__MACOSX",
                disc=place.disc,
            )
            yield from self._below(entry.path, f"{path}/", inside)

    def _is_film(self, entry: os.DirEntry[str], here: str, place: _Place) -> bool:
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
        if place.disc:
            film = _begins_as_dicom(entry)
            self.on_disc += not film
        else:
            film = may_be and (ending in _ENDINGS or _begins_as_image(entry.path))
            if not film and name not in _OWN:
                self.others[ending or "no ending"] += 1
        if not film:
            return False
        if place.masks or is_mask_name(name):
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
            LeftOut("hidden files", "their name or folder begins with a dot", self.hidden),
            LeftOut("files of a patient CD", "its index, viewer and pictures", self.on_disc),
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


def _is_class(here: str) -> bool:
    """Whether the folder at `here`, which ends in "/", is named as a class."""
    return parse_folders([here[:-1].rpartition("/")[2]]).label is not None


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


def _begins_as_dicom(entry: os.DirEntry[str]) -> bool:
    try:
        with open(entry.path, "rb") as file:  # noqa: PTH123 - as above
            return dicom_start(file.read(4096)) is not None and not _is_index(entry.name)
    except OSError:
        return True  # it has its row, which says why it cannot be read


def _is_index(name: str) -> bool:
    return name[:1] in "Dd" and name.upper().rstrip(".") == "DICOMDIR"


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


def is_mask_folder(folder: str) -> bool:
    """Whether a folder holds lung masks, by its name: "masks", "lung_seg", "Segmentation"."""
    if folder.isascii() and not _MAY_BE.search(folder):
        return False
    return any(map(_MASK.fullmatch, words_of(folder)))


def is_mask_name(name: str) -> bool:
    """Whether a file is a mask, by its name: "IM-0001_mask.png", "mask_17", "a_mask_left"."""
    if not _MAY_BE.search(name):  # asked of 200,000 files
        return False
    stem = stem_of(name)
    words = words_of(stem)
    while len(words) > 1 and words[-1] in _SIDES:
        words = words[:-1]
    return bool(words and (_MASK.fullmatch(words[-1]) or _MASK.fullmatch(words[0])))


def made_from_films(images: Sequence[str]) -> set[str]:
    """Of pictures (posix paths) those that were made from others: annotations, overlays, lungs.

    They are in a folder of such a name beside one called images, and bear the films' names; or
    bear the film's name with such a word behind it, in the folder of the film.
    """
    folders = {image.rpartition("/")[0] for image in images}
    derived = {folder for folder in folders if _is_derived(folder.rpartition("/")[2])}
    named = {image.rpartition("/")[0] for image in images if _TAIL.search(image)}
    if not derived | named:
        return set()
    by_folder: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_folder[image.rpartition("/")[0]].append(image)
    found: set[str] = set()
    for folder in derived | named:
        films = by_folder[folder]
        if folder in derived and _same_names(films, folder, by_folder):
            found.update(films)
        else:
            found.update(_named_after_others(films))
    return found


def _is_derived(folder: str) -> bool:
    words = words_of(folder)
    return any(word in _DERIVED for word in words)


def _same_names(films: Sequence[str], folder: str, by_folder: Mapping[str, list[str]]) -> bool:
    """Whether a plain folder beside this one holds films of the same names."""
    parent = folder.rpartition("/")[0]
    beside = {
        _base(film)
        for other, some in by_folder.items()
        if other != folder
        and other.rpartition("/")[0] == parent
        and is_plain_folder(other.rpartition("/")[2])
        for film in some
    }
    return sum(_base(film) in beside for film in films) >= _SHARE * len(films) and bool(beside)


def _named_after_others(films: Sequence[str]) -> list[str]:
    """Those whose name is that of another with a word such as "gt" behind it."""
    stems = {stem_of(film).lower() for film in films}
    return [film for film in films if _base(film) != (own := stem_of(film).lower())
            and _base(film) in stems and own]  # fmt: skip


def _base(film: str) -> str:
    """The file's name without a word such as "gt" or "mask" at its end, in lower case."""
    stem = stem_of(film).lower()
    head, sign, last = stem.replace("-", "_").rpartition("_")
    if sign and (last in _DERIVED or _MASK.fullmatch(last)):
        return stem[: len(head)]
    return stem


def looks_like_mask(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture, uint8 (H, W), is black and white alone, or 0 and 1: no film, a mask."""
    some = pixels[:: max(1, pixels.shape[0] // 128), :: max(1, pixels.shape[1] // 128)]
    low, high = int(some.min()), int(some.max())
    if high == low or low > 12 or 4 < high < 243:
        return False
    near = (high - low) // 20  # lossy compression blurs the two
    dark, light = float((some <= low + near).mean()), float((some >= high - near).mean())
    return dark + light >= 0.98 and min(dark, light) >= 0.02
