"""Checks of files: what cannot be read, is misnamed or skipped; identical and near duplicates."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.audit.finding import NOTHING, Finding, films_by, finding
from pneumo_core.dataset.near_copies import MOST_FILMS
from pneumo_core.dataset.similarity import copies, near_pairs
from pneumo_core.formatting import count

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

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
_GROUPED = (
    "Grouped: identical films fall into the same fold, never on both sides of a split. "
    "All of them stay in."
)


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


def duplicates(catalogue: Catalogue) -> list[Finding]:
    """Identical files, identical pixels in other files, near-duplicates, contradictions."""
    films = catalogue.readable
    return [
        _exact(films),
        _same_pixels(films),
        _near(films),
        _two_labels(films),
        _across_splits(films),
    ]


def _exact(films: pd.DataFrame) -> Finding:
    same = films[films.duplicated("sha256", keep=False)]
    contents = same["sha256"].nunique()
    return finding(
        "exact-duplicates",
        "Pairs of identical files",
        films_by(same, "sha256"),
        count=_pairs(same["sha256"]),
        unit="pairs",
        harm="medium",
        why="A model trained on one copy has seen the other: with a copy on each side of a split, "
        "its figures are too high."
        + (
            f" Films present more than once: {contents:,}, in {count(len(same), 'files')}."
            if contents
            else ""
        ),
        done=_GROUPED,
    )


def _same_pixels(films: pd.DataFrame) -> Finding:
    """Pairs with one hash of pixels and two of bytes."""
    once = films.drop_duplicates(["pixels", "sha256"])
    same = once[once.duplicated("pixels", keep=False)]
    return finding(
        "same-pixels",
        "Pairs of identical films in different files",
        films_by(same, "pixels"),
        count=_pairs(same["pixels"]),
        unit="pairs",
        harm="medium",
        why="A film saved again without loss, or with another header, has different bytes but is "
        "the same film.",
        done=_GROUPED,
    )


def _near(films: pd.DataFrame) -> Finding:
    """Pairs of one film with other pixels: by hash in any orientation, or turned, or cropped."""
    pairs = near_pairs(films["phash"].tolist())
    pixels, name = films["pixels"].to_numpy(), films["film"].to_numpy()
    pairs = pairs[pixels[pairs[:, 0]] != pixels[pairs[:, 1]]]
    askew = _askew_pairs(films)
    both = np.concatenate([pairs[:, :2], askew])
    label, group = films["label"].to_numpy(), films["group"].to_numpy()
    apart = int((group[both[:, 0]] != group[both[:, 1]]).sum())
    conflicting = int((label[both[:, 0]] != label[both[:, 1]]).sum())
    turned = int((pairs[:, 3] > 0).sum())
    details = f" Pairs mirrored or turned by quarters: {turned:,}." if turned else ""
    details += f" Pairs turned by a few degrees or cropped: {len(askew):,}." if len(askew) else ""
    details += f" Pairs of two patients: {apart:,}." if apart else ""
    details += f" Pairs with two labels: {conflicting:,}." if conflicting else ""
    return finding(
        "near-duplicates",
        "Pairs of near-duplicates",
        tuple(dict.fromkeys(map(str, name[both.ravel()]))),
        count=len(both),
        unit="pairs",
        harm="high" if conflicting else "medium",
        why="A film resized, brightened, recompressed, mirrored, turned or cropped is still the "
        f"same film, and a split by image puts it on both sides.{details}",
        done="Grouped: near-duplicates fall into the same fold. All of them stay in; review the "
        f"pairs with two labels or two patients. {_limits(len(films))}",
    )


def _askew_pairs(films: pd.DataFrame) -> NDArray[np.int64]:
    """Pairs of rows that are copies, though no chain of near hashes links them: int (N, 2)."""
    by_hash = copies(films["phash"].tolist())
    found = [np.empty((0, 2), np.int64)]
    for rows in films.groupby("copies").indices.values():
        if len(np.unique(by_hash[rows])) > 1:
            first, second = np.triu_indices(len(rows), 1)
            other = by_hash[rows[first]] != by_hash[rows[second]]
            found.append(np.stack([rows[first[other]], rows[second[other]]], axis=1))
    return np.concatenate(found)


def _limits(films: int) -> str:
    if films > MOST_FILMS:
        return (
            f"Among more than {MOST_FILMS:,} films, copies turned by a few degrees or cropped by "
            "more than 1\xa0% are not looked for."
        )
    return "Copies turned by more than 6 degrees, or cropped by more than 5\xa0%, are not found."


def _two_labels(films: pd.DataFrame) -> Finding:
    conflicting = films[films.groupby("pixels")["label"].transform("nunique") > 1]
    return finding(
        "two-labels",
        "Identical films with two labels",
        films_by(conflicting, "pixels"),
        count=conflicting["pixels"].nunique(),
        harm="high",
        why="One of the two labels is wrong: any prediction counts as an error once.",
        done="Kept in the same fold. Only you can say which label is right: remove the other copy.",
    )


def _across_splits(films: pd.DataFrame) -> Finding:
    """Films in the test split of which a copy is in a split used for training."""
    side = np.where(films["split"] == "test", "test", "training")
    shared = films[
        films.assign(side=side).groupby("copies")["side"].transform("nunique").to_numpy() > 1
    ]
    return finding(
        "duplicates-across-splits",
        "Films in test of which a copy is in train or val",
        films_by(shared, "copies"),
        count=shared["copies"].nunique(),
        harm="high",
        why="Data leakage: performance on a film seen in training says nothing about new films. "
        "Copies are identical films and near-duplicates, mirrored and turned ones too.",
        done=f"{NOTHING} Remove the copy from test, or do not report figures on that split.",
    )


def _pairs(content: pd.Series) -> int:
    """How many pairs share a content: three films make three pairs."""
    n = content.value_counts()
    return int((n * (n - 1) // 2).sum())
