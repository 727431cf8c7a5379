"""Checks for films that are there more than once: the same bytes, the same pixels, nearly so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.audit.finding import NOTHING, Finding, found
from pneumo_core.dataset.similarity import near_pairs
from pneumo_core.formatting import count

if TYPE_CHECKING:
    import pandas as pd

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
    return found(
        "exact-duplicates",
        "Pairs of identical files",
        _together(same, "sha256"),
        count=_pairs(same["sha256"]),
        unit="pairs",
        harm="medium",
        why="A model that learnt from one copy knows the other: with a copy on each side of a "
        "split, its figures flatter it."
        + (
            f" Films that are there more than once: {contents:,}, in {count(len(same), 'files')}."
            if contents
            else ""
        ),
        done=_GROUPED,
    )


def _same_pixels(films: pd.DataFrame) -> Finding:
    """Pairs with one hash of pixels and two of bytes."""
    once = films.drop_duplicates(["pixels", "sha256"])
    same = once[once.duplicated("pixels", keep=False)]
    return found(
        "same-pixels",
        "Pairs of identical films in different files",
        _together(same, "pixels"),
        count=_pairs(same["pixels"]),
        unit="pairs",
        harm="medium",
        why="A film saved again without loss, or with other notes in its header, has other bytes "
        "and is the same film.",
        done=_GROUPED,
    )


def _near(films: pd.DataFrame) -> Finding:
    """Pairs whose perceptual hashes nearly agree and whose pixels differ."""
    pairs = near_pairs(films["phash"].tolist())
    pixels, name = films["pixels"].to_numpy(), films["film"].to_numpy()
    pairs = pairs[pixels[pairs[:, 0]] != pixels[pairs[:, 1]]]
    label, group = films["label"].to_numpy(), films["group"].to_numpy()
    apart = int((group[pairs[:, 0]] != group[pairs[:, 1]]).sum())
    torn = int((label[pairs[:, 0]] != label[pairs[:, 1]]).sum())
    told = f" Pairs under two patients' names: {apart:,}." if apart else ""
    told += f" Pairs under two labels: {torn:,}." if torn else ""
    return found(
        "near-duplicates",
        "Pairs that look the same",
        tuple(dict.fromkeys(map(str, name[pairs[:, :2].ravel()]))),
        count=len(pairs),
        unit="pairs",
        harm="high" if torn else "medium",
        why="A film resized, brightened or saved again is still the same film, and an image-level "
        f"split puts it on both sides.{told}",
        done="Nothing: only identical films are grouped. Look at the pairs; where they are one "
        "film, remove one of the two.",
    )


def _two_labels(films: pd.DataFrame) -> Finding:
    torn = films[films.groupby("pixels")["label"].transform("nunique") > 1]
    return found(
        "two-labels",
        "The same film under two labels",
        _together(torn, "pixels"),
        count=torn["pixels"].nunique(),
        harm="high",
        why="One of its labels is wrong, and whichever way a model answers, it is marked down "
        "once.",
        done="Nothing but to keep them in the same fold: only you can say which label is right. "
        "Remove the other.",
    )


def _across_splits(films: pd.DataFrame) -> Finding:
    """The same film in the test split and in one that is trained on."""
    learnt = np.where(films["split"] == "test", "test", "learnt from")
    torn = films[
        films.assign(side=learnt).groupby("pixels")["side"].transform("nunique").to_numpy() > 1
    ]
    return found(
        "duplicates-across-splits",
        "The same film in test and in train or val",
        _together(torn, "pixels"),
        count=torn["pixels"].nunique(),
        harm="high",
        why="A film that was trained on says nothing about new films: the test is not a test.",
        done=f"{NOTHING} Remove the copy in test, or do not report figures of that split.",
    )


def _together(films: pd.DataFrame, by: str) -> tuple[str, ...]:
    """The films, those of one content beside each other."""
    return tuple(map(str, films.sort_values([by, "film"])["film"]))


def _pairs(content: pd.Series) -> int:
    """How many pairs share a content: three films make three pairs."""
    n = content.value_counts()
    return int((n * (n - 1) // 2).sum())
