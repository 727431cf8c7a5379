"""Data set layouts: the films below a folder, and the files that are skipped and why."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
SUBTYPE_WORDS = {
    "bacteria": "bacterial",
    "bacterial": "bacterial",
    "virus": "viral",
    "viral": "viral",
}
LABEL_WORDS = {"normal": "normal", "pneumonia": "pneumonia"} | dict.fromkeys(
    SUBTYPE_WORDS, "pneumonia"
)

# Kaggle's pneumonias. The person counters run per subtype: person12 of the bacterial films and
# person12 of the viral ones are two children.
_PERSON = re.compile(r"person(?P<person>\d+)_(?P<kind>bacteria|virus)(?![a-z])", re.IGNORECASE)
# Kaggle's normals: IM-0115-0001, NORMAL2-IM-0117-0001, IM-0115-0001-0002.
_IM = re.compile(r"(?P<series>(?:NORMAL\d*-)?IM)-(?P<patient>\d+)(?!\d)", re.IGNORECASE)
# Mendeley's later archives: (disease)-(randomised patient ID)-(number of this patient's film).
# The ID is the patient's whatever the disease.
_MENDELEY = re.compile(r"(?P<kind>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-\d+", re.IGNORECASE)
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


@dataclass(frozen=True)
class NameFacts:
    """What a film's file name says.

    subtype: "normal", "bacterial", "viral" or "unknown"; group: the patient's key, the stem
    itself where the naming is unknown; series: the prefix before the patient's number
    ("person", "IM", "NORMAL2-IM", "BACTERIA", …), "" where the naming is unknown.
    """

    subtype: str
    group: str
    series: str


@dataclass(frozen=True)
class FolderFacts:
    """What the folders above a film say; None where they say nothing."""

    split: str | None
    label: str | None
    subtype: str | None


def parse_name(stem: str) -> NameFacts:
    """Read a file name without its ending, in any case."""
    if found := _PERSON.match(stem):
        kind = found["kind"].lower()
        return NameFacts(SUBTYPE_WORDS[kind], f"{kind}-person{int(found['person'])}", "person")
    if found := _IM.match(stem):
        series = found["series"].upper()
        return NameFacts("normal", f"{series}-{found['patient']}", series)
    if found := _MENDELEY.match(stem):
        kind = found["kind"].lower()
        subtype = SUBTYPE_WORDS.get(kind, "normal")
        return NameFacts(subtype, f"patient-{found['patient']}", kind.upper())
    return NameFacts("unknown", stem, "")


def parse_folders(folders: Sequence[str]) -> FolderFacts:
    """Read the folders above a film, outermost first; the innermost word wins.

    A folder speaks only if every word of its name is known: "PNEUMONIA", "viral pneumonia" and
    "1_NORMAL" do, "chest_xray" and "normal_to_sort" do not.
    """
    split = label = subtype = None
    for folder in folders:
        words = [word for word in re.split(r"[\W\d_]+", folder.lower()) if word]
        if len(words) == 1 and words[0] in SPLIT_WORDS:
            split = SPLIT_WORDS[words[0]]
        labels = {LABEL_WORDS.get(word) for word in words}
        if len(labels) == 1 and None not in labels:
            label = labels.pop()
            subtypes = {SUBTYPE_WORDS[word] for word in words if word in SUBTYPE_WORDS}
            subtype = subtypes.pop() if len(subtypes) == 1 else subtype
    return FolderFacts(split, label, subtype if label == "pneumonia" else label)


# A label folder may also hold notes, tables and thumbnails' databases. The real format of
# such a file follows from its first bytes, see `imaging.formats`.
_PICTURES = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
FILM_ENDINGS = _PICTURES | {".jp2", ".j2k", ".jpx", ".dcm", ".dicom", ""}
_PROBED = 2000  # folders: opened in well under a second
LAYOUTS = (
    "train/, val/ or test/ with NORMAL/ and PNEUMONIA/ in each; or NORMAL/ and PNEUMONIA/ alone; "
    "or NORMAL/, BACTERIA/ and VIRUS/, beside each other or inside PNEUMONIA/"
)


@dataclass(frozen=True)
class Listing:
    """Files below `base`, which is resolved; all other paths are posix, relative to it, sorted.

    films: what is indexed; nested: second copies of those inside the archive's own folder;
    macosx: what macOS' archiver left in __MACOSX/; unlabelled: pictures in no class folder;
    links: symbolic links to films and folders, none of which is followed; links_out: those of
    them that lead out of `base`; class_folders: folders whose name is a class, films or not.
    """

    base: Path
    films: tuple[str, ...]
    nested: tuple[str, ...] = ()
    macosx: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    links_out: tuple[str, ...] = ()
    class_folders: tuple[str, ...] = ()

    def folder_facts(self, film: str) -> FolderFacts:
        """What the folders of `film`, or of a file in that folder, say of it."""
        facts = parse_folders(PurePosixPath(film).parts[:-1])
        # chest_xray/test given as the root is still the test split.
        split = facts.split or parse_folders([self.base.name]).split or "all"
        return FolderFacts(split, facts.label, facts.subtype)

    def signature(self) -> str:
        """64 hexadecimal digits that change with any file's name, size or time of change."""
        digest = hashlib.sha256(self.base.name.encode(errors="replace"))
        for film in (*self.films, *self.nested):
            found = (self.base / film).stat()
            digest.update(f"{film}\0{found.st_size} {found.st_mtime_ns}\n".encode())
        for others in (self.macosx, self.unlabelled, self.links, self.class_folders):
            digest.update("\0".join((*others, "\n")).encode())
        return digest.hexdigest()


def list_films(root: Path) -> Listing:
    """List what is below `root`, in any layout this data set is found in; no file is opened.

    Hidden files and folders are passed over without a word.
    Raises DataSetError if `root` is no folder, holds no labelled film, or a folder in it cannot
    be read.
    """
    if not root.is_dir():
        raise DataSetError(f"Expected a folder of films, got {root}, which is no folder.")
    base = root.resolve()
    walk = _Walk(base)
    copies: dict[tuple[str, ...], list[str]] = {}
    unlabelled = []
    for film in walk.files():
        parts = PurePosixPath(film).parts
        if parse_folders(parts[:-1]).label is None:
            unlabelled.append(film)
            continue
        key = tuple(part for part in parts if not _is_archive_folder(part))
        copies.setdefault(key, []).append(film)
    # Of several copies the one nearest to the root.
    chosen = [min(same, key=lambda film: film.count("/")) for same in copies.values()]
    if not chosen:
        raise _nothing_in(root)
    return Listing(
        base,
        films=tuple(sorted(chosen)),
        nested=tuple(sorted(set(chain(*copies.values())) - set(chosen))),
        macosx=tuple(sorted(walk.macosx)),
        unlabelled=tuple(sorted(unlabelled)),
        links=tuple(sorted(walk.links)),
        links_out=tuple(sorted(walk.links_out)),
        class_folders=tuple(sorted(walk.class_folders)),
    )


def check_labelled(root: Path) -> None:
    """Raise DataSetError where `root` plainly holds no labelled film, before it is looked through.

    At most _PROBED folders are opened: of a folder larger than that, `list_films` has to tell.
    """
    for seen, (folder, folders, files) in enumerate(os.walk(root), start=1):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        labelled = parse_folders(Path(folder).relative_to(root).parts).label is not None
        if seen > _PROBED or (labelled and any(map(_may_be_film, files))):
            return
    raise _nothing_in(root)


def _may_be_film(name: str) -> bool:
    return not name.startswith(".") and Path(name).suffix.lower() in FILM_ENDINGS


def _nothing_in(root: Path) -> DataSetError:
    return DataSetError(
        f"Expected {LAYOUTS}; found no such films in {root}. "
        "Give the folder that holds these folders (symbolic links in it are not followed)."
    )


def _is_class(folder: str) -> bool:
    return parse_folders([folder]).label is not None


def _is_archive_folder(name: str) -> bool:
    """Whether this is the archive's own folder, which Kaggle's holds a second time inside."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "") == "chestxray"


class _Walk:
    """One walk over a folder, and what it found beside films."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.macosx: list[str] = []
        self.links: list[str] = []
        self.links_out: list[str] = []
        self.class_folders: list[str] = []

    def files(self) -> Iterator[str]:
        """Files that may be films; nothing hidden, no link, nothing of __MACOSX."""
        for folder, folders, files in os.walk(self.base, onerror=self._refuse):
            here = Path(folder).relative_to(self.base)
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            endings = ((name, Path(name).suffix.lower()) for name in sorted(files))
            named = [name for name, ending in endings if ending in FILM_ENDINGS]
            if "__MACOSX" in (part.upper() for part in here.parts):
                self.macosx += [(here / name).as_posix() for name in named]
                continue
            for name in folders:
                if not self._is_link(here / name) and _is_class(name):
                    self.class_folders.append((here / name).as_posix())
            for name in named:
                if not (name.startswith(".") or self._is_link(here / name)) and (
                    os.path.isfile(os.path.join(folder, name))  # noqa: PTH113, PTH118 - in haste
                ):
                    yield _checked((here / name).as_posix())

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
