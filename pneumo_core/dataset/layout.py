"""Data set layouts: the films below a folder, and the files that are left out and why."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.dataset.archive import left_out_of_archive
from pneumo_core.dataset.film_facts import FilmFacts, LeftOut
from pneumo_core.dataset.labels.folder_labels import LabelledFilms, read_folders
from pneumo_core.dataset.labels.kept import kept_labels
from pneumo_core.dataset.labels.known_forms import known_tables
from pneumo_core.dataset.labels.label_map import FILE, Labels, class_key
from pneumo_core.dataset.labels.label_table import add_facts, read_labels
from pneumo_core.dataset.labels.table_files import is_table
from pneumo_core.dataset.names import (
    is_mask_folder,
    is_mask_name,
    parse_folders,
)
from pneumo_core.errors import DataSetError
from pneumo_core.imaging.formats import format_of
from pneumo_core.metrics.intervals import UNKNOWN, Estimate
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_OWN = {FILE, MARKER}
# Kaggle's paultimothymooney/chest-xray-pneumonia, version 2: (split, label) → films. Its page
# says 5,863 in all; the files are 5,856.
PUBLISHED = {
    ("train", "normal"): 1341,
    ("train", "pneumonia"): 3875,
    ("val", "normal"): 8,
    ("val", "pneumonia"): 8,
    ("test", "normal"): 234,
    ("test", "pneumonia"): 390,
}


_ENDINGS = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
_ENDINGS |= {".jp2", ".j2k", ".jpx", ".dcm", ".dicom"}
# A folder of films also holds notes, tables and thumbnails' databases: those are not opened.
_NO_FILMS = {".txt", ".md", ".csv", ".tsv", ".json", ".xml", ".html", ".xlsx", ".xls", ".toml"}
_NO_FILMS |= {".parquet", ".pdf", ".zip", ".gz", ".npy", ".npz", ".db", ".ini", ".py", ".ipynb"}
_FIRST_BYTES = 1024
_OF_SYSTEM = {"dicomdir", "thumbs.db", "desktop.ini"}
_PROBED = 2000  # folders: opened in well under a second
LAYOUTS = (
    "train/, val/ or test/ with NORMAL/ and PNEUMONIA/ in each; or NORMAL/ and PNEUMONIA/ alone; "
    "or NORMAL/, BACTERIA/ and VIRUS/, beside each other or inside PNEUMONIA/; or a table of labels"
)


@dataclass(frozen=True)
class Listing:
    """Files below `base`, which is resolved; all other paths are posix, relative to it, sorted.

    films: what is indexed; facts: what is known of each before it is opened; left_out: everything
    else, counted; source: where the labels come from, in words; notes: what a person should know;
    agreement: of several readers; labels_key: changes with the table and its mapping.
    nested: second copies of films inside the archive's own folder;
    macosx: what macOS' archiver left in __MACOSX/; unlabelled: pictures without a label;
    masks: lung masks; links: symbolic links to films and folders, none of which is followed;
    links_out: those of them that lead out of `base`; class_folders: folders whose name is a class,
    films or not.
    """

    base: Path
    films: tuple[str, ...]
    facts: Mapping[str, FilmFacts] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()
    agreement: Estimate = UNKNOWN
    labels_key: str = ""
    nested: tuple[str, ...] = ()
    macosx: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    links_out: tuple[str, ...] = ()
    class_folders: tuple[str, ...] = ()

    def signature(self) -> str:
        """64 hexadecimal digits that change with any file's name, size or time of change."""
        digest = hashlib.sha256(f"{self.base.name} {self.labels_key}".encode(errors="replace"))
        for film in (*self.films, *self.nested):
            found = (self.base / film).stat()
            digest.update(f"{film}\0{found.st_size} {found.st_mtime_ns}\n".encode())
        for others in (self.macosx, self.unlabelled, self.masks, self.links, self.class_folders):
            digest.update("\0".join((*others, "\n")).encode())
        return digest.hexdigest()


def list_films(root: Path, labels: Labels | None = None) -> Listing:
    """List what is below `root`, with the labels of a table or else of the folders.

    labels: None for those kept for the folder (`labels.kept`), else those that the names of the
    folders give, else those of a table of a known form that lies in it. Of the files only those
    without a known ending are opened, for their first bytes. What is not listed is counted in
    `left_out`, but for hidden folders.

    Raises DataSetError if `root` is no folder, holds no labelled film, a folder in it cannot
    be read, or a table cannot be understood.
    """
    if not root.is_dir():
        raise DataSetError(f"Expected a folder of films, got {root}, which is no folder.")
    base = root.resolve()
    walk = _Walk(base)
    images = list(walk.files())
    labels = labels or kept_labels(base)
    found = _labelled(base, images, labels)
    if not found.facts:
        raise _nothing_in(root)
    return Listing(
        base,
        films=tuple(sorted(found.facts)),
        facts=found.facts,
        left_out=(*found.left_out, *walk.left_out(found.nested), *left_out_of_archive(base)),
        source=found.source,
        notes=found.notes,
        agreement=found.agreement,
        labels_key=_labels_key(base, labels, found.source),
        nested=found.nested,
        macosx=tuple(sorted(walk.macosx)),
        unlabelled=found.unlabelled,
        masks=tuple(sorted(walk.masks)),
        links=tuple(sorted(walk.links)),
        links_out=tuple(sorted(walk.links_out)),
        class_folders=tuple(sorted(walk.class_folders)),
    )


def images_below(root: Path) -> list[str]:
    """The pictures below `root`, labelled or not, posix paths relative to it, sorted.

    Raises DataSetError as `list_films` does.
    """
    return sorted(_Walk(root.resolve()).files())


def _labelled(base: Path, images: list[str], labels: Labels | None) -> LabelledFilms:
    if labels is not None and labels.table is not None:
        return _with_unlabelled(read_labels(labels, images), images)
    given = {} if labels is None else dict(labels.map.folders)
    classes = {class_key(folder): target for folder, target in given.items()}
    found = read_folders(images, base.name, classes)
    if found.facts:
        return add_facts(found, base, images)
    tables = {name: one for name, one in known_tables(base).items() if one[0].has_labels}
    if len(tables) > 1:
        raise DataSetError(
            f"Expected one table of labels in {base.name}, got those of {' and '.join(tables)}. "
            "Name one with --labels."
        )
    for _, paths in tables.values():
        table = paths[0] if len(paths) == 1 else base
        return _with_unlabelled(read_labels(Labels(table), images), images)
    return found


def _with_unlabelled(found: LabelledFilms, images: list[str]) -> LabelledFilms:
    return replace(found, unlabelled=tuple(one for one in images if one not in found.facts))


def _labels_key(base: Path, labels: Labels | None, source: str) -> str:
    """Changes with the tables' bytes and the mapping."""
    digest = hashlib.sha256(source.encode())
    if labels is not None:
        digest.update(json.dumps(labels.to_dict(), sort_keys=True).encode())
    table = base if labels is None or labels.table is None else labels.table
    folder = table if table.is_dir() else table.parent  # a form may read what lies beside a table
    for path in sorted(folder.iterdir()):
        if path.is_file() and (is_table(path.name) or path == table or path.suffix == ".txt"):
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def check_labelled(root: Path) -> None:
    """Raise DataSetError where `root` plainly holds no labelled film, before it is looked through.

    At most _PROBED folders are opened: of a folder larger than that, `list_films` has to tell.
    """
    if kept_labels(root) is not None or known_tables(root):
        return
    for seen, (folder, folders, files) in enumerate(os.walk(root), start=1):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        labelled = parse_folders(Path(folder).relative_to(root).parts).label is not None
        if seen > _PROBED or (labelled and any(_is_image(Path(folder), name) for name in files)):
            return
    raise _nothing_in(root)


def _is_image(folder: Path, name: str) -> bool:
    """Whether a file is taken for a picture: by its ending, else by its first bytes."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - in haste, of each file
    if name.startswith(".") or name.lower() in _OF_SYSTEM or ending in _NO_FILMS:
        return False
    if ending in _ENDINGS:
        return True
    try:
        with (folder / name).open("rb") as file:
            return format_of(file.read(_FIRST_BYTES)) is not None
    except OSError:
        return False


def _nothing_in(root: Path) -> DataSetError:
    return DataSetError(
        f"Expected {LAYOUTS}; found no such films in {root}. "
        "Give the folder that holds these folders (symbolic links in it are not followed), or name "
        "a table with --labels."
    )


def _is_class(folder: str) -> bool:
    return parse_folders([folder]).label is not None


class _Walk:
    """One walk over a folder, and what it found beside films."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.macosx: list[str] = []
        self.links: list[str] = []
        self.links_out: list[str] = []
        self.class_folders: list[str] = []
        self.masks: list[str] = []
        self.hidden = 0
        self.others: Counter[str] = Counter()  # files that are no pictures, by ending

    def files(self) -> Iterator[str]:
        """Files that may be films; nothing hidden, no link, no mask, nothing of __MACOSX."""
        for folder, folders, files in os.walk(self.base, onerror=self._refuse):
            here, where = Path(folder).relative_to(self.base), Path(folder)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            if "__MACOSX" in (part.upper() for part in here.parts):
                self.macosx += [(here / name).as_posix() for name in sorted(files)]
                continue
            for name in folders:
                if not self._is_link(here / name) and _is_class(name):
                    self.class_folders.append((here / name).as_posix())
            masks = any(map(is_mask_folder, here.parts))
            for name in sorted(files):
                if self._is_film(where, here, name, masks=masks):
                    yield _checked((here / name).as_posix())

    def _is_film(self, folder: Path, here: Path, name: str, *, masks: bool) -> bool:
        """Whether a file may be a film; if not it is counted."""
        ending = os.path.splitext(name)[1].lower()  # noqa: PTH122 - in haste
        if name.startswith("."):
            self.hidden += ending in _ENDINGS
            return False
        may_be = ending not in _NO_FILMS and name.lower() not in _OF_SYSTEM
        if may_be and self._is_link(here / name):
            return False
        if not os.path.isfile(os.path.join(folder, name)):  # noqa: PTH113, PTH118 - in haste
            return False
        if not (may_be and _is_image(folder, name)):
            if name not in _OWN:
                self.others[ending or "no ending"] += 1
            return False
        if masks or is_mask_name(os.path.splitext(name)[0]):  # noqa: PTH122
            self.masks.append((here / name).as_posix())
            return False
        return True

    def left_out(self, nested: Sequence[str]) -> list[LeftOut]:
        """What the walk passed over, counted."""
        endings = ", ".join(name for name, _ in self.others.most_common(6))
        found = [
            LeftOut("masks", "lung masks are not films", len(self.masks)),
            LeftOut("second copies", "in the archive's own folder inside itself", len(nested)),
            LeftOut("symbolic links", "links are not followed", len(self.links)),
            LeftOut("__MACOSX", "metadata of macOS", len(self.macosx)),
            LeftOut("hidden files", "their names begin with a point", self.hidden),
            LeftOut(f"other files ({endings})", "no images by their content", self.others.total()),
        ]
        return [one for one in found if one.count]

    def _is_link(self, path: Path) -> bool:
        """Whether this is a link; if so it is noted."""
        full = self.base / path
        if not full.is_symlink():
            return False
        self.links.append(path.as_posix())
        try:
            inside = full.resolve().is_relative_to(self.base)
        except (OSError, RuntimeError):  # a link that leads to itself
            inside = False
        if not inside:
            self.links_out.append(path.as_posix())
        return True

    def _refuse(self, error: OSError) -> None:
        # Passing over it in silence would lose films.
        folder = Path(error.filename).relative_to(self.base).as_posix()
        raise DataSetError(
            f"Expected to read the folder {folder}, got: {error.strerror}. Allow reading it."
        ) from error


def _checked(film: str) -> str:
    """A name that tables and manifests, which are UTF-8, can hold; raises DataSetError."""
    try:
        film.encode()
    except UnicodeEncodeError:
        shown = film.encode(errors="replace").decode()
        raise DataSetError(f"Expected a name in UTF-8, got {shown}. Rename it.") from None
    return film
