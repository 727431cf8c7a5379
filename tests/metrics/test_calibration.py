"""Brier score, calibration error, reliability table and temperature, by hand and by libraries."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import brier, ece, fit_temperature, probabilities, reliability, wilson


def test_brier_by_hand_and_against_scikit_learn():
    y, p = [0, 1, 1, 0], [0.1, 0.8, 0.4, 0.5]
    reference = pytest.importorskip("sklearn.metrics").brier_score_loss
    assert brier(y, p) == pytest.approx((0.01 + 0.04 + 0.36 + 0.25) / 4)
    assert brier(y, p) == pytest.approx(reference(y, p))
    assert brier([1, 1], [1, 1]) == 0.0
    assert brier([1, 1], [0, 0]) == 1.0


def test_reliability_by_hand():
    table = reliability([0, 1, 1, 1, 0], [0.0, 0.5, 0.6, 1.0, 0.25], bins=4)
    assert table.edges.tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert table.n.tolist() == [1, 1, 2, 1]
    assert table.mean_p.tolist() == pytest.approx([0.0, 0.25, 0.55, 1.0])
    assert table.observed.tolist() == [0, 0, 1, 1]
    assert (table.low[2], table.high[2]) == wilson(2, 2)


def test_an_empty_bin_is_nan_with_the_widest_interval():
    table = reliability([0, 1], [0.1, 0.9], bins=3)
    assert table.n.tolist() == [1, 0, 1]
    assert math.isnan(table.mean_p[1])
    assert math.isnan(table.observed[1])
    assert (table.low[1], table.high[1]) == (0.0, 1.0)


def test_reliability_agrees_with_scikit_learn():
    calibration_curve = pytest.importorskip("sklearn.calibration").calibration_curve
    rng = np.random.default_rng(0)
    p = rng.random(500)
    y = rng.random(500) < p**2
    table = reliability(y, p, bins=10)
    observed, mean_p = calibration_curve(y, p, n_bins=10)
    assert table.observed == pytest.approx(observed)
    assert table.mean_p == pytest.approx(mean_p)


def test_ece_by_hand():
    # Two bins: (0.2, 0.4) with one hit of two, gap 0.2; (0.9) with a hit, gap 0.1.
    assert ece([0, 1, 1], [0.2, 0.4, 0.9], bins=2) == pytest.approx((2 * 0.2 + 0.1) / 3)
    assert ece([0, 1], [0.0, 1.0]) == 0.0
    assert ece([1, 1, 1], [0.0, 0.0, 0.0]) == 1.0


@pytest.mark.parametrize("metric", [brier, ece, reliability])
@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.1, 1.2], r"probabilities within 0 and 1, got 0.1 to 1.2"),
        ([0, 1], [-0.1, 0.2], r"got -0.1 to 0.2"),
        ([0, 1], [0.1, math.nan], "finite numbers in p"),
        ([], [], "N >= 1"),
    ],
)
def test_what_is_no_probability_is_refused(metric, y, p, message):
    with pytest.raises(ValueError, match=message):
        metric(y, p)


def test_no_bins_are_refused():
    with pytest.raises(ValueError, match="at least 1 bin, got 0"):
        ece([0, 1], [0.1, 0.9], bins=0)


def test_probabilities_by_hand_and_against_scipy():
    softmax = pytest.importorskip("scipy.special").softmax
    assert probabilities([[0.0, math.log(3)]])[0].tolist() == pytest.approx([0.25, 0.75])
    assert probabilities([[0.0, 2 * math.log(3)]], 2.0)[0].tolist() == pytest.approx([0.25, 0.75])
    z = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    assert probabilities(z, 0.7) == pytest.approx(softmax(z / 0.7, axis=1), abs=1e-7)


def test_probabilities_of_large_logits_stay_finite():
    p = probabilities([[1000.0, -1000.0, 0.0]], 0.05)
    assert p.dtype == np.float64
    assert p.tolist() == [[1.0, 0.0, 0.0]]


@pytest.mark.parametrize("truth", [0.5, 1.7, 4.0])
def test_the_temperature_that_made_the_labels_is_found(truth):
    rng = np.random.default_rng(0)
    z = rng.normal(scale=4, size=(20_000, 3))
    p = probabilities(z, truth)
    labels = (rng.random((20_000, 1)) > p.cumsum(1)).sum(1)
    assert fit_temperature(z, labels) == pytest.approx(truth, rel=0.05)
    # Scaled logits ask for a scaled temperature: the same probabilities.
    assert fit_temperature(z * 2, labels) == pytest.approx(2 * fit_temperature(z, labels), rel=1e-4)


def test_the_temperature_by_hand():
    # Logit 2 in favour and right three times of four: P = 3/4 asks for 2 / T = log 3.
    assert fit_temperature([[0.0, 2.0]] * 4, [1, 1, 1, 0]) == pytest.approx(2 / math.log(3))


def test_the_temperature_stops_at_its_bounds():
    assert fit_temperature([[0.0, 9.0], [9.0, 0.0]], [1, 0]) == pytest.approx(0.05)
    assert fit_temperature([[0.0, 9.0], [9.0, 0.0]], [0, 1]) == pytest.approx(20)


def test_logits_that_say_nothing_keep_temperature_one():
    assert fit_temperature(np.zeros((5, 3)), [0, 1, 2, 0, 1]) == 1.0


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((0, 3)), [], r"logits of shape \(N, C\) .* got shape \(0, 3\)"),
        (np.zeros(3), [0, 1, 2], r"got shape \(3,\)"),
        (np.zeros((2, 1)), [0, 0], r"C >= 2, got shape \(2, 1\)"),
        ([[0.0, math.nan]], [0], "finite numbers in logits, got 1"),
        (np.zeros((2, 3)), [0], r"integer labels of shape \(2,\), got int64 of shape \(1,\)"),
        (np.zeros((2, 3)), [0.0, 1.0], "integer labels .* got float64"),
        (np.zeros((2, 3)), [0, 3], "labels within 0 and 2, got 0 to 3"),
        (np.zeros((2, 3)), [-1, 0], "got -1 to 0"),
    ],
)
def test_logits_and_labels_that_do_not_fit_are_refused(logits, labels, message):
    with pytest.raises(ValueError, match=message):
        fit_temperature(logits, labels)


@pytest.mark.parametrize("temperature", [0, -1, math.nan, math.inf])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match="finite temperature above 0, got"):
        probabilities([[0.0, 1.0]], temperature)


def test_fifteen_bins_unless_others_are_asked_for(films):
    y, p = films
    assert len(reliability(y, p).n) == 15
    assert ece(y, p) == ece(y, p, bins=15) != ece(y, p, bins=16)
