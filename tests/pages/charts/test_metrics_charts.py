"""Charts of the Metrics screen: what is drawn where, by number."""

import math

import numpy as np
import pytest

from pages.ui.charts import calibration
from pages.ui.charts import roc as curves
from pneumo_core import metrics
from pneumo_core.evaluation.summary import Histogram

POSITIVE = np.array([0, 0, 0, 0, 1, 1, 1, 1])
P = np.array([0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9])


def mark(threshold=0.5):
    at = metrics.ThresholdSweep(POSITIVE, P).at(threshold, 0.2)
    return curves.Mark("looked at", threshold, 1 - at.specificity.value, at.sensitivity.value)


def trace(figure, at):
    return figure.data[at]


def test_roc_rings_the_locked_points_in_per_cent():
    figure = curves.roc(metrics.roc_curve(POSITIVE, P), locked=[mark(), mark(0.35)])
    rings = figure.data[-1]
    assert list(rings.x) == [25.0, 25.0]  # one false alarm of 4
    assert list(rings.y) == [75.0, 100.0]  # three of 4 found, then all
    assert list(rings.text) == ["looked at, locked at 0.500", "looked at, locked at 0.350"]
    assert "%" in figure.layout.xaxis.title.text
    assert "%" in figure.layout.yaxis.title.text


def test_a_click_on_roc_gives_a_threshold_that_may_be_set():
    figure = curves.roc(metrics.roc_curve(POSITIVE, P))
    targets = next(one for one in figure.data if one.customdata is not None)
    assert targets.customdata[0] == 1.0  # of infinity, where nothing is called
    assert set(targets.customdata[1:]) == set(P)
    assert targets.marker.opacity == 0


def test_the_corner_and_the_band():
    band = metrics.RocBand(np.array([0.0, 1.0]), np.array([0.2, 1.0]), np.array([0.6, 1.0]))
    figure = curves.roc(metrics.roc_curve(POSITIVE, P), band=band, corner=True)
    assert list(figure.data[0].y) == [60.0, 100.0, 100.0, 20.0]
    assert figure.layout.xaxis.range == pytest.approx((-0.3, 20.3))
    assert figure.layout.yaxis.range == pytest.approx((79.7, 100.3))


def test_the_axis_of_precision_begins_below_its_lowest():
    figure = curves.precision_recall(metrics.pr_curve(POSITIVE, P))
    (line,) = figure.data
    assert (min(line.y), max(line.y)) == (50.0, 100.0)  # half are ill
    assert figure.layout.yaxis.range == pytest.approx((49.25, 100.75))


def test_overlaid_models_differ_in_more_than_colour():
    roc = metrics.roc_curve(POSITIVE, P)
    figure = curves.overlay([curves.Named(name, roc, mark()) for name in ("one", "two", "three")])
    lines = [one for one in figure.data if one.mode == "lines" and one.name]
    dots = [one for one in figure.data if one.mode == "markers"]
    assert [one.name for one in lines] == ["one", "two", "three"]
    assert len({one.line.dash for one in lines}) == 3
    assert len({one.marker.symbol for one in dots}) == 3
    assert figure.layout.showlegend


def test_thinned_keeps_both_ends_and_the_shape():
    x = np.linspace(0, 1, 5000)
    y = x**0.1
    kept = curves.thinned(x, y, 100)
    assert 60 < len(kept) <= 101
    assert (kept[0], kept[-1]) == (0, 4999)
    assert np.abs(np.interp(x, x[kept], y[kept]) - y).max() < 0.02
    assert list(curves.thinned(x[:3], y[:3], 100)) == [0, 1, 2]
    assert len(curves.thinned(np.zeros(300), np.zeros(300), 100)) >= 1


def test_reliability_draws_filled_bins_alone():
    table = metrics.reliability([0, 1, 1, 1], [0.05, 0.05, 0.95, 0.95], bins=10)
    dots = calibration.reliability(table).data[1]
    assert list(dots.x) == pytest.approx([5, 95])
    assert list(dots.y) == pytest.approx([50, 100])
    assert list(dots.customdata) == [2, 2]
    assert dots.error_y.array[1] == 0


def test_histogram_has_pneumonia_above_and_normal_below():
    counted = Histogram(np.array([0, 0.5, 1.0]), np.array([99, 0]), np.array([1, 9]))
    locked = {"screening": 0.2, "balanced": 0.5, "ruling_in": 0.8}
    figure = calibration.histogram(counted, locked=locked)
    above, below = figure.data
    assert list(above.y) == pytest.approx([math.log10(2), 1])
    assert list(below.y) == pytest.approx([-2, 0])
    refer, *points = figure.layout.shapes
    assert (refer.x0, refer.x1) == (20, 80)
    assert [line.x0 for line in points] == [20, 50, 80]
    assert list(figure.layout.yaxis.ticktext) == ["10", "1", "0", "1", "10"]


def test_net_benefit_is_of_a_thousand_children():
    curve = metrics.decision_curve(POSITIVE, P, thresholds=[0.1, 0.5], prevalence=0.2)
    figure = calibration.net_benefit(curve)
    lines = {one.name: list(one.y) for one in figure.data if one.name}
    assert lines["no patient positive"] == [0, 0]
    # 0.75 · 200 found, 0.25 · 800 false alarms, each as bad as a miss at 50 %
    assert lines["model"][1] == pytest.approx(150 - 200)
    assert lines["every patient positive"][1] == pytest.approx(200 - 800)
