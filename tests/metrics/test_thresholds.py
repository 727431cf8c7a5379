"""Thresholds by hand, and against a search through every one that matters."""

import numpy as np
import pytest

from pneumo_core.metrics import (
    balanced_threshold,
    confusion,
    threshold_at_sensitivity,
    threshold_at_specificity,
)

Y = [0, 0, 0, 0, 1, 1, 1, 1]
P = [0.1, 0.2, 0.3, 0.6, 0.4, 0.5, 0.7, 0.9]


def samples():
    """y (40,) and p (40,), with ties in every second one."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = np.r_[0, 1, rng.integers(0, 2, 38)]
        p = rng.normal(y)
        yield y, np.round(p, 1) if seed % 2 else p


def every_threshold(p):
    """Each score and the float next above it: sensitivity and specificity change nowhere else."""
    return np.unique(np.r_[p, np.nextafter(p, np.inf)])


@pytest.mark.parametrize(("s", "threshold"), [(1.0, 0.4), (0.76, 0.4), (0.75, 0.5), (0.01, 0.9)])
def test_threshold_at_sensitivity_by_hand(s, threshold):
    assert threshold_at_sensitivity(Y, P, s) == threshold


@pytest.mark.parametrize(("s", "spared"), [(1.0, 0.6), (0.76, 0.6), (0.75, 0.3), (0.01, 0.1)])
def test_threshold_at_specificity_by_hand(s, spared):
    assert threshold_at_specificity(Y, P, s) == np.nextafter(spared, 1)


@pytest.mark.parametrize("s", [0.05, 0.5, 0.9, 0.95, 1.0])
def test_both_are_the_extreme_thresholds_that_keep_their_promise(s):
    for y, p in samples():
        everywhere = every_threshold(p)
        keeps = [t for t in everywhere if confusion(y, p, t).sensitivity >= s]
        assert threshold_at_sensitivity(y, p, s) == max(keeps)
        keeps = [t for t in everywhere if confusion(y, p, t).specificity >= s]
        assert threshold_at_specificity(y, p, s) == min(keeps)


def test_a_share_of_whole_films_is_not_pushed_up_by_rounding():
    # 0.07 * 100 = 7.000000000000001
    y, p = np.repeat([0, 1], 100), np.arange(200)
    assert threshold_at_sensitivity(y, p, 0.07) == 193
    assert threshold_at_specificity(y, p, 0.07) == np.nextafter(6, 7)


def test_a_certain_negative_pushes_the_threshold_above_one():
    threshold = threshold_at_specificity([0, 1], [1.0, 1.0], 1.0)
    assert threshold > 1
    assert confusion([0, 1], [1.0, 1.0], threshold).tp == 0


def test_balanced_threshold_by_hand():
    # J: 0.75 in (0.3, 0.4]; 0.5 in (0.4, 0.5] and in (0.6, 0.7].
    assert balanced_threshold(Y, P) == pytest.approx(0.35)
    assert balanced_threshold([0, 0, 1, 1], [0.0, 0.2, 0.6, 1.0]) == pytest.approx(0.4)


def test_of_several_best_gaps_the_widest_is_taken():
    # J is 0.5 in (0.1, 0.2] and in (0.3, 0.8].
    assert balanced_threshold([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.8]) == pytest.approx(0.55)
    assert balanced_threshold([0, 1, 0, 1], [0.0, 0.5, 0.75, 0.875]) == pytest.approx(0.25)


def test_balanced_threshold_reaches_the_best_youden_index():
    roc_curve = pytest.importorskip("sklearn.metrics").roc_curve
    for y, p in samples():
        found = confusion(y, p, balanced_threshold(y, p))
        fpr, tpr, _ = roc_curve(y, p)
        assert found.sensitivity + found.specificity - 1 == pytest.approx(max(tpr - fpr))


@pytest.mark.parametrize("p", [[0.3, 0.3, 0.3], [0.9, 0.8, 0.3]])
def test_scores_that_separate_nothing_call_all_positive(p):
    assert balanced_threshold([0, 0, 1], p) == 0.3


def test_neighbouring_floats_have_no_middle():
    above = float(np.nextafter(0.5, 1))
    assert balanced_threshold([0, 1], [0.5, above]) == above


def test_the_scores_precision_is_kept():
    p = np.array(P, np.float32)
    threshold = threshold_at_sensitivity(Y, p, 1.0)
    assert threshold == float(np.float32(0.4))
    assert confusion(Y, p, threshold).sensitivity == 1.0


@pytest.mark.parametrize("choose", [threshold_at_sensitivity, threshold_at_specificity])
@pytest.mark.parametrize("s", [0, -0.1, 1.01, float("nan")])
def test_an_impossible_share_is_refused(choose, s):
    with pytest.raises(ValueError, match="ity above 0 and at most 1, got"):
        choose(Y, P, s)


@pytest.mark.parametrize(
    "choose",
    [
        lambda y, p: threshold_at_sensitivity(y, p, 0.9),
        lambda y, p: threshold_at_specificity(y, p, 0.9),
        balanced_threshold,
    ],
)
def test_one_class_empty_and_nan_are_refused(choose):
    with pytest.raises(ValueError, match="both classes, got 2 of class 1 only"):
        choose([1, 1], [0.1, 0.2])
    with pytest.raises(ValueError, match="N >= 1"):
        choose([], [])
    with pytest.raises(ValueError, match="finite numbers in p"):
        choose([0, 1], [0.1, np.nan])
