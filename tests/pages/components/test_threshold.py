"""What follows the slider without Plotly: the marks on the charts, and the forest plots."""

import math

import numpy as np
import pytest

from pages.ui.charts.forest import Row, forest_html, span_floor
from pages.ui.charts.theme import NORMAL, PNEUMONIA
from pages.ui.components.threshold import STEPS, path, position
from pneumo_core.metrics import ThresholdSweep

POSITIVE = np.array([0, 0, 0, 0, 1, 1, 1, 1])
P = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9])


def test_the_path_is_the_position_at_every_step():
    sweep = ThresholdSweep(POSITIVE, P)
    found = path(sweep)
    assert {len(one) for one in found.values()} == {STEPS + 1}
    for step in (0, 100, 101, 399, 400, 600, 900, 901, STEPS):
        here = position(sweep.at(step / STEPS))
        assert {name: one[step] for name, one in found.items()} == {
            name: here[name] and pytest.approx(here[name], abs=0.005) for name in found
        }


def test_positions_by_hand():
    sweep = ThresholdSweep(POSITIVE, P)
    at = {"at": 50.0, "found": 75.0, "alarms": 25.0, "right": 75.0}
    assert position(sweep.at(0.5)) == at
    nobody = position(sweep.at(0.95))
    assert nobody == {"at": 95.0, "found": 0.0, "alarms": 0.0, "right": None}


def test_films_of_one_class_have_no_place_on_a_curve():
    sweep = ThresholdSweep(np.ones(3), P[:3])
    assert position(sweep.at(0.15))["alarms"] is None
    assert set(path(sweep)["alarms"]) == {None}
    assert path(sweep)["found"][150] == pytest.approx(66.67)


def test_forest_marks_small_samples():
    rows = [
        Row("all films", 0.95, 0.92, 0.97, films=500),
        Row("series <IM>", 0.8, 0.55, 0.93, films=12, small_sample=True),
        Row("nobody", math.nan, math.nan, math.nan, films=0, counted=False),
    ]
    html = forest_html(rows, x="Found (%)", style=PNEUMONIA, reference=0.95)
    for words in ("all films · 500", "series &lt;IM&gt; · 12 (small sample)",
                  "95.0\xa0% [92.0–97.0]", "80.0\xa0% [55.0–93.0]",
                  "no such film", "Found (%)"):  # fmt: skip
        assert words in html
    first, second, third = html.split("<li>")[1:4]
    # The axis begins at 40 %: 95 % is 55 of its 60 points, 55 to 93 % are 15 to 53 of them.
    assert 'style="left:91.67%">▲<' in first
    assert 'style="left:66.67%">△<' in second
    assert 'style="left:25.00%;width:63.33%"' in second
    assert "▲" not in third
    assert html.count("pn-forest-all") == 3


def test_a_forest_of_nothing_known_has_no_reference():
    rows = [Row("nobody", math.nan, math.nan, math.nan, films=0)]
    html = forest_html(rows, x="Cleared (%)", style=NORMAL, reference=math.nan)
    assert "pn-forest-all" not in html
    assert ">0</span>" in html
    assert ">100</span>" in html


@pytest.mark.parametrize(("lows", "floor"), [([0.95], 0.9), ([0.79], 0.6), ([0.1], 0.0), ([], 0.0)])
def test_the_axis_begins_where_every_interval_has_room(lows, floor):
    assert span_floor(lows) == floor
