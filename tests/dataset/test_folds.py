"""Folds that keep patients and copies together, and the manifest that pins them."""

import json

import numpy as np
import pandas as pd
import pytest

from pneumo_core.dataset.folds import grouped_folds, joined_groups, read_manifest, write_manifest
from pneumo_core.errors import DataSetError

LABEL = {"normal": "normal", "bacterial": "pneumonia", "viral": "pneumonia"}


def make_index(rows):
    """rows: (subtype, group, sha256) each."""
    index = pd.DataFrame(rows, columns=["subtype", "group", "sha256"])
    index["film"] = [f"{n:04d}.png" for n in range(len(index))]
    index["label"] = index["subtype"].map(LABEL)
    return index


def cohort(patients=60):
    """Patients of three subtypes with one to four films each, every film of other bytes."""
    rows = []
    for subtype in LABEL:
        for person in range(patients):
            rows += [(subtype, f"{subtype}-{person}", "")] * (1 + person % 4)
    index = make_index(rows)
    index["sha256"] = [f"sha-{n}" for n in range(len(index))]
    return index


def test_a_patients_films_share_a_fold():
    index = cohort()
    fold = grouped_folds(index, folds=5, seed=0)
    assert fold.dtype == np.int64
    assert sorted(set(fold)) == [0, 1, 2, 3, 4]
    assert index.assign(fold=fold).groupby("group")["fold"].nunique().max() == 1


def test_subtypes_keep_their_proportions():
    index = cohort()
    fold = grouped_folds(index, folds=5, seed=0)
    films = pd.crosstab(fold, index["subtype"])
    assert (films - 30).abs().to_numpy().max() <= 1


def test_the_seed_decides():
    index = cohort()
    first = grouped_folds(index, folds=5, seed=0)
    assert (first == grouped_folds(index, folds=5, seed=0)).all()
    assert (first != grouped_folds(index, folds=5, seed=1)).any()


def test_near_copies_join_their_patients_and_unreadable_films_do_not():
    index = make_index([("normal", name, name) for name in "abcd"])
    index["copies"] = ["1", "1", "", ""]
    group = joined_groups(index)
    assert group[0] == group[1]
    assert len(set(group.tolist())) == 3


def test_exact_duplicates_join_their_patients_along_a_chain():
    index = make_index(
        [
            ("normal", "a", "1"),
            ("normal", "b", "1"),  # the same film as a's
            ("normal", "b", "2"),
            ("normal", "c", "2"),  # and b's other film is c's
            ("viral", "d", "3"),
        ]
    )
    assert joined_groups(index).tolist() == [0, 0, 0, 0, 1]


def test_files_without_a_hash_have_nothing_in_common():
    index = make_index([("normal", "a", ""), ("normal", "b", ""), ("viral", "c", "")])
    assert joined_groups(index).tolist() == [0, 1, 2]


def test_films_of_the_same_pixels_in_other_files_are_joined():
    index = make_index([("normal", "a", "1"), ("normal", "b", "2"), ("viral", "c", "3")])
    index["pixels"] = ["p", "q", "p"]
    assert joined_groups(index).tolist() == [0, 1, 0]
    index["pixels"] = ["", "", ""]
    assert joined_groups(index).tolist() == [0, 1, 2]


def test_duplicates_of_two_patients_share_a_fold():
    index = cohort()
    index.loc[index["group"] == "viral-3", "sha256"] = "copy"
    index.loc[index["group"] == "normal-7", "sha256"] = "copy"
    for seed in range(5):
        fold = grouped_folds(index, folds=5, seed=seed)
        assert len(set(fold[index["group"].isin(["viral-3", "normal-7"])])) == 1


def test_a_rare_subtype_is_no_obstacle():
    index = cohort(6)
    rare = (index["subtype"] != "viral") | (index["group"] == "viral-0")
    assert len(grouped_folds(index[rare], folds=5, seed=0)) == rare.sum()


@pytest.mark.parametrize(
    ("rows", "folds", "message"),
    [
        ([("normal", "a", "1")], 1, "at least 2 folds, got 1"),
        ([("normal", "a", "1"), ("normal", "b", "2")], 2, "got no pneumonia film at all"),
        ([("viral", "a", "1"), ("viral", "b", "2")], 2, "got no normal film at all"),
        (
            [("normal", "a", "1"), ("normal", "a", "2"), ("viral", "b", "3"), ("viral", "c", "4")],
            2,
            "at least 2 normal patients for 2 folds, got 1. Ask for fewer folds",
        ),
        (  # two patients, but of the same film
            [("normal", "a", "1"), ("normal", "d", "1"), ("viral", "b", "3"), ("viral", "c", "4")],
            2,
            "at least 2 normal patients for 2 folds, got 1",
        ),
        ([], 2, "got no normal film at all"),
    ],
)
def test_too_few_patients_or_an_empty_class_are_refused(rows, folds, message):
    with pytest.raises(DataSetError, match=message):
        grouped_folds(make_index(rows), folds=folds, seed=0)


def test_a_fold_without_one_class_is_refused():
    # Two patients whose films are of both labels: each class has three patients, one is a giant.
    rows = [("viral", "giant", f"v{n}") for n in range(50)]
    rows += [("normal", "giant", f"n{n}") for n in range(50)]
    rows += [("viral", "b", "1"), ("normal", "c", "2")]
    with pytest.raises(DataSetError, match="both classes in each of 2 folds"):
        grouped_folds(make_index(rows), folds=2, seed=0)


def test_a_manifest_comes_back(tmp_path):
    index = cohort(10)
    fold = grouped_folds(index, folds=3, seed=7)
    path = tmp_path / "run" / "folds.json"
    write_manifest(index, fold, path, seed=7)
    manifest = read_manifest(path)
    assert (manifest.seed, manifest.folds) == (7, 3)
    assert manifest.films["fold"].tolist() == fold.tolist()
    assert manifest.films["group"].tolist() == index["group"].tolist()
    assert len(manifest.digest) == 64
    assert list(path.parent.iterdir()) == [path]
    backwards = index.iloc[::-1]
    assert manifest.fold_of(backwards).tolist() == fold[::-1].tolist()


def test_a_manifest_knows_films_that_changed_since(tmp_path):
    index = cohort(10)
    write_manifest(index, grouped_folds(index, folds=2, seed=0), tmp_path / "folds.json")
    index.loc[[3, 5], "sha256"] = "other"
    with pytest.raises(DataSetError, match=r"got 2 that are new or altered, the first 0003.png"):
        read_manifest(tmp_path / "folds.json").fold_of(index)


def test_an_altered_manifest_is_refused(tmp_path):
    index = cohort(10)
    path = tmp_path / "folds.json"
    write_manifest(index, grouped_folds(index, folds=2, seed=0), path, seed=0)
    content = json.loads(path.read_text())
    content["films"][0]["fold"] = 1 - content["films"][0]["fold"]
    path.write_text(json.dumps(content))
    with pytest.raises(DataSetError, match=r"folds.json as it was written, got an altered one"):
        read_manifest(path)


@pytest.mark.parametrize("text", [None, "", "[]", "null", "{}", '{"sha256": ""}', '{"films": 1'])
def test_a_missing_or_damaged_manifest_is_refused(tmp_path, text):
    path = tmp_path / "folds.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataSetError, match=r"got folds.json, which is missing or damaged"):
        read_manifest(path)


def test_a_failed_write_leaves_the_old_manifest(tmp_path, monkeypatch):
    index = cohort(10)
    path = tmp_path / "folds.json"
    write_manifest(index, grouped_folds(index, folds=2, seed=0), path, seed=0)
    monkeypatch.setattr("pathlib.Path.replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        write_manifest(index, grouped_folds(index, folds=2, seed=1), path, seed=1)
    monkeypatch.undo()
    assert read_manifest(path).seed == 0
    assert list(tmp_path.iterdir()) == [path]
