"""The film index of a folder: one row per film, with label, subtype, patient and file facts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pneumo_core.dataset.layout import Listing, list_films, parse_name
from pneumo_core.dataset.pixel_cache import in_order
from pneumo_core.dataset.similarity import perceptual_hash
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging import decode
from pneumo_core.imaging.film import Film
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd

Measure = Callable[[Path, Film | None], dict[str, Any]]

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
    "pixels",
    "phash",
    "readable",
    "problem",
)


@dataclass(frozen=True)
class _FileFacts:
    """What only opening the file shows; width and height (pixels) are 0 if unreadable."""

    width: int
    height: int
    bytes: int
    sha256: str
    pixels: str
    phash: str
    readable: bool
    problem: str


def index_folder(root: Path, *, progress: Progress = silent) -> pd.DataFrame:
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
      pixels    hash of the decoded pixels, whatever file they came in; "" if unreadable
      phash     perceptual hash, 256 bits as 64 hexadecimal digits, see `dataset.similarity`; or ""
      readable, problem   whether the film could be decoded, and if not why ("" if fine)

    Every film is decoded once, so that a readable film cannot fail later. Symbolic links below
    `root` are not followed. `progress` receives the phase "index".

    Raises DataSetError if `root` is no folder, holds no labelled film, or a folder in it cannot
    be read.
    """
    import pandas as pd

    return pd.DataFrame(list(index_rows(list_films(root), progress=progress)))


def index_rows(
    listing: Listing,
    *,
    progress: Progress = silent,
    phase: str = "index",
    measure: Measure | None = None,
) -> Iterator[dict[str, Any]]:
    """The rows of `index_folder`, in order, as the films of a listing are read.

    For further columns `measure` is called with its path and the film, decoded,
    or None if it cannot be, in several threads at once; what it returns is added to the row.
    """

    def facts_of(film: str) -> dict[str, Any]:
        found, facts = _open_film(listing.base / film)
        return asdict(facts) | (measure(listing.base / film, found) if measure is not None else {})

    total = len(listing.films)
    found = zip(listing.films, in_order(facts_of, listing.films), strict=True)
    for done, (film, facts) in enumerate(found, start=1):
        yield {"film": film, **_name_columns(film, listing), **facts}
        progress(phase, done, total)


def _name_columns(film: str, listing: Listing) -> dict[str, str]:
    folders, name = listing.folder_facts(film), parse_name(PurePosixPath(film).stem)
    label = folders.label or ""
    named = name.subtype if (name.subtype == "normal") == (label == "normal") else "unknown"
    return {
        "split": folders.split or "all",
        "label": label,
        "subtype": folders.subtype or named,
        "group": name.group,
        "series": name.series,
    }


def _open_film(path: Path) -> tuple[Film | None, _FileFacts]:
    """The film, if it can be read, and what only opening the file shows."""
    try:
        film = decode.read_film(path)
    except UnreadableImage as error:
        n_bytes, sha256 = _size_and_hash(path)
        return None, _FileFacts(0, 0, n_bytes, sha256, "", "", readable=False, problem=str(error))
    facts = film.facts
    pixels = hashlib.sha256(f"{facts.width} {facts.height} ".encode())
    pixels.update(film.pixels.data)
    return film, _FileFacts(
        facts.width,
        facts.height,
        facts.n_bytes,
        facts.sha256,
        pixels.hexdigest(),
        perceptual_hash(film.pixels),
        readable=True,
        problem="",
    )


def _size_and_hash(path: Path) -> tuple[int, str]:
    """Of a file that is no film; (0, "") if it cannot even be opened."""
    try:
        with path.open("rb") as file:
            return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return 0, ""
