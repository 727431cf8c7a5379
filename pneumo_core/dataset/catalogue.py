"""The catalogue of a folder: its film index with further measures, and a thumbnail per film."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from pneumo_core.dataset.index import as_index, index_rows, with_attrs
from pneumo_core.dataset.layout import Listing, list_films
from pneumo_core.dataset.similarity import HASHED_SIDE, quantisation_of
from pneumo_core.errors import DataSetError
from pneumo_core.imaging.decode import resize
from pneumo_core.imaging.formats import format_of
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.imaging.film import Film


THUMBNAIL = HASHED_SIDE  # pixels a side
_NUMBERS = ("bytes_per_pixel", "aspect", "mean", "contrast", "border_mean", "border_contrast")
RING = THUMBNAIL // 16  # width of the border
_BORDER = np.pad(np.zeros((THUMBNAIL - 2 * RING,) * 2, bool), RING, constant_values=True)
VERSION = 4  # raise it whenever the same files give another catalogue


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What is known of every film below `root`.

    index: the columns of `dataset.index.index_folder` and
      format            by the file's first bytes: "JPEG", "PNG", "DICOM", …; "" if it is none
      quality           1 to 100, of the JPEG encoder; NaN for other formats
      quantisation      key of the JPEG's tables, "" for other formats
      bytes_per_pixel, aspect (width / height)
      mean, contrast    mean and standard deviation of the thumbnail's grey levels, 0..255
      border_mean, border_contrast    the same of its outermost sixteenth
      thumbnail         the film's row of `thumbnails`, -1 if it is unreadable
    Numbers of unreadable films are NaN and their keys "".

    thumbnails: uint8 (readable films, 96, 96), memory-mapped, aspect ratio ignored.
    listing: what was found in the folder and what was passed over; key: 64 hexadecimal digits
    that stand for all of this; made: when, ISO 8601, UTC; folder: where it is kept.
    """

    root: Path
    index: pd.DataFrame
    thumbnails: NDArray[np.uint8]
    listing: Listing
    key: str
    made: str
    folder: Path

    @property
    def readable(self) -> pd.DataFrame:
        """The readable rows of the index, which are the rows of `thumbnails`."""
        return self.index[self.index["readable"]]


def open_catalogue(
    root: Path, *, settings: Settings, labels: Labels | None = None, progress: Progress = silent
) -> Catalogue:
    """The catalogue of the films below `root`; made now if the folder changed since.

    labels: as for `dataset.index.index_folder`.

    Every file is opened and decoded once, by as many threads as there are cores; `progress`
    receives the phase "films". The catalogue is cached, whole or not at all; of two
    processes that make it at once the second waits and takes that of the first.

    Raises DataSetError as `index_folder` does, or if the cache cannot be written.
    """
    from filelock import FileLock

    listing = list_films(root, labels)
    key = _key(listing, settings)
    home = _home(listing.base, settings)
    try:
        home.mkdir(parents=True, exist_ok=True)
        with FileLock(home.with_suffix(".lock")):
            found = _read(root, listing, home / key)
            if found is None:
                _make(listing, home, key, progress)
                _forget_others(home, key)
                found = _read(root, listing, home / key)
    except OSError as error:
        raise DataSetError(
            "Expected to write the catalogue of the films to the cache folder, got: "
            f"{error.strerror or error}. Free some space or set PNEUMO_CACHE to another folder."
        ) from error
    if found is None:
        raise DataSetError(
            "Expected the catalogue of the films to be whole after it was written, and it is not. "
            "Check the disk, or set PNEUMO_CACHE to another folder."
        )
    return found


def catalogue_ready(root: Path, *, settings: Settings) -> bool:
    """Whether `open_catalogue` would return at once. Raises DataSetError as it does."""
    base = root.resolve()
    if not _home(base, settings).is_dir():
        return False  # said before a large folder is walked for nothing
    listing = list_films(root)
    return (_home(base, settings) / _key(listing, settings)).is_dir()


def _home(base: Path, settings: Settings) -> Path:
    """Where the catalogues of one folder are kept."""
    name = hashlib.sha256(os.fsencode(base)).hexdigest()[:16]
    return settings.cache_dir / "catalogues" / name


def _key(listing: Listing, settings: Settings) -> str:
    content = f"{VERSION} {asdict(settings.limits)} {listing.signature()}"
    return hashlib.sha256(content.encode()).hexdigest()


def _make(listing: Listing, home: Path, key: str, progress: Progress) -> None:
    """Write the catalogue into a folder beside its own, which takes its name when it is whole."""
    partial = home / "partial"
    shutil.rmtree(partial, ignore_errors=True)  # of one that was killed
    shutil.rmtree(home / key, ignore_errors=True)  # of one that was damaged
    partial.mkdir()
    rows = index_rows(listing, measure=_measure, progress=progress, phase="films")
    with (partial / "thumbnails.u8").open("wb") as file:
        table = as_index(_writing_thumbnails(rows, file), listing, progress=progress)
    table.to_parquet(partial / "films.parquet")
    facts = {"made": datetime.now(UTC).isoformat(timespec="seconds")}
    (partial / "facts.json").write_text(json.dumps(facts), "utf-8")
    partial.replace(home / key)


def _writing_thumbnails(rows: Iterator[dict[str, Any]], file: BinaryIO) -> Iterator[dict[str, Any]]:
    """The rows with the place of their thumbnail, which is written to `file` as they pass."""
    written = 0
    for row in rows:
        picture = row["picture"]
        yield row | {"thumbnail": -1 if picture is None else written}
        if picture is not None:
            file.write(picture.tobytes())
            written += 1


def _measure(path: Path, film: Film | None) -> dict[str, Any]:
    """The columns that a catalogue adds to the index."""
    quantisation, quality = quantisation_of(path)
    facts = {"format": _format(path), "quality": quality, "quantisation": quantisation}
    if film is None:
        return facts | dict.fromkeys(_NUMBERS, float("nan"))
    picture = resize(film.pixels, THUMBNAIL)
    ring = picture[_BORDER]
    height, width = film.pixels.shape
    numbers = (
        film.facts.n_bytes / (width * height),
        width / height,
        *(float(picture.mean()), float(picture.std())),
        *(float(ring.mean()), float(ring.std())),
    )
    return facts | dict(zip(_NUMBERS, numbers, strict=True))


def _format(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return format_of(file.read(1024)) or ""
    except OSError:
        return ""


def _forget_others(home: Path, key: str) -> None:
    """Remove catalogues of the folder as it was before."""
    for other in home.iterdir():
        if other.name != key:
            shutil.rmtree(other, ignore_errors=True)


def _read(root: Path, listing: Listing, folder: Path) -> Catalogue | None:
    """The catalogue in `folder`; None if there is none, or if it is damaged."""
    import pandas as pd

    try:
        index = with_attrs(pd.read_parquet(folder / "films.parquet"), listing)
        made = str(json.loads((folder / "facts.json").read_text("utf-8"))["made"])
        shape = (int(index["readable"].sum()), THUMBNAIL, THUMBNAIL)
        thumbnails = np.zeros(shape, np.uint8)  # an empty file cannot be mapped
        if shape[0]:
            thumbnails = np.memmap(folder / "thumbnails.u8", np.uint8, "r", shape=shape)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Catalogue(root, index, thumbnails, listing, folder.name, made, folder)
