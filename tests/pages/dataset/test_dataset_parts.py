"""What the Dataset screen counts and says, on films made up by hand."""

import numpy as np
import pandas as pd
import pytest

from pages.ui.charts.theme import SUBTYPES
from pages.ui.dataset import facets, filters
from pages.ui.dataset.explorer import legend_html
from pages.ui.dataset.filters import (
    Among,
    Area,
    Named,
    OneOf,
    Span,
    chosen,
    duplicates,
    in_order,
    on,
    put,
    toggled,
    without,
)
from pages.ui.dataset.findings import card_html, estimates, folds_html, silences
from pages.ui.dataset.gallery_view import facts_html, heading, near_duplicates
from pneumo_core.audit import Finding

TRAIN = OneOf("split", ("train",), "split")
VIRAL = OneOf("subtype", ("viral",), "kind")
WIDE = Span("width", 300, 500, "width", "px")


@pytest.fixture
def films():
    """Six films: patient a has two in train, b one in train and one in test, c and d one each."""
    rows = [
        ("train/NORMAL/a_1.jpeg", "train", "normal", "a", 200, "1" * 64, True),
        ("train/NORMAL/a_2.jpeg", "train", "normal", "a", 300, "2" * 64, True),
        ("train/PNEUMONIA/b_1.jpeg", "train", "bacterial", "b", 400, "3" * 64, True),
        ("test/PNEUMONIA/b_2.jpeg", "test", "bacterial", "b", 500, "3" * 64, True),
        ("test/PNEUMONIA/c_1.jpeg", "test", "viral", "c", 400, "3" * 64, True),
        ("test/PNEUMONIA/d_1.jpeg", "test", "viral", "d", 0, "", False),
    ]
    columns = ["film", "split", "subtype", "group", "width", "sha256", "readable"]
    index = pd.DataFrame(rows, columns=columns)
    index["label"] = np.where(index["subtype"] == "normal", "normal", "pneumonia")
    index["height"] = index["width"].replace(0, 100) // 2
    index["aspect"] = np.where(index["readable"], 2.0, np.nan)
    index["mean"], index["contrast"] = [10.0, 20, 30, 40, 50, np.nan], 5.0
    index["quality"], index["bytes_per_pixel"] = np.nan, 0.5
    index["bytes"] = 1000
    return facets.with_facets(index)


# Conditions


@pytest.mark.parametrize(
    ("condition", "rows", "words"),
    [
        (TRAIN, "111000", "split: train"),
        (OneOf("split", ("val", "test"), "split"), "000111", "split: val or test"),
        (WIDE, "011110", "width 300–500 px"),
        (Span("mean", 50, 50, "mean grey"), "000010", "mean grey 50"),
        (Area(WIDE, Span("mean", 30, 90, "grey")), "001110", "width 300–500 px, grey 30–90"),
        (Named("B_"), "001100", "name or patient with “B_”"),
        (Named("c"), "000010", "name or patient with “c”"),
        (Among(("test/PNEUMONIA/d_1.jpeg",), "unreadable"), "000001", "unreadable"),
    ],
)
def test_a_condition_holds_for_its_films_and_says_so(films, condition, rows, words):
    expected = [one == "1" for one in rows]
    assert condition.holds(films).tolist() == expected
    assert condition.words == words


def test_conditions_are_joined_by_and_and_a_chart_leaves_out_its_own(films):
    tested = OneOf("split", ("test",), "split")
    assert chosen(films, (tested, VIRAL)).tolist() == [False] * 4 + [True] * 2
    assert chosen(films, (TRAIN, VIRAL), except_for=("split",)).sum() == 2
    assert chosen(films, ()).all()


def test_one_condition_a_column_and_a_second_click_lets_go():
    test = OneOf("split", ("test",), "split")
    assert put((TRAIN, VIRAL), test) == (VIRAL, test)
    assert on((TRAIN, WIDE), "width") == WIDE
    assert on((TRAIN,), "width") is None
    assert without((TRAIN, VIRAL), TRAIN.columns) == (VIRAL,)
    assert toggled((), TRAIN) == (TRAIN,)
    assert toggled((TRAIN, VIRAL), TRAIN) == (VIRAL,)
    assert toggled((TRAIN,), test) == (test,)


def test_the_films_of_a_finding_keep_its_order(films):
    names = films["film"].tolist()
    pairs = Among((names[4], names[1]), "pairs")
    shown = films[pairs.holds(films)]
    assert in_order(shown, (pairs,))["film"].tolist() == [names[4], names[1]]
    assert in_order(shown, (TRAIN,)) is shown


# Counts


def test_films_per_patient_fall_into_words(films):
    assert films["per_patient"].tolist() == ["2", "2", "2", "2", "1", "1"]
    many = pd.DataFrame({"group": ["a"] * 9 + ["b"] * 30})
    assert set(facets.with_facets(many)["per_patient"]) == {"5–9", "10 and more"}


def test_bars_count_what_the_other_choices_leave_and_mark_their_own(films):
    rows = facets.by_kind(films, (TRAIN, WIDE))
    assert [(row.value, row.shown, row.total, row.chosen) for row in rows] == [
        (("train", "normal"), 1, 2, True),
        (("train", "bacterial"), 1, 1, True),
        (("test", "bacterial"), 1, 1, False),
        (("test", "viral"), 1, 2, False),
    ]
    assert rows[0].names == ("train", SUBTYPES["normal"].title)


def test_patients_are_counted_once_a_split(films):
    by_split = facets.patients_by_split(films, ())
    assert [(row.value, row.shown, row.chosen) for row in by_split] == [
        ("train", 2, True),
        ("test", 3, True),
    ]
    by_films = facets.patients_by_films(films, (TRAIN, OneOf("per_patient", ("2",), "films")))
    assert [(row.value, row.shown, row.total, row.chosen) for row in by_films] == [
        ("1", 0, 2, False),
        ("2", 2, 2, True),
    ]


def test_a_rectangle_may_be_drawn_from_any_corner():
    drawn = facets.rectangle(facets.SCATTER_PLOTS[0], (500.0, 300.0), (1.2, 1.9))
    assert (drawn.across.low, drawn.across.high) == (300, 500)
    assert drawn.words == "width 300–500 px, width ÷ height 1.20–1.90"


def test_where_there_is_nothing_to_draw_words_say_so(films):
    size, grey, compression = facets.SCATTER_PLOTS
    assert facets.constant(films, grey) == ""
    same = films[films["readable"]].assign(width=224, height=224, aspect=1.0)
    assert facets.constant(same, size) == "All films are 224 × 224 pixels."
    assert facets.constant(films, compression) == (
        "JPEG quality (1–100): unknown for all of these films."
    )
    alike = films.assign(quality=75.0)
    assert facets.constant(alike, compression) == "All films are the same: JPEG quality 75."


def test_three_identical_files_are_three_pairs(films):
    assert duplicates(films) == 3
    assert duplicates(films.iloc[:3]) == 0


# Words


def test_the_facts_of_a_film_are_escaped_and_name_its_findings(films):
    finding = Finding("x", "Odd <b>", 1, (films["film"][0],), "low", "why", "done")
    row = next(films.assign(group="<i>").itertuples())
    html = facts_html(row, [finding])
    assert "Odd &lt;b&gt;" in html
    assert "&lt;i&gt;" in html
    assert "JPEG quality" not in html
    assert "200 × 100 pixels" in html
    assert "no findings" in facts_html(row, [])


def test_a_finding_says_how_many_why_and_what_is_done():
    html = card_html(Finding("two", "Same <film>", 1200, (), "high", "Why.", "Nothing.", "pairs"))
    assert "high harm: 1,200 pairs" in html
    assert "Same &lt;film&gt;" in html
    assert "<strong>What Pneumo does:</strong> Nothing." in html


def test_films_near_duplicates_where_few_bits_of_their_hashes_differ():
    near, far = "0" * 63 + "7", "f" * 64
    films = pd.DataFrame({"phash": ["0" * 64, near, far, ""]})
    assert near_duplicates(films, "0" * 64).tolist() == [True, True, False, False]
    assert not near_duplicates(films, "").any()


def test_the_heading_says_whether_all_films_are_shown():
    assert heading(5856, 5856) == "All 5,856 films"
    assert heading(12, 5856) == "12 of 5,856 films"


def test_shortcuts_come_strongest_first_with_train_to_test_beside_them():
    nan = float("nan")
    rows = [
        ("width", "The width", "train", "measured", 0.75, 0.7, 0.8, 0.5, 0.4, 0.6, "w"),
        ("width", "The width", "test", "measured", 0.55, 0.5, 0.6, 0.5, 0.4, 0.6, "x"),
        ("size", "The file size", "train", "measured", 0.99, 0.98, 1.0, nan, nan, nan, "y"),
        ("size", "The file size", "test", "few", nan, nan, nan, nan, nan, nan, "Too few."),
        ("quality", "The quality", "train", "constant", nan, nan, nan, nan, nan, nan, "All 75."),
    ]
    columns = ["feature", "title", "split", "state", "auc", "low", "high"]
    columns += ["across", "across_low", "across_high", "words"]
    table = pd.DataFrame(rows, columns=columns)
    found = estimates(table)
    assert [(row.name, row.series, row.value) for row in found] == [
        ("File size", "within train", 0.99),
        ("Width", "within train", 0.75),
        ("Width", "within test", 0.55),
        ("Width", "fitted on train, evaluated on test", 0.5),
    ]
    assert silences(table) == ["Too few.", "All 75."]
    assert estimates(table[table["state"] == "few"]) == []


def test_a_split_is_shown_fold_by_fold_and_a_torn_patient_told(films):
    good = films.assign(fold=[0, 0, 1, 1, 0, 1])
    html = folds_html(good)
    assert (
        "<tr><th>0</th><td>3</td><td>2</td><td>2</td><td>0</td><td>1</td><td>33.3\xa0%</td>" in html
    )
    assert "✓ No patient is in two folds." in html
    assert "Patients in two folds: 1." in folds_html(films.assign(fold=[0, 1, 1, 1, 0, 1]))


def test_the_chart_of_a_rectangle_that_was_let_go_of_begins_anew(monkeypatch):
    monkeypatch.setattr(filters.st, "session_state", {})
    area = Area(Span("mean", 1, 2, "mean"), Span("contrast", 3, 4, "contrast"))
    other = OneOf("split", ("train",), "split")
    filters.choose((area,))
    filters.choose((area, other))
    assert filters.cleared(area.columns) == 0
    filters.choose((other,))
    assert filters.cleared(area.columns) == 1
    assert filters.cleared(frozenset({"width"})) == 0


def test_the_legend_names_the_kinds_that_there_are():
    html = legend_html(pd.DataFrame({"subtype": ["normal", "unknown", "normal"]}))
    assert "normal" in html
    assert "subtype unknown" in html
    assert "viral" not in html


def test_a_finding_of_classes_names_them():
    html = card_html(
        Finding("empty", "Classes", 1, ("train: normal",), "high", "", "", unit="classes")
    )
    assert "<h3>Classes: train: normal</h3>" in html
    assert "high harm: 1 class<" in html
