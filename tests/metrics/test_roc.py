"""The area under the ROC curve and its intervals, by hand and against scikit-learn."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import (
    auc,
    auc_delong,
    average_precision,
    grouped_bootstrap_auc,
    pr_curve,
    roc_curve,
    wilson,
)
from pneumo_core.metrics.roc import Ranked, areas, average_precisions


@pytest.fixture
def cohort():
    """y (300,), p (300,) with many ties, groups (300,): three films a patient, one class each."""
    rng = np.random.default_rng(3)
    y = np.repeat(rng.integers(0, 2, 100), 3)
    p = np.round(np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1), 1)
    return y, p, np.repeat(np.arange(100), 3)


def test_auc_by_hand_counts_ties_half():
    # Pairs (positive, negative): 0.8 beats both, 0.4 beats 0.1 and ties with 0.4: 3.5 of 4.
    assert auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8]) == 0.875
    assert auc([1, 0], [0.0, 1.0]) == 0.0


def test_auc_agrees_with_scikit_learn(cohort):
    roc_auc_score = pytest.importorskip("sklearn.metrics").roc_auc_score
    y, p, _ = cohort
    assert auc(y, p) == pytest.approx(roc_auc_score(y, p), abs=1e-12)


def test_delong_by_hand():
    # Positives' placements 1, 0.75 (each ties or beats of two negatives): 0.75 and 1.
    # Negatives' placements: 1 and 0.75. Both variances 1/32, divided by 2 each, together 1/32.
    area, low, high = auc_delong([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])
    half = 1.959963984540054 * math.sqrt(1 / 32) / (0.875 * 0.125)
    assert area == 0.875
    assert math.log(low / (1 - low)) == pytest.approx(math.log(7) - half)
    assert math.log(high / (1 - high)) == pytest.approx(math.log(7) + half)


def test_delong_equals_its_definition_over_all_pairs(cohort):
    y, p, _ = cohort
    pairs = p[y == 1][:, None] - p[y == 0][None, :]
    psi = (pairs > 0) + 0.5 * (pairs == 0)
    variance = psi.mean(1).var(ddof=1) / psi.shape[0] + psi.mean(0).var(ddof=1) / psi.shape[1]
    area, low, high = auc_delong(y, p)
    width = math.log(high / (1 - high)) - math.log(low / (1 - low))
    assert area == pytest.approx(psi.mean())
    assert width == pytest.approx(2 * 1.959964 * math.sqrt(variance) / (area * (1 - area)))


def test_delong_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 60)
    truth = 0.5 * (1 + math.erf(1.5 / 2))  # normals 1.5 apart: Phi(1.5 / sqrt 2)
    inside = 0
    for _ in range(300):
        _, low, high = auc_delong(y, rng.normal(1.5 * y))
        inside += low <= truth <= high
    assert 0.92 <= inside / 300 <= 0.98


def test_a_perfect_auc_keeps_an_honest_interval():
    y, p = [0] * 30 + [1] * 50, list(range(80))
    assert auc_delong(y, p) == (1.0, *wilson(30, 30))
    assert auc_delong(y, [-v for v in p]) == (0.0, *wilson(0, 30))


def test_constant_scores_know_nothing():
    assert auc_delong([0, 0, 0, 1, 1], [0.3] * 5) == (0.5, *wilson(1, 2))


def test_one_film_of_a_class_gives_a_wide_interval():
    area, low, high = auc_delong([0, 1, 1, 1], [0.5, 0.4, 0.6, 0.7])
    assert area == pytest.approx(2 / 3)
    assert (low, high) == pytest.approx(wilson(2 / 3, 1))


def test_monotone_scores_change_nothing(cohort):
    y, p, _ = cohort
    assert auc_delong(y, np.exp(5 * p)) == auc_delong(y, p)


@pytest.mark.parametrize("area", [auc, auc_delong])
@pytest.mark.parametrize("only", [0, 1])
def test_one_class_has_no_auc(area, only):
    with pytest.raises(ValueError, match=f"films of both classes, got 3 of class {only} only"):
        area([only] * 3, [0.1, 0.2, 0.3])


def test_nan_scores_have_no_auc():
    with pytest.raises(ValueError, match="finite numbers in p, got 1"):
        auc_delong([0, 1], [math.nan, 0.3])


def test_bootstrap_is_seeded_and_holds_the_auc(cohort):
    first = grouped_bootstrap_auc(*cohort, seed=1, rounds=200)
    assert first == grouped_bootstrap_auc(*cohort, seed=1, rounds=200)
    assert first != grouped_bootstrap_auc(*cohort, seed=2, rounds=200)
    area, low, high = first
    assert area == auc(*cohort[:2])
    assert 0 < low < area < high < 1


def test_bootstrap_of_single_films_agrees_with_delong(cohort):
    y, p, _ = cohort
    _, low, high = grouped_bootstrap_auc(y, p, np.arange(len(y)), seed=0, rounds=1000)
    assert (low, high) == pytest.approx(auc_delong(y, p)[1:], abs=0.01)


def test_copies_of_a_film_add_no_certainty():
    rng = np.random.default_rng(5)
    y = rng.integers(0, 2, 80)
    p = rng.normal(y)
    keys = np.array([f"person{n}" for n in range(80)], dtype=object)
    alone = grouped_bootstrap_auc(y, p, keys, seed=0, rounds=300)
    copied = grouped_bootstrap_auc(*(np.repeat(a, 9) for a in (y, p, keys)), seed=0, rounds=300)
    assert copied == pytest.approx(alone)


def test_bootstrap_leaves_out_draws_with_one_class():
    area, low, high = grouped_bootstrap_auc([0, 1], [0.1, 0.9], ["a", "b"], seed=0, rounds=20)
    assert (area, low, high) == (1.0, 1.0, 1.0)


def test_bootstrap_refuses_groups_that_do_not_fit():
    with pytest.raises(ValueError, match=r"groups of shape \(2,\) and at least 1 round, got shape"):
        grouped_bootstrap_auc([0, 1], [0.1, 0.9], ["a"], seed=0)
    with pytest.raises(ValueError, match="and 0"):
        grouped_bootstrap_auc([0, 1], [0.1, 0.9], ["a", "b"], seed=0, rounds=0)


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
