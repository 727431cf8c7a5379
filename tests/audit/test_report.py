"""Every fault of a folder made to be bad is found, named and counted; what is done is true."""

import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pneumo_core.audit import HARMS, check_integrity, report
from pneumo_core.audit.files import _near
from pneumo_core.audit.finding import _sources
from pneumo_core.audit.report import _checks
from pneumo_core.audit.splits import sizes
from pneumo_core.dataset.folds import grouped_folds, joined_groups, training_films
from pneumo_core.dataset.index import index_folder
from pneumo_core.synthetic.demo_data import write_marker

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")

P, N = "train/PNEUMONIA", "train/NORMAL"

# code → count, unit, harm, films, words of the reason, words of what is done
FAULTS = {
    "damaged": (2, "films", "medium", [f"{N}/IM-0002-0001.jpeg", f"{N}/IM-0003-0001.jpeg"],
                "1 ×: This JPEG is truncated", "Excluded"),
    "foreign": (1, "films", "medium", [f"{P}/person1_virus_1.jpeg"],
                "1 ×: This is a text file, not a picture.", "Excluded"),
    "refused": (1, "films", "medium", [f"{P}/person2_virus_2.png"],
                "16 × 16 pixels", "Excluded"),
    "misnamed": (1, "films", "low", [f"{P}/person3_virus_3.jpeg"], "extension", "first bytes"),
    "exact-duplicates": (5, "pairs", "medium", [
        f"{N}/IM-0020-0001.jpeg", f"{P}/person20_bacteria_1.jpeg",
        "test/PNEUMONIA/person99_bacteria_1.jpeg", f"{P}/person21_bacteria_1.jpeg",
        *(f"{P}/person10_bacteria_{n}.jpeg" for n in (1, 2, 3))],
        "more than once: 3, in 7 files", "Grouped"),
    "same-pixels": (1, "pairs", "medium", [f"{P}/person11_bacteria_{n}.png" for n in (1, 2)],
                    "without loss", "Grouped"),
    "near-duplicates": (1, "pairs", "medium",
                        [f"{P}/person12_bacteria_1.jpeg", f"{P}/person13_bacteria_1.jpeg"],
                        "Pairs of two patients: 1.", "Grouped"),
    "two-labels": (1, "films", "high",
                   [f"{N}/IM-0020-0001.jpeg", f"{P}/person20_bacteria_1.jpeg"],
                   "One of the two labels is wrong", "same fold"),
    "duplicates-across-splits": (1, "films", "high", [
        "test/PNEUMONIA/person99_bacteria_1.jpeg", f"{P}/person21_bacteria_1.jpeg"],
        "seen in training", "Nothing"),
    "patients-across-test": (1, "patients", "high", [
        "test/PNEUMONIA/person30_virus_2.jpeg", f"{P}/person30_virus_1.jpeg"],
        "Data leakage", "Nothing"),
    "patients-across-splits": (1, "patients", "medium", [
        f"{N}/IM-0031-0001.jpeg", "val/NORMAL/IM-0031-0002.jpeg"], "Model selection", "Merged"),
    "wrong-key": (1, "numbers", "none", [], "of two children here: 1.", "correct key"),
    "unknown-patients": (1, "films", "medium", [f"{N}/nameless.jpeg"], "counts as one patient",
                         "Nothing"),
    "patients-two-labels": (1, "patients", "low", [
        f"{N}/NORMAL-7700-0001.jpeg", f"{P}/BACTERIA-7700-0002.jpeg"], "healthy another time",
        "same fold"),
    "empty-class": (1, "classes", "high", ["test: normal", "test/NORMAL"], "need both classes",
                    "Training stops"),
    "small-val": (2, "films", "medium", [
        "val/NORMAL/IM-0031-0002.jpeg", "val/PNEUMONIA/person32_virus_1.jpeg"],
        "One class has 1 film: a measured rate of 90\xa0%", "Merged"),
    "nested": (3, "films", "medium", [
        f"chest_xray/{N}/IM-{n}-0001.jpeg" for n in ("0001", "0020", "0031")],
        "from the one used: 1.", "Counted once"),
    "macosx": (1, "files", "low", [f"__MACOSX/{N}/._IM-0001-0001.jpeg"], "not images",
               "Skipped"),
    "links": (2, "links", "low", [f"{N}/IM-0040-0001.jpeg", f"{N}/IM-0041-0001.jpeg"],
              "Leading out: 1.", "Skipped"),
    "unlabelled": (1, "files", "low", ["loose.jpeg"], "directly in the folder: 1", "Skipped"),
}  # fmt: skip


ELSEWHERE = {"small-test", "published-counts", "masks"}  # checks of data sets of their own


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_is_found_named_and_counted(bad, code):
    (found,) = (one for one in check_integrity(bad) if one.code == code)
    count, unit, harm, films, why, done = FAULTS[code]
    assert (found.count, found.unit, found.harm) == (count, unit, harm)
    assert sorted(found.films) == sorted(films)
    assert why in found.why
    assert done in found.done


def test_findings_come_in_order_of_harm_and_none_is_missing(bad):
    findings = check_integrity(bad)
    order = [HARMS.index(one.harm) for one in findings]
    assert order == sorted(order)
    assert {one.code for one in findings} == {*FAULTS, *ELSEWHERE}


def test_a_good_folder_has_every_check_without_a_hit(good):
    findings = {one.code: one for one in check_integrity(good)}
    assert set(findings) == {*FAULTS, *ELSEWHERE}
    hits = {code for code, one in findings.items() if one.count}
    # 30 numbers are a child in train and another one in test only by the right key; the counts
    # are not Kaggle's.
    assert hits == {"published-counts"}
    assert {one.harm for code, one in findings.items() if code not in hits} == {"none"}
    told = findings["published-counts"]
    assert told.count == 4
    assert "train normal: 30 here, 1,341 published" in told.why
    assert told.why.endswith("not here: val.")


def test_counts_of_drawn_films_are_not_held_against_the_published(good, tmp_path):
    write_marker(tmp_path, good.index["sha256"])
    told = next(
        one for one in sizes(replace(good, root=tmp_path)) if one.code == "published-counts"
    )
    assert (told.count, told.harm) == (0, "none")
    assert told.why.endswith("These films are synthetic and not part of that data set.")
    write_marker(tmp_path, good.index["sha256"][1:])
    mixed = [one for one in sizes(replace(good, root=tmp_path)) if one.count]
    assert [one.code for one in mixed] == ["published-counts"]


def test_findings_are_kept_and_made_anew_where_the_file_is_damaged(bad, monkeypatch):
    first = check_integrity(bad)
    (kept,) = bad.folder.glob("integrity-*.json")
    with monkeypatch.context() as patch:
        patch.setattr(report, "_checks", lambda _: pytest.fail("not again"))
        assert check_integrity(bad) == first
    kept.write_text("{", "utf-8")
    assert check_integrity(bad) == first == _checks(bad)


def test_what_is_done_is_true_of_the_index_and_the_folds(bad):
    index = index_folder(bad.root)
    films = training_films(index)
    # Left out: the unreadable and the test split. Passed over: second copies, links, the loose.
    assert set(films["split"]) == {"train", "val"}
    assert films["readable"].all()
    assert not any("chest_xray" in film or "MACOSX" in film for film in index["film"])
    assert not {"IM-0040", "IM-0041"} & set(index["group"])
    # Grouped: identical bytes, identical pixels, one patient whatever the label and the split.
    group = dict(zip(films["film"], joined_groups(films), strict=True))
    together = [
        [f"{N}/IM-0020-0001.jpeg", f"{P}/person20_bacteria_1.jpeg"],
        [f"{P}/person11_bacteria_1.png", f"{P}/person11_bacteria_2.png"],
        [f"{N}/IM-0031-0001.jpeg", "val/NORMAL/IM-0031-0002.jpeg"],
        [f"{N}/NORMAL-7700-0001.jpeg", f"{P}/BACTERIA-7700-0002.jpeg"],
        [f"{P}/person12_bacteria_1.jpeg", f"{P}/person13_bacteria_1.jpeg"],  # near-duplicates
    ]
    for films_of_one in together:
        assert len({group[film] for film in films_of_one}) == 1
    fold = dict(zip(films["film"], grouped_folds(films, folds=2, seed=0), strict=True))
    assert all(len({fold[film] for film in films_of_one}) == 1 for films_of_one in together)


def test_an_empty_class_stops_training_with_words(bad):
    films = training_films(bad.index)
    pneumonia = films[films["label"] == "pneumonia"]
    with pytest.raises(Exception, match="got no normal film at all"):
        grouped_folds(pneumonia, folds=2, seed=0)


def test_near_duplicates_under_two_labels_are_of_high_harm(good, bad):
    index = bad.index.copy()
    index.loc[index["film"] == f"{P}/person13_bacteria_1.jpeg", "label"] = "normal"
    torn = replace(bad, index=index, folder=good.folder.parent)
    (found,) = (one for one in _checks(torn) if one.code == "near-duplicates")
    assert (found.harm, found.count) == ("high", 1)
    assert "with two labels: 1." in found.why


def test_copies_turned_a_little_are_near_duplicates_of_their_own_count():
    films = pd.DataFrame(
        {
            "film": ["a", "b", "c", "d"],
            "phash": ["0" * 64, "0" * 63 + "1", "f" * 64, "0f" * 32],
            "pixels": ["1", "2", "3", "4"],
            "copies": ["1", "1", "1", "4"],
            "label": ["normal"] * 4,
            "group": ["a", "a", "a", "d"],
        }
    )
    found = _near(films)
    assert (found.count, found.films, found.harm) == (3, ("a", "b", "c"), "medium")
    assert "Pairs turned by a few degrees or cropped: 2." in found.why
    assert "more than 6 degrees" in found.done


def test_a_small_test_split_is_told_with_its_interval(good):
    keep = np.r_[:10, 30:40, 60:120]  # ten of each class in test
    small = replace(good, index=good.index.iloc[keep])
    (found,) = (one for one in _checks(small) if one.code == "small-test")
    assert (found.count, found.harm) == (20, "medium")
    assert (
        "One class has 10 films: a measured rate of 90\xa0% has a 95\xa0% interval of 60–98\xa0%"
        in found.why
    )


def test_cached_findings_depend_on_the_limits_and_words_of_other_rooms():
    """The limit of a small sample is in metrics/intervals.py: changing it changes the audit."""
    names = {f"{path.parent.name}/{path.name}" for path in _sources()}
    assert {
        *("audit/splits.py", "metrics/intervals.py", "dataset/layout.py"),
        "pneumo_core/formatting.py",
    } <= names
