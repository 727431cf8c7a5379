"""ROC and precision-recall curves, by hand and against scikit-learn."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import auc, average_precision, pr_curve, roc_curve
from pneumo_core.metrics.roc import Ranked, areas, average_precisions

Y = [0, 0, 1, 1, 1]
P = [0.1, 0.5, 0.5, 0.7, 0.9]


def test_the_roc_curve_by_hand_takes_tied_films_together():
    curve = roc_curve(Y, P)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.5, 0.1]
    assert curve.sensitivity == pytest.approx([0, 1 / 3, 2 / 3, 1, 1])
    assert curve.false_positive_rate.tolist() == [0, 0, 0, 0.5, 1]
    assert curve.auc == pytest.approx(11 / 12)


def test_corners_are_what_the_line_needs():
    curve = roc_curve(Y, P, corners=True)
    assert curve.thresholds.tolist() == [math.inf, 0.9, 0.7, 0.5, 0.1]
    long = roc_curve([0] * 50 + [1] * 50, np.arange(100), corners=True)
    assert long.thresholds.size < 6
    assert long.auc == 1.0


@pytest.mark.parametrize("which", ["patients", "films"])
def test_the_roc_curve_agrees_with_scikit_learn(which, request):
    reference = pytest.importorskip("sklearn.metrics").roc_curve
    y, p = request.getfixturevalue(which)[:2]
    for corners in (False, True):
        rates, hits, thresholds = reference(y, p, drop_intermediate=corners)
        curve = roc_curve(y, p, corners=corners)
        assert curve.auc == pytest.approx(auc(y, p), abs=1e-12)
        if not corners:
            assert curve.thresholds.tolist() == thresholds.tolist()
            assert curve.false_positive_rate == pytest.approx(rates)
            assert curve.sensitivity == pytest.approx(hits)


def test_the_precision_recall_curve_by_hand():
    curve = pr_curve(Y, P)
    assert curve.thresholds.tolist() == [0.9, 0.7, 0.5, 0.1]
    assert curve.recall == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert curve.precision == pytest.approx([1, 1, 3 / 4, 3 / 5])
    assert curve.average_precision == pytest.approx((1 + 1 + 3 / 4) / 3)


@pytest.mark.parametrize("which", ["patients", "films"])
def test_precision_and_recall_agree_with_scikit_learn(which, request):
    metrics = pytest.importorskip("sklearn.metrics")
    y, p = request.getfixturevalue(which)[:2]
    precision, recall, thresholds = metrics.precision_recall_curve(y, p)
    curve = pr_curve(y, p)
    assert curve.thresholds.tolist() == thresholds[::-1].tolist()
    assert curve.precision == pytest.approx(precision[-2::-1])
    assert curve.recall == pytest.approx(recall[-2::-1])
    assert average_precision(y, p) == pytest.approx(metrics.average_precision_score(y, p))


def test_constant_scores_give_the_diagonal_and_the_prevalence():
    curve = roc_curve([0, 1, 1, 0, 1], [0.4] * 5)
    assert curve.false_positive_rate.tolist() == curve.sensitivity.tolist() == [0, 1]
    assert curve.auc == 0.5
    assert average_precision([0, 1, 1, 0, 1], [0.4] * 5) == pytest.approx(0.6)


def test_one_class_has_a_precision_only_if_it_is_pneumonia():
    with pytest.raises(ValueError, match="films of both classes, got 2 of class 1 only"):
        roc_curve([1, 1], [0.2, 0.9])
    assert average_precision([1, 1], [0.2, 0.9]) == 1.0
    with pytest.raises(ValueError, match="a film of class 1, got 2 of class 0 only"):
        pr_curve([0, 0], [0.2, 0.9])


@pytest.mark.parametrize("curve", [roc_curve, pr_curve])
@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([], [], "N >= 1"),
        ([0, 1], [math.nan, 0.3], "finite numbers in p, got 1"),
        ([0, 3], [0.1, 0.3], r"got \[0, 3\]"),
        ([0, 1, 1], [0.1, 0.3], "got shapes"),
    ],
)
def test_arrays_that_make_no_curve_are_refused(curve, y, p, message):
    with pytest.raises(ValueError, match=message):
        curve(y, p)


def test_areas_of_draws_are_scikit_learns_with_weights(patients):
    sklearn = pytest.importorskip("sklearn.metrics")
    y, p, _ = patients
    ranked = Ranked(y.astype(bool), p.astype(float))
    times = np.random.default_rng(0).integers(0, 4, (5, len(y)))
    tp, fp = ranked.counts(times)
    for row, area, precision in zip(times, areas(tp, fp), average_precisions(tp, fp), strict=True):
        assert area == pytest.approx(sklearn.roc_auc_score(y, p, sample_weight=row))
        # The highest scores may not be drawn at all: no precision, and no recall either.
        assert precision == pytest.approx(sklearn.average_precision_score(y, p, sample_weight=row))


def test_a_highest_score_that_was_not_drawn_counts_for_nothing():
    tp, fp = np.array([[0, 1, 2]]), np.array([[0, 0, 1]])
    assert areas(tp, fp).tolist() == [0.75]  # of the two pairs one right and one tied
    assert average_precisions(tp, fp).tolist() == pytest.approx([0.5 * 1 + 0.5 * 2 / 3])
