"""The Kaggle data set on this disk: fetched, resumed, counted and hashed."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pneumo_core.errors import DataSetError
from pneumo_core.films.kaggle import BY_HAND, disk_words, download_archive, downloaded
from pneumo_core.films.listing import Listing, list_films
from pneumo_core.films.parallel import in_order
from pneumo_core.films.published import PUBLISHED

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.films.kaggle import Report

_STAGING = ".fetching"  # hidden: no index looks into it
_ROOM = 6 * 2**30  # bytes: the archive, and all it holds, side by side


@dataclass(frozen=True)
class Fetched:
    """The data set in `folder`.

    films: how many count; passed_over: second copies and what macOS left, which do not;
    content: sha256 over the films' own hashes in the order of their paths, the same wherever and
    however they were unpacked.
    """

    folder: Path
    films: int
    passed_over: int
    content: str


def fetch_data(dest: Path, *, report: Report) -> Fetched:
    """Have the Kaggle data set below `dest`, downloading what is not there, and check it.

    Whole already: nothing is downloaded. Interrupted before: it goes on where it stopped.
    `report(phase, done, total, words)` hears of all progress.
    Raises DataSetError with a way out if it cannot be fetched or is not the published one.
    """
    if _is_whole(dest):
        report("download", 1, 1, "the films are there already")
        return _checked(dest, report)
    staging = dest / _STAGING
    try:
        staging.mkdir(parents=True, exist_ok=True)
        _check_room(dest, staging)
        try:
            unpacked = download_archive(staging, report=report)
        finally:
            _tidy(staging)
        for found in unpacked.iterdir():
            _move_into(found, dest)
        shutil.rmtree(staging)
    except OSError as error:
        raise DataSetError(disk_words(error)) from error
    return _checked(dest, report)


def _is_whole(dest: Path) -> bool:
    try:
        return not _missing(list_films(dest))
    except DataSetError:
        return False


def _check_room(dest: Path, staging: Path) -> None:
    """Raise DataSetError now rather than in the middle of the download."""
    free = shutil.disk_usage(dest).free
    if free + downloaded(staging) < _ROOM:
        raise DataSetError(
            f"Expected {_ROOM / 2**30:.0f} GB of room for the archive and the films, got "
            f"{free / 2**30:.1f} GB. Free some space, or name a folder on another disk."
        )


def _tidy(staging: Path) -> None:
    """Leave nothing behind of a download that never began."""
    if not any(path.is_file() for path in staging.rglob("*")):
        shutil.rmtree(staging)
        if not any(staging.parent.iterdir()):
            staging.parent.rmdir()


def _move_into(found: Path, dest: Path) -> None:
    """Move a file or folder to `dest`; what an earlier, broken unpacking left there gives way."""
    old = dest / found.name
    if old.is_dir():
        shutil.rmtree(old)
    found.replace(old)


def _checked(dest: Path, report: Report) -> Fetched:
    """Count the films and hash them. Raises DataSetError if they are not the published ones."""
    listing = list_films(dest)
    if missing := _missing(listing):
        raise DataSetError(
            f"Expected the published films, got other counts: {'; '.join(missing)}. "
            f"Remove the folder chest_xray there and run it again. {BY_HAND}"
        )
    told, total = hashlib.sha256(), len(listing.films)
    hashes = in_order(lambda film: _hash(listing.base / film), listing.films)
    for done, one in enumerate(hashes, start=1):
        told.update(bytes.fromhex(one))
        report("check", done, total, "")
    return Fetched(dest, total, len(listing.nested) + len(listing.macosx), told.hexdigest())


def _missing(listing: Listing) -> list[str]:
    """Each split and class whose count is not the published one, in words."""
    counts = dict.fromkeys(PUBLISHED, 0)
    for film in listing.films:
        facts = listing.folder_facts(film)
        key = (facts.split or "all", facts.label or "")
        counts[key] = counts.get(key, 0) + 1
    return [
        f"{split} {label} {n:,} instead of {PUBLISHED.get((split, label), 0):,}"
        for (split, label), n in counts.items()
        if n != PUBLISHED.get((split, label), 0)
    ]


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
