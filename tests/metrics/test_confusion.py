"""Counts at a threshold and Wilson's interval, by hand and against SciPy."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import Confusion, confusion, wilson

Y = [0, 0, 0, 1, 1, 1, 1, 0]
P = [0.1, 0.4, 0.5, 0.5, 0.6, 0.9, 0.2, 0.8]


def test_counts_by_hand_with_a_score_on_the_threshold_called_positive():
    found = confusion(Y, P, 0.5)
    assert found == Confusion(tp=3, fp=2, tn=2, fn=1)
    assert (found.n, found.sensitivity, found.specificity) == (8, 0.75, 0.5)
    assert found.accuracy == 0.625


def test_extreme_thresholds_call_all_or_none():
    assert confusion(Y, P, 0.0) == Confusion(tp=4, fp=4, tn=0, fn=0)
    assert confusion(Y, P, math.inf) == Confusion(tp=0, fp=0, tn=4, fn=4)


def test_one_class_counts_and_the_share_of_nothing_is_nan():
    found = confusion([1, 1], [0.9, 0.1], 0.5)
    assert found == Confusion(tp=1, fp=0, tn=0, fn=1)
    assert found.sensitivity == 0.5
    assert math.isnan(found.specificity)


def test_labels_may_be_bool_or_float():
    for dtype in (np.bool_, np.float32, np.uint8):
        assert confusion(np.array(Y, dtype), P, 0.5).tp == 3


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], r"one shape \(N,\) with N >= 1, got shapes \(0,\) and \(0,\)"),
        ([0, 1], [0.5], r"got shapes \(2,\) and \(1,\)"),
        ([[0], [1]], [[0.1], [0.2]], r"got shapes \(2, 1\)"),
        ([0, 2], [0.1, 0.2], r"0 \(normal\) and 1 \(pneumonia\), got \[0, 2\]"),
        ([0, 1], [0.1, math.nan], r"finite numbers in p, got 1 that are NaN or inf"),
        ([0, 1], [math.inf, -math.inf], r"got 2 that are NaN or inf"),
    ],
)
def test_arrays_that_make_no_sense_are_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        confusion(y, p, 0.5)


def test_a_nan_threshold_is_refused():
    with pytest.raises(ValueError, match="Expected a threshold, got NaN"):
        confusion(Y, P, math.nan)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (1, 10), (81, 263), (95, 100), (390, 390)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_agrees_with_scipy(k, n, level):
    stats = pytest.importorskip("scipy.stats")
    reference = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    assert wilson(k, n, level=level) == pytest.approx((reference.low, reference.high), abs=1e-12)


def test_wilson_of_a_worked_example():
    # Newcombe (1998), table I: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_wilson_at_the_ends_is_exact():
    assert wilson(0, 7)[0] == 0.0
    assert wilson(7, 7)[1] == 1.0
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (math.nan, 5), (0, -1), (1, math.inf)])
def test_wilson_refuses_impossible_counts(k, n):
    with pytest.raises(ValueError, match="Expected 0 <= k <= n, got k="):
        wilson(k, n)


@pytest.mark.parametrize("level", [0, 1, 95, math.nan])
def test_wilson_refuses_a_level_that_is_none(level):
    with pytest.raises(ValueError, match="confidence level between 0 and 1, got"):
        wilson(1, 2, level=level)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_every_rate_is_its_share_with_scipys_interval(level):
    stats = pytest.importorskip("scipy.stats")
    shares = {"sensitivity": (7, 9), "specificity": (11, 14), "accuracy": (18, 23), "ppv": (7, 10),
              "npv": (11, 13)}  # fmt: skip
    found = Confusion(tp=7, fp=3, tn=11, fn=2).rates(level=level)
    assert list(found) == list(shares)
    for name, (k, n) in shares.items():
        ends = stats.binomtest(k, n).proportion_ci(level, method="wilson")
        assert found[name] == pytest.approx((k / n, ends.low, ends.high), abs=1e-12)
    assert Confusion(tp=7, fp=3, tn=11, fn=2).rates() == Confusion(7, 3, 11, 2).rates(level=0.95)


def test_rates_of_nothing_are_nan_and_their_interval_says_nothing():
    found = Confusion(tp=0, fp=0, tn=4, fn=0).rates()
    for name in ("sensitivity", "ppv"):
        assert math.isnan(found[name].value)
        assert found[name][1:] == (0.0, 1.0)
    assert found["npv"].value == 1
