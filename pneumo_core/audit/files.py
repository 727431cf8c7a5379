"""Checks of the files themselves: what cannot be read, and what is passed over."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.audit.finding import Finding, found

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.dataset.layout import Listing

_ENDINGS = {
    "JPEG": {".jpeg", ".jpg", ".jpe", ".jfif"},
    "PNG": {".png"},
    "TIFF": {".tif", ".tiff"},
    "BMP": {".bmp"},
    "WebP": {".webp"},
    "GIF": {".gif"},
    "JPEG 2000": {".jp2", ".j2k", ".jpx"},
    "DICOM": {".dcm", ".dicom", ""},
}
_LEFT_OUT = "Left out of training and evaluation, and named there; nothing is deleted."


def unreadable(catalogue: Catalogue) -> list[Finding]:
    """Files that give no film: damaged or cut short, no picture at all, or refused."""
    bad = catalogue.index[~catalogue.index["readable"]]
    empty = bad["bytes"] == 0
    foreign = (bad["format"] == "") & ~empty
    damaged = bad["problem"].str.contains("cut short", regex=False) | empty
    return [
        found(
            "damaged",
            "Damaged or cut-short files",
            _named(bad[damaged & ~foreign]),
            harm="medium",
            why="Half a film is no film, and many programs show it as one: the missing part as "
            "grey, without a word." + _problems(bad[damaged & ~foreign]),
            done=_LEFT_OUT,
        ),
        found(
            "foreign",
            "Files that are no picture, whatever they are called",
            _named(bad[foreign]),
            harm="medium",
            why="What a file is, its first bytes say and not its name. An error page saved by a "
            "failed download looks like a film in a folder." + _problems(bad[foreign]),
            done=_LEFT_OUT,
        ),
        found(
            "refused",
            "Pictures that cannot be used as films",
            _named(bad[~damaged & ~foreign]),
            harm="medium",
            why="They are whole, and too small, too large or of something other than a chest."
            + _problems(bad[~damaged & ~foreign]),
            done=_LEFT_OUT,
        ),
    ]


def misnamed(catalogue: Catalogue) -> Finding:
    """Readable films whose ending says another format."""
    films = [
        str(row.film)
        for row in catalogue.readable.itertuples()
        if PurePosixPath(str(row.film)).suffix.lower() not in _ENDINGS[str(row.format)]
    ]
    return found(
        "misnamed",
        "Films whose ending says another format",
        tuple(films),
        harm="low",
        why="Programs that trust the ending fail on them, or pass them over.",
        done="Read as what they are, by their first bytes.",
    )


def passed_over(listing: Listing) -> list[Finding]:
    """What the folder holds beside its films: second copies, links, pictures without a class."""
    return [
        _nested(listing),
        found(
            "macosx",
            "Left behind by macOS in __MACOSX",
            listing.macosx,
            harm="low",
            why="They carry the films' names and are no films: a loader that takes every file "
            "fails on them, or counts them.",
            done="Passed over.",
            unit="files",
        ),
        found(
            "links",
            "Symbolic links",
            listing.links,
            harm="low",
            why="A link can lead to the same film again, or out of the folder. "
            f"Leading out: {len(listing.links_out):,}.",
            done="Passed over: no link below the folder is followed.",
            unit="links",
        ),
        found(
            "unlabelled",
            "Pictures in no class folder",
            listing.unlabelled,
            harm="low",
            why="The folder is the label: without one there is nothing to learn from them.",
            done="Passed over.",
            unit="files",
        ),
    ]


def _nested(listing: Listing) -> Finding:
    """Second copies; those of another size than the copy that counts are told of."""
    sizes = {film: (listing.base / film).stat().st_size for film in listing.films}
    ends: dict[str, set[int]] = {}
    for film, size in sizes.items():
        ends.setdefault(PurePosixPath(film).name, set()).add(size)
    odd = sum(
        (listing.base / film).stat().st_size not in ends[PurePosixPath(film).name]
        for film in listing.nested
    )
    return found(
        "nested",
        "Second copies in a nested folder",
        listing.nested,
        harm="medium",
        why="Kaggle's archive holds chest_xray inside chest_xray. Counted twice, a film lies on "
        "both sides of every split."
        + (f" Of another size than the copy that counts: {odd:,}." if odd else ""),
        done="Counted once: the copy nearest to the top is used, the other is not opened.",
    )


def _named(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(map(str, rows["film"]))


def _problems(rows: pd.DataFrame) -> str:
    """The reasons, the most frequent first, three at most."""
    most = rows["problem"].str.split(". ", regex=False).str[0].value_counts().head(3)
    return "".join(f" {n:,} ×: {str(problem).rstrip('.')}." for problem, n in most.items())
