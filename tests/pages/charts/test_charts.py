"""Bars, scatter plots and intervals."""

import base64
from pathlib import Path

import cv2
import numpy as np
import pytest

from pages.ui.charts import dataset, theme
from pages.ui.charts.dataset import (
    HEIGHT,
    WIDTH,
    Bar,
    axes,
    bars,
    ends_of,
    label,
    marks,
    overlay_html,
    step,
)
from pages.ui.charts.forest import Estimate, intervals, spoken

ROWS = [
    Bar(("train", "normal"), 1341, 1341, ("train", "normal"), colour="#0f9488"),
    Bar(("train", "viral"), 312, 1345, ("train", "viral"), chosen=False, pattern="/"),
]
ENDS = ([0.0, 1.0], [0.0, 1.0])
ALL = np.ones(3, bool)
KINDS = np.array(["normal", "bacterial", "viral"], object)


def pixel(picture, x, y):
    """BGRA where x and y (0..1, y upwards) lie."""
    return picture[round((1 - y) * (HEIGHT - 1)), round(x * (WIDTH - 1))]


def bgr(colour):
    return [int(colour[at : at + 2], 16) for at in (5, 3, 1)]


# Bars


def test_a_bar_says_how_many_a_choice_leaves_of_how_many():
    assert [label(row) for row in ROWS] == ["1,341", "312 of 1,345"]


def test_bars_show_what_is_left_before_what_there_is():
    ghosts, solids, targets = bars(ROWS, unit="films").data
    assert list(ghosts.x) == [1341, 1345]
    assert list(ghosts.text) == ["1,341", "312 of 1,345"]
    assert list(solids.x) == [1341, 312]
    assert list(solids.marker.opacity) == [1.0, theme.DIMMED]
    assert list(solids.marker.pattern.shape) == ["", "/"]
    assert list(targets.hovertext) == ["train, normal: 1,341 films",
                                       "train, viral: 312 of 1,345 films"]  # fmt: skip


def test_the_whole_row_of_a_bar_may_be_clicked_and_names_the_bar():
    made = bars([Bar(("val",), 8, 8, "val"), Bar(("train",), 5216, 5216, "train")], unit="films")
    targets = made.data[-1]
    assert list(targets.customdata) == [0, 1]
    assert min(targets.x) == max(targets.x) >= 5216
    assert targets.marker.color == theme.CLEAR


def test_names_that_look_like_numbers_stay_names():
    made = bars([Bar(("1",), 3, 3, "1"), Bar(("5–9",), 2, 2, "5–9")], unit="patients")
    assert made.layout.yaxis.type == "category"
    assert made.layout.xaxis.title.text == "Patients"
    assert bars(ROWS, unit="films").layout.yaxis.type == "multicategory"


@pytest.mark.parametrize(
    ("longest", "apart"),
    [(1, 1), (3, 1), (4, 2), (16, 10), (3654, 2000), (5216, 2000), (7000, 5000)],
)
def test_an_axis_has_so_few_numbers_that_they_fit_on_a_phone(longest, apart):
    assert step(longest) == apart
    made = bars([Bar(("train",), longest, longest, "train")], unit="films").layout
    assert made.xaxis.dtick == apart
    assert made.height - made.margin.t - made.margin.b == 25  # the axis has its own room


def test_no_bars_are_no_fault():
    assert bars([], unit="films").layout.xaxis.range[1] > 0


# Clouds


def test_each_film_is_a_mark_in_its_kinds_colour():
    x = np.array([0.25, 0.5, 0.75])
    picture = marks(x, x, KINDS, ALL, ends=ENDS)
    for at, kind in zip(x, KINDS, strict=True):
        found = pixel(picture, at, at)
        assert found[:3].tolist() == bgr(theme.SUBTYPES[kind].colour)
        assert found[3] == 204
    assert pixel(picture, 0.9, 0.1)[3] == 0


def test_marks_on_each_other_grow_denser_and_mix_whatever_their_order():
    x = np.full(3, 0.5)
    one = pixel(marks(x, x, KINDS, np.array([True, False, False]), ends=ENDS), 0.5, 0.5)
    two = marks(x, x, KINDS, np.array([True, True, False]), ends=ENDS)
    assert one[3] == 204
    assert pixel(two, 0.5, 0.5)[3] == 245
    turned = marks(x, x, KINDS[::-1], np.array([False, True, True]), ends=ENDS)
    assert (two == turned).all()


@pytest.mark.parametrize(
    ("symbol", "above", "below"), [("triangle-up", False, True), ("triangle-down", True, False)]
)
def test_a_triangle_points_where_its_name_says(symbol, above, below):
    kind = next(name for name, look in theme.SUBTYPES.items() if look.symbol == symbol)
    x = np.array([0.5])
    picture = marks(x, x, np.array([kind]), np.ones(1, bool), ends=ENDS)
    row, column = round(0.5 * (HEIGHT - 1)), round(0.5 * (WIDTH - 1))
    assert (picture[row - 3, column + 3, 3] > 0) == above
    assert (picture[row + 3, column + 3, 3] > 0) == below


def test_films_outside_of_the_rectangle_are_faint_and_hidden_or_unknown_ones_not_there():
    x = np.array([0.2, 0.8, 0.5])
    y = np.array([0.2, 0.8, np.nan])
    rows = np.array([True, True, True])
    picture = marks(x, y, KINDS, rows, ends=ENDS, area=(0.0, 0.5, 0.0, 0.5))
    assert pixel(picture, 0.2, 0.2)[3] > 6 * pixel(picture, 0.8, 0.8)[3] > 0
    hidden = marks(x, y, KINDS, np.array([False, True, True]), ends=ENDS)
    assert pixel(hidden, 0.2, 0.2)[3] == 0
    assert np.count_nonzero(hidden[..., 3]) < 200


def test_many_marks_are_smaller_and_fainter_than_few():
    x = np.linspace(0, 1, 1001)
    many = marks(x, x, np.full(1001, "normal"), np.ones(1001, bool), ends=ENDS)
    few = marks(x, x, np.full(1001, "normal"), np.arange(1001) % 100 == 0, ends=ENDS)
    assert pixel(few, 0.5, 0.5)[3] == 204
    lonely = marks(x, 0 * x, np.full(1001, "normal"), np.ones(1001, bool), ends=ENDS)
    assert lonely[HEIGHT - 1 - 4, :, 3].max() == 0
    assert many[..., 3].max() > 204


def test_axes_have_their_units_and_room_and_ask_for_a_rectangle():
    x = np.array([100.0, 200.0, np.nan, 300.0])
    made = axes(ends_of(x, x / 100), across="Width (pixels)", up="Height (m)")
    assert list(made.layout.xaxis.range) == [88.0, 312.0]
    assert made.layout.yaxis.range[1] == pytest.approx(3.12)
    assert made.layout.xaxis.title.text == "Width (pixels)"
    assert made.layout.dragmode == "select"
    assert not made.layout.images


def test_the_picture_lies_where_style_css_says_the_plot_is():
    made = axes(ENDS, across="a", up="b").layout
    assert made.margin.autoexpand is False
    assert (made.xaxis.automargin, made.yaxis.automargin) == (False, False)
    css = Path(theme.__file__).parents[1].joinpath("style.css").read_text("utf-8")
    left, right, top = made.margin.l, made.margin.r, made.margin.t
    height = made.height - top - made.margin.b
    assert f"top: {top}px; left: {left}px; right: {right}px;" in css
    assert f"width: auto; height: {height}px; pointer-events: none;" in css


def test_the_rectangle_is_laid_over_the_picture_and_ends_with_the_axes():
    picture = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    assert "<i style" not in overlay_html(picture, ENDS, None, alt="3 films")
    cover = overlay_html(picture, ENDS, (0.25, 2.0, 0.5, 0.75), alt='3 "films"')
    assert 'style="left:25.00%;right:0.00%;bottom:50.00%;top:25.00%"' in cover
    assert 'alt="3 &quot;films&quot;"' in cover


def test_the_picture_is_a_png_of_its_size():
    uri = dataset.png_uri(np.zeros((HEIGHT, WIDTH, 4), np.uint8))
    data = base64.b64decode(uri.removeprefix("data:image/png;base64,"))
    assert cv2.imdecode(np.frombuffer(data, np.uint8), -1).shape == (HEIGHT, WIDTH, 4)


def test_no_film_at_all_makes_an_empty_cloud():
    none = np.full(3, np.nan)
    assert ends_of(none, none) == ENDS
    assert not marks(none, none, KINDS, ALL, ends=ENDS).any()


# Intervals


def test_an_estimate_is_never_shown_without_its_interval():
    rows = [
        Estimate("File size", 0.999, 0.998, 1.0, "train"),
        Estimate("File size", 0.51, 0.44, 0.56, "test", "no better than a coin"),
        Estimate("Contrast", 0.75, 0.74, 0.77, "train"),
    ]
    made = intervals(rows, x="AUC", reference=0.5, span=(0.4, 1.0), order=["test", "train"])
    test, test_numbers, train, train_numbers, names = made.data
    assert (test.name, train.name) == ("test", "train")
    assert list(train.x) == [0.999, 0.75]
    np.testing.assert_allclose(train.error_x.array, [0.001, 0.02])
    np.testing.assert_allclose(train.error_x.arrayminus, [0.001, 0.01])
    assert [text.strip() for text in test_numbers.text] == ["0.51 [0.44–0.56]"]
    assert [text.strip() for text in train_numbers.text] == ["1.00 [1.00–1.00]", "0.75 [0.74–0.77]"]
    assert test.hovertext[0] == "no better than a coin"
    assert list(names.text) == ["File size", "Contrast"]
    assert {shape.x0 for shape in made.layout.shapes} == {0.5}
    assert made.layout.showlegend


def test_names_lie_above_their_dots_and_rows_do_not_meet():
    rows = [Estimate(name, 0.5, 0.4, 0.6, series) for name in "ab" for series in ("x", "y")]
    first, _, second, _, names = intervals(rows, x="AUC").data
    ordered = [names.y[0], first.y[0], second.y[0], names.y[1], first.y[1], second.y[1]]
    assert ordered == sorted(ordered)
    assert spoken(rows[0]) == "0.50 [0.40–0.60]"
    assert not intervals(rows[:1], x="AUC").layout.showlegend
