"""Duplicate checks: identical files, identical pixels, near-duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.audit.finding import NOTHING, Finding, films_by, finding
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
    """Pairs whose perceptual hashes nearly agree, in any orientation, and whose pixels differ."""
    pairs = near_pairs(films["phash"].tolist())
    pixels, name = films["pixels"].to_numpy(), films["film"].to_numpy()
    pairs = pairs[pixels[pairs[:, 0]] != pixels[pairs[:, 1]]]
    label, group = films["label"].to_numpy(), films["group"].to_numpy()
    apart = int((group[pairs[:, 0]] != group[pairs[:, 1]]).sum())
    conflicting = int((label[pairs[:, 0]] != label[pairs[:, 1]]).sum())
    turned = int((pairs[:, 3] > 0).sum())
    details = f" Pairs mirrored or turned: {turned:,}." if turned else ""
    details += f" Pairs of two patients: {apart:,}." if apart else ""
    details += f" Pairs with two labels: {conflicting:,}." if conflicting else ""
    return finding(
        "near-duplicates",
        "Pairs of near-duplicates",
        tuple(dict.fromkeys(map(str, name[pairs[:, :2].ravel()]))),
        count=len(pairs),
        unit="pairs",
        harm="high" if conflicting else "medium",
        why="A film resized, brightened, recompressed, mirrored or turned is still the same film, "
        f"and a split by image puts it on both sides.{details}",
        done="Grouped: near-duplicates fall into the same fold. All of them stay in; review the "
        "pairs with two labels or two patients. Copies turned by a few degrees or cropped by more "
        "than 1\xa0% are not found.",
    )


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
