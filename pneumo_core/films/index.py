"""A folder → the film index: one row a film, with label, subtype, patient and facts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.errors import DataSetError, UnreadableImage
from pneumo_core.films import decode
from pneumo_core.films.names import parse_folders, parse_name
from pneumo_core.films.parallel import in_order

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]

COLUMNS = (
    "film",
    "split",
    "label",
    "subtype",
    "group",
    "series",
    "width",
    "height",
    "bytes",
    "sha256",
    "readable",
    "problem",
)
# A label folder may also hold notes, tables and thumbnails' databases. What a file with one of
# these endings really is, decode tells by its first bytes.
_PICTURES = {".jpeg", ".jpg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".bmp", ".webp", ".gif"}
FILM_ENDINGS = _PICTURES | {".jp2", ".j2k", ".jpx", ".dcm", ".dicom", ""}
LAYOUTS = (
    "train/, val/ or test/ with NORMAL/ and PNEUMONIA/ in each; or NORMAL/ and PNEUMONIA/ alone; "
    "or NORMAL/, BACTERIA/ and VIRUS/, beside each other or inside PNEUMONIA/"
)


@dataclass(frozen=True)
class _FileFacts:
    """What only opening the file tells; width and height (pixels) are 0 if unreadable."""

    width: int
    height: int
    bytes: int
    sha256: str
    readable: bool
    problem: str


def index_folder(root: Path, *, progress: Progress | None = None) -> pd.DataFrame:
    """Index every labelled film below `root`, in any layout this data set is found in.

    Returns a DataFrame sorted by `film`, with the columns
      film      posix path relative to root
      split     "train", "val", "test"; "all" where no folder says
      label     "normal" or "pneumonia" (the positive class), from the folders
      subtype   "normal", "bacterial", "viral" or "unknown", from the folders, else the file name
      group     the patient's key; the file name without its ending where the naming is unknown
      series    the file name's prefix before the patient's number, "" where unknown
      width, height   pixels, 0 if unreadable
      bytes, sha256   of the file
      readable, problem   whether the film could be decoded, and if not why ("" if fine)

    Every film is decoded once, so that a readable film cannot fail later. Symbolic links below
    `root` are not followed. `progress` is called with (films done, films in all).

    Raises DataSetError if `root` is no folder, holds no labelled film, or a folder in it cannot
    be read.
    """
    import pandas as pd

    if not root.is_dir():
        raise DataSetError(f"Expected a folder of films, got {root}, which is no folder.")
    base = root.resolve()
    films = _labelled_films(base)
    if not films:
        raise DataSetError(
            f"Expected {LAYOUTS}; found no such films in {root}. "
            "Give the folder that holds these folders (symbolic links in it are not followed)."
        )
    rows = []
    facts = in_order(lambda film: _file_facts(base / film), films)
    for film, fact in zip(films, facts, strict=True):
        rows.append({"film": str(film), **_name_columns(film, base.name), **asdict(fact)})
        if progress is not None:
            progress(len(rows), len(films))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _labelled_films(base: Path) -> list[PurePosixPath]:
    """Films below a label folder, relative to `base`, sorted; a nested copy counts once."""
    chosen: dict[tuple[str, ...], PurePosixPath] = {}
    for film in _walk(base):
        if parse_folders(film.parts[:-1]).label is None:
            continue
        key = tuple(part for part in film.parts if not _is_archive_folder(part))
        kept = chosen.setdefault(key, film)
        if len(film.parts) < len(kept.parts):
            chosen[key] = film
    return sorted(chosen.values(), key=str)


def _is_archive_folder(name: str) -> bool:
    """Whether this is the archive's own folder, which Kaggle's holds a second time inside."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "") == "chestxray"


def _walk(base: Path) -> Iterator[PurePosixPath]:
    """Files that may be films, relative to `base`; nothing hidden, no link, no __MACOSX."""

    def refuse(error: OSError) -> None:
        # Passing over it in silence would lose films.
        folder = Path(error.filename).relative_to(base).as_posix()
        raise DataSetError(
            f"Expected to read the folder {folder}, got: {error.strerror}. Allow reading it."
        ) from error

    for folder, folders, files in os.walk(base, onerror=refuse):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name.upper() != "__MACOSX"
        )
        for name in sorted(files):
            path = Path(folder, name)
            if name.startswith(".") or path.suffix.lower() not in FILM_ENDINGS:
                continue
            if path.is_file() and not path.is_symlink():
                yield PurePosixPath(path.relative_to(base).as_posix())


def _name_columns(film: PurePosixPath, root_name: str) -> dict[str, str]:
    folders, name = parse_folders(film.parts[:-1]), parse_name(film.stem)
    # chest_xray/test given as the root is still the test split.
    split = folders.split or parse_folders([root_name]).split or "all"
    label = folders.label or ""
    named = name.subtype if (name.subtype == "normal") == (label == "normal") else "unknown"
    return {
        "split": split,
        "label": label,
        "subtype": folders.subtype or named,
        "group": name.group,
        "series": name.series,
    }


def _file_facts(path: Path) -> _FileFacts:
    try:
        facts = decode.read_film(path).facts
    except UnreadableImage as error:
        n_bytes, sha256 = _size_and_hash(path)
        return _FileFacts(0, 0, n_bytes, sha256, readable=False, problem=str(error))
    return _FileFacts(
        facts.width, facts.height, facts.n_bytes, facts.sha256, readable=True, problem=""
    )


def _size_and_hash(path: Path) -> tuple[int, str]:
    """Of a file that is no film; (0, "") if it cannot even be opened."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return 0, ""
