"""Shortcuts are found, on patients held out from the fit."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pneumo_core.audit import audit_ready, check_integrity, measure_shortcuts, overall, shortcuts
from pneumo_core.audit.shortcuts import FEATURES, mean_blocks
from pneumo_core.dataset.catalogue import THUMBNAIL, Catalogue
from pneumo_core.dataset.layout import Listing

COPIES = {"width": 224, "height": 224, "aspect": 1.0, "quality": 75.0, "quantisation": "a"}


@pytest.fixture
def catalogue_of(tmp_path, monkeypatch):
    """A function: a catalogue of films that exist only as rows; columns by name, (n,) each.

    Of the features only those in `ask` are measured.
    """

    def make(positive, *, ask, split="train", group=None, thumbnails=None, name="one", **columns):
        features = [feature for feature in FEATURES if feature.name in ask]
        monkeypatch.setattr(shortcuts, "FEATURES", features)
        n = len(positive)
        index = pd.DataFrame({"film": [f"{i:04d}" for i in range(n)], "split": split})
        index["label"] = np.where(positive, "pneumonia", "normal")
        index["subtype"] = np.where(positive, "viral", "normal")
        index["group"] = [f"g{i}" for i in range(n)] if group is None else group
        index["sha256"] = index["pixels"] = index["film"]
        index["readable"] = True
        rng = np.random.default_rng(1)
        for feature in FEATURES:
            if feature.kind == "number":
                index[feature.name] = rng.normal(size=n)
        for column, values in (COPIES | columns).items():
            index[column] = values
        if thumbnails is None:
            thumbnails = np.zeros((n, THUMBNAIL, THUMBNAIL), np.uint8)
        folder = tmp_path / name
        folder.mkdir()
        return Catalogue(
            tmp_path, index, thumbnails, Listing(tmp_path, ()), "key", "now", Path(folder)
        )

    return make


def row(table, feature, split="train"):
    (found,) = table[(table["feature"] == feature) & (table["split"] == split)].itertuples()
    return found


POSITIVE = np.arange(240) % 2 == 1
ALL = [feature.name for feature in FEATURES]
ASKED = ["width", "height", "mean"]


def test_a_feature_that_gives_the_label_away_is_found_in_either_direction(catalogue_of):
    rng = np.random.default_rng(0)
    strong = ("bytes_per_pixel", "mean", "contrast", "quantisation")
    table = measure_shortcuts(
        catalogue_of(
            POSITIVE,
            ask=(*strong, "border_mean"),
            bytes_per_pixel=POSITIVE + rng.normal(0, 0.1, 240),
            mean=-(POSITIVE + rng.normal(0, 0.1, 240)),
            contrast=np.where(POSITIVE, 0, rng.choice([-1, 1], 240)) + rng.normal(0, 0.1, 240),
            quantisation=np.where(POSITIVE, "x", "y"),
        )
    )
    for feature in strong:
        found = row(table, feature)
        assert found.auc > 0.98
        assert 0.9 < found.low <= found.auc <= found.high
        assert found.low < found.high
        assert "a near-perfect shortcut" in found.words
    assert (found.films, found.n_groups, found.state) == (240, 240, "measured")
    assert "(higher in pneumonia)" in row(table, "bytes_per_pixel").words
    assert "(lower in pneumonia)" in row(table, "mean").words
    assert "in pneumonia)" not in row(table, "contrast").words  # in the middle: no direction
    useless = row(table, "border_mean")
    assert useless.low < 0.5 < useless.high
    assert "compatible with chance" in useless.words


def test_what_all_films_share_tells_nothing(catalogue_of):
    table = measure_shortcuts(catalogue_of(POSITIVE, ask=ALL, quality=np.nan, quantisation=""))
    same = "is the same for all films and carries no information"
    words = {
        "width": f"The width in pixels {same} (224).",
        "quality": f"The JPEG quality setting {same} (none is a JPEG).",
        "quantisation": f"The JPEG compression table {same} (none is a JPEG).",
        "ring": f"The blurred border of the film {same}.",
    }
    for feature, told in words.items():
        found = row(table, feature)
        assert (found.state, found.words) == ("constant", told)
        assert math.isnan(found.auc)
    assert row(table, "width").constant == 224
    assert overall(table).endswith(
        "Size and shape carry no information: all films are 224 × 224 copies."
    )


def test_a_child_is_not_known_from_its_other_films(catalogue_of):
    # Each of 60 children has four films and one value: by film it could be looked up.
    rng = np.random.default_rng(3)
    child = np.repeat(np.arange(60), 4)
    table = measure_shortcuts(
        catalogue_of(
            child % 2 == 1,
            ask=["mean"],
            group=[f"g{n}" for n in child],
            mean=rng.permutation(60)[child] + rng.normal(0, 0.01, 240),
        )
    )
    found = row(table, "mean")
    assert found.n_groups == 60
    assert 0.3 < found.auc < 0.7
    assert found.high - found.low > 0.2  # of 60 children, not of 240 films


def test_what_is_learnt_in_train_is_tried_on_test(catalogue_of):
    rng = np.random.default_rng(0)
    split = np.repeat(["train", "test"], 120)
    way = np.where(split == "train", 1, -1)
    table = measure_shortcuts(
        catalogue_of(
            POSITIVE,
            ask=["aspect", "mean", "width"],
            split=split,
            aspect=way * POSITIVE + rng.normal(0, 0.1, 240),
            mean=POSITIVE + rng.normal(0, 0.1, 240),
        )
    )
    lost, kept = row(table, "aspect", "test"), row(table, "mean", "test")
    assert lost.auc > 0.98
    assert lost.across < 0.6  # on the other side nothing is known
    assert lost.across_low <= lost.across <= lost.across_high
    assert "it does not generalise" in lost.words
    assert kept.across > 0.98
    assert "it generalises" in kept.words
    assert row(table, "aspect").across == lost.across
    assert "Fitted on train" not in row(table, "aspect").words
    assert math.isnan(row(table, "width", "test").across)


def test_a_split_that_is_too_small_is_not_judged(catalogue_of):
    split = np.where(np.arange(240) < 24, "val", "train")
    table = measure_shortcuts(catalogue_of(POSITIVE, ask=ASKED, split=split))
    found = row(table, "mean", "val")
    assert found.state == "few"
    assert math.isnan(found.auc)
    assert found.words == (
        "The mean brightness was not tested. Small sample: fewer than 30 patients of a class in "
        "val."
    )
    tiny = measure_shortcuts(catalogue_of(POSITIVE[:10], ask=ASKED, split="all", name="tiny"))
    assert set(tiny["state"]) == {"few", "constant"}
    assert overall(tiny).startswith("Small sample: too few patients")
    one_sided = measure_shortcuts(catalogue_of(POSITIVE | True, ask=ASKED, name="positive"))
    assert "measured" not in set(one_sided["state"])


def test_the_table_is_kept(catalogue_of, monkeypatch):
    catalogue = catalogue_of(POSITIVE, ask=ASKED)
    seen = []
    first = measure_shortcuts(catalogue, progress=lambda *at: seen.append(at))
    assert seen == [("shortcuts", n, 3) for n in (1, 2, 3)]
    monkeypatch.setattr(shortcuts, "_measure", lambda *_: pytest.fail("not again"))
    pd.testing.assert_frame_equal(measure_shortcuts(catalogue), first)


def test_an_audit_is_ready_when_both_parts_are_kept(good):
    assert not audit_ready(replace(good, folder=good.folder.parent))
    check_integrity(good)
    measure_shortcuts(good)
    assert audit_ready(good)


def test_the_cells_and_the_ring_of_a_thumbnail(catalogue_of):
    thumbnail = np.full((THUMBNAIL, THUMBNAIL), 100, np.uint8)
    thumbnail[:6] = 10  # the top row of blocks
    thumbnail[6:12, 6:12] = 250  # one cell inside
    catalogue = catalogue_of(POSITIVE[:1], ask=(), thumbnails=thumbnail[np.newaxis])
    found = mean_blocks(catalogue)
    assert found.shape == (1, 16, 16)
    assert found[0, 0].tolist() == [10] * 16
    assert (found[0, 1, 1], found[0, 1, 0], found[0, 2, 2]) == (250, 100, 100)
    ring = next(one for one in FEATURES if one.name == "ring").values(catalogue)
    assert ring.shape == (1, 60)
    assert sorted(set(ring[0].tolist())) == [10, 100]
