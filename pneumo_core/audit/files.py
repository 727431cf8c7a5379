"""File checks: what cannot be read, is misnamed, or is skipped."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.audit.finding import Finding, finding

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
_LEFT_OUT = "Excluded from training and evaluation, and listed there; nothing is deleted."


def unreadable(catalogue: Catalogue) -> list[Finding]:
    """Files that cannot be used: damaged or truncated, not an image, or refused."""
    bad = catalogue.index[~catalogue.index["readable"]]
    empty = bad["bytes"] == 0
    foreign = (bad["format"] == "") & ~empty
    # Indexes made by earlier versions say "cut short".
    damaged = bad["problem"].str.contains("truncated|cut short") | empty
    return [
        finding(
            "damaged",
            "Damaged or truncated files",
            _named(bad[damaged & ~foreign]),
            harm="medium",
            why="Many programs show a truncated image without a warning, the missing part grey."
            + _problems(bad[damaged & ~foreign]),
            done=_LEFT_OUT,
        ),
        finding(
            "foreign",
            "Files that are not images, whatever their extension",
            _named(bad[foreign]),
            harm="medium",
            why="An error page saved by a failed download looks like a film in a folder; its first "
            "bytes show that it is not." + _problems(bad[foreign]),
            done=_LEFT_OUT,
        ),
        finding(
            "refused",
            "Images that cannot be used as films",
            _named(bad[~damaged & ~foreign]),
            harm="medium",
            why="They are complete, but too small, too large or not a radiograph."
            + _problems(bad[~damaged & ~foreign]),
            done=_LEFT_OUT,
        ),
    ]


def misnamed(catalogue: Catalogue) -> Finding:
    """Readable films whose extension names another format."""
    films = [
        str(row.film)
        for row in catalogue.readable.itertuples()
        if PurePosixPath(str(row.film)).suffix.lower() not in _ENDINGS[str(row.format)]
    ]
    return finding(
        "misnamed",
        "Films whose extension names another format",
        tuple(films),
        harm="low",
        why="Programs that rely on the extension fail on them or skip them.",
        done="Read by their first bytes, whatever the extension.",
    )


def passed_over(listing: Listing) -> list[Finding]:
    """What the folder holds beside its films: second copies, links, images without a class."""
    return [
        _nested(listing),
        finding(
            "macosx",
            "macOS metadata files in __MACOSX",
            listing.macosx,
            harm="low",
            why="They have the films' names but are not images: a loader that takes every file "
            "fails on them or counts them.",
            done="Skipped.",
            unit="files",
        ),
        finding(
            "links",
            "Symbolic links",
            listing.links,
            harm="low",
            why="A link can lead to the same film again, or out of the folder. "
            f"Leading out: {len(listing.links_out):,}.",
            done="Skipped: links inside the folder are not followed.",
            unit="links",
        ),
        finding(
            "unlabelled",
            "Images without a label",
            listing.unlabelled,
            harm="low",
            why="Neither their folder nor the table gives them a class. " + _reasons(listing),
            done="Skipped. Folders and values can be given a class in pneumo-dataset.toml.",
            unit="files",
        ),
        finding(
            "masks",
            "Lung masks beside the films",
            listing.masks,
            harm="low",
            why="Counted as films they would double the data set, each mask with its film's label.",
            done="Skipped.",
            unit="files",
        ),
    ]


def _reasons(listing: Listing) -> str:
    """What of the images is left out, the most frequent first."""
    said = [f"{one.what}: {one.count:,}, {one.why}." for one in listing.left_out]
    return " ".join(said[:8])


def _nested(listing: Listing) -> Finding:
    """Second copies, and how many of them differ in size from the copy used."""
    sizes = {film: (listing.base / film).stat().st_size for film in listing.films}
    ends: dict[str, set[int]] = {}
    for film, size in sizes.items():
        ends.setdefault(PurePosixPath(film).name, set()).add(size)
    odd = sum(
        (listing.base / film).stat().st_size not in ends[PurePosixPath(film).name]
        for film in listing.nested
    )
    return finding(
        "nested",
        "Second copies in a nested folder",
        listing.nested,
        harm="medium",
        why="Kaggle's archive contains chest_xray inside chest_xray. Counted twice, a film can "
        "fall on both sides of a split."
        + (f" Copies that differ in size from the one used: {odd:,}." if odd else ""),
        done="Counted once: the copy nearest the top is used, the other is not opened.",
    )


def _named(rows: pd.DataFrame) -> tuple[str, ...]:
    return tuple(map(str, rows["film"]))


def _problems(rows: pd.DataFrame) -> str:
    """The reasons, the most frequent first, three at most."""
    most = rows["problem"].str.split(". ", regex=False).str[0].value_counts().head(3)
    return "".join(f" {n:,} ×: {str(problem).rstrip('.')}." for problem, n in most.items())
