"""Duplicate checks: identical files, identical pixels, near-duplicates."""

from __future__ import annotations

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

_GROUPED = (
    "Grouped: identical films fall into the same fold, never on both sides of a split. "
    "All of them stay in."
)


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
