"""Two models on the same films: DeLong's own example, McNemar's published ones, and by hand."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import auc, delong_paired, holm, mcnemar
from pneumo_core.metrics.paired import fleiss_kappa

# DeLong et al. (1988): albumin, total protein, K-G score and outcome (1 with profit from surgery)
# of patients with ovarian cancer, the complete ones as listed and evaluated in the SAS/STAT User's
# Guide, PROC LOGISTIC, example "Comparing Receiver Operating Characteristic Curves".
LISTED = """
    3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
    1.6 5.6 5 1  3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
    4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
    3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
    3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
    3.5 6.2 5 1  2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
    3.6 6.6 5 1
"""
OVARIAN = np.array(LISTED.split(), float).reshape(-1, 4)
ALBUMIN, PROTEIN, KG, OUTCOME = (*OVARIAN.T[:2], 10 - OVARIAN[:, 2], OVARIAN[:, 3])
# Wikipedia's worked example of Fleiss (1971): 14 raters, ten subjects, five classes.
WORKED = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]


@pytest.mark.parametrize(
    ("test", "area", "published"),
    [
        (ALBUMIN, 0.7366, (0.0108, 0.0953, 0.0127, 0.9102)),
        (PROTEIN, 0.6478, (-0.0780, 0.1046, 0.5554, 0.4561)),
    ],
)
def test_delongs_own_example(test, area, published):
    difference, error, chi_square, p = published
    found = delong_paired(OUTCOME, test, KG)
    assert found.first == pytest.approx(area, abs=5e-5)
    assert found.second == pytest.approx(0.7258, abs=5e-5)
    assert found.difference.value == pytest.approx(difference, abs=5e-5)
    half = (found.difference.high - found.difference.low) / 2
    assert half == pytest.approx(1.959964 * error, abs=1e-4)
    assert found.z**2 == pytest.approx(chi_square, abs=5e-5)
    assert found.p == pytest.approx(p, abs=5e-5)


def test_delong_equals_its_definition_over_all_pairs(patients):
    y, p, _ = patients
    other = np.round(np.random.default_rng(1).normal(0.5 * y), 1)
    positive = y == 1

    def kernel(scores):
        pairs = scores[positive][:, None] - scores[~positive][None, :]
        return (pairs > 0) + 0.5 * (pairs == 0)

    gap = kernel(p) - kernel(other)
    rows, columns = gap.mean(1), gap.mean(0)
    error = math.sqrt(rows.var(ddof=1) / rows.size + columns.var(ddof=1) / columns.size)
    found = delong_paired(y, p, other)
    assert found.difference.value == pytest.approx(gap.mean())
    assert found.difference.value == pytest.approx(auc(y, p) - auc(y, other))
    assert found.z == pytest.approx(gap.mean() / error)
    assert found.p == pytest.approx(math.erfc(abs(found.z) / math.sqrt(2)))
    swapped = delong_paired(y, other, p)
    assert swapped.z == pytest.approx(-found.z)
    assert swapped.difference.low == pytest.approx(-found.difference.high)


def test_models_that_rank_alike_do_not_differ(patients):
    y, p, _ = patients
    found = delong_paired(y, p, np.exp(3 * p))
    assert (found.difference, found.z, found.p) == ((0.0, 0.0, 0.0), 0.0, 1.0)


@pytest.mark.parametrize(
    ("y", "first", "second", "difference"),
    [
        ([0, 0, 1, 1], [1, 2, 3, 4], [0.5] * 4, 0.5),  # perfect against constant: no variance
        ([0, 1, 1], [0.5, 0.4, 0.6], [0.1, 0.2, 0.3], -0.5),  # one normal film: no variance
    ],
)
def test_where_the_variance_says_nothing_nothing_is_claimed(y, first, second, difference):
    found = delong_paired(y, first, second)
    assert found.difference == (pytest.approx(difference), -1.0, 1.0)
    assert math.isnan(found.z)
    assert math.isnan(found.p)


@pytest.mark.parametrize(
    ("y", "first", "second", "message"),
    [
        ([1, 1], [0.1, 0.2], [0.1, 0.2], "both classes"),
        ([0, 1], [0.1, math.nan], [0.1, 0.2], "finite numbers in p"),
        ([0, 1], [0.1, 0.2], [math.nan, 0.2], "finite numbers in p"),
        ([0, 1], [0.1, 0.2], [0.1], "one shape"),
        ([], [], [], "N >= 1"),
    ],
)
def test_scores_that_make_no_pair_are_refused(y, first, second, message):
    with pytest.raises(ValueError, match=message):
        delong_paired(y, first, second)


def pairs(both, only_first, only_second, neither):
    first = [True] * (both + only_first) + [False] * (only_second + neither)
    second = [True] * both + [False] * only_first + [True] * only_second + [False] * neither
    return np.array(first), np.array(second)


def test_mcnemar_of_a_published_example():
    # Fagerland et al. (2013): airway hyper-responsiveness of 21 children before and after stem
    # cell transplantation (Bentur et al. 2009): exact 0.070, mid-p 0.039.
    found = mcnemar(*pairs(1, 1, 7, 12))
    assert (found.both, found.only_first, found.only_second, found.neither) == (1, 1, 7, 12)
    assert found.p_exact == pytest.approx(0.0703, abs=5e-5)
    assert found.p_mid == pytest.approx(0.0391, abs=5e-5)
    # Fagerland et al. (2014), Stat Med 33, 2850: Newcombe's square-and-add interval.
    assert found.difference == pytest.approx((-6 / 21, -0.507, -0.026), abs=1e-3)


@pytest.mark.parametrize(("k", "m"), [(0, 1), (3, 9), (10, 4), (25, 40), (0, 12)])
def test_mcnemar_agrees_with_scipys_binomial_test(k, m):
    stats = pytest.importorskip("scipy.stats")
    found = mcnemar(*pairs(30, k, m, 5))
    assert found.p_exact == pytest.approx(stats.binomtest(k, k + m, 0.5).pvalue)
    assert found.p_mid == pytest.approx(found.p_exact - stats.binom.pmf(k, k + m, 0.5))
    assert found.n == 35 + k + m


def test_equal_sides_and_no_difference_at_all():
    # Two against two: C(4, 2) / 16 of the chance lies on that point, and half of it is left out.
    assert mcnemar(*pairs(5, 2, 2, 1)).p_mid == pytest.approx(1 - 6 / 16 / 2)
    assert mcnemar(*pairs(5, 2, 2, 1)).p_exact == 1.0
    same = mcnemar(*pairs(8, 0, 0, 2))
    assert (same.p_exact, same.p_mid, same.difference.value) == (1.0, 1.0, 0.0)
    assert same.difference.low == pytest.approx(-same.difference.high)
    assert same.difference.low < 0


def test_newcombe_without_correlation_is_two_wilsons_squared_and_added():
    # Both right 4, one 2, other 2, neither 1: 4·1 − 2·2 = 0, no correlation.
    low, high = mcnemar(*pairs(4, 2, 2, 1)).difference[1:]
    from pneumo_core.metrics import wilson

    below, above = wilson(6, 9)
    reach = math.hypot(6 / 9 - below, above - 6 / 9)
    assert (low, high) == pytest.approx((-reach, reach))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([True], [True, False], r"got shapes \(1,\) and \(2,\)"),
        ([], [], "N >= 1"),
        ([1, 0], [0, 1], "Expected bool arrays, got int64 and int64"),
        ([[True]], [[True]], "one shape"),
    ],
)
def test_what_is_no_pair_of_answers_is_refused(first, second, message):
    with pytest.raises(ValueError, match=message):
        mcnemar(first, second)


@pytest.mark.parametrize(
    ("counts", "phi"),
    [
        # Both right, the first alone, the second alone, neither; by hand the correlation, drawn
        # towards zero by half of the films where it is positive.
        ((20, 12, 2, 16), (20 * 16 - 12 * 2 - 25) / math.sqrt(32 * 18 * 22 * 28)),
        ((5, 5, 3, 4), 0.0),  # 20 - 15 is positive, but less than half of 17
        ((2, 10, 9, 1), (2 - 90) / math.sqrt(12 * 10 * 11 * 11)),
    ],
)
def test_newcombes_interval_by_hand(counts, phi):
    stats = pytest.importorskip("scipy.stats")
    both, first, second, _ = counts
    rows = np.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], counts, axis=0).astype(bool)
    n = sum(counts)
    (p, p_low, p_high), (q, q_low, q_high) = (
        (k / n, *stats.binomtest(k, n).proportion_ci(0.95, method="wilson"))
        for k in (both + first, both + second)
    )

    def reach(a, b):
        return math.sqrt(a**2 - 2 * phi * a * b + b**2)

    found = mcnemar(rows[:, 0], rows[:, 1]).difference
    low, high = p - q - reach(p - p_low, q_high - q), p - q + reach(p_high - p, q - q_low)
    assert found == pytest.approx((p - q, low, high))


def test_holm_by_hand():
    # Smallest times three, next times two; the last may not be below the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_one_or_none_stay_as_they_are():
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []


def test_a_test_that_says_nothing_does_not_count():
    found = holm([0.02, math.nan, 0.03])
    assert found[[0, 2]] == pytest.approx([0.04, 0.04])
    assert math.isnan(found[1])


@pytest.mark.parametrize("p", [[1.2], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="p values"):
        holm(p)


def test_the_worked_example():
    found = fleiss_kappa(WORKED)
    assert found.value == pytest.approx(0.2099, abs=5e-5)
    assert found.low < found.value < found.high


def test_full_agreement_is_one_and_chance_is_about_zero():
    assert fleiss_kappa([[3, 0], [0, 3], [3, 0]]) == pytest.approx((1, 1, 1))
    counts = np.random.default_rng(0).multinomial(3, [0.5, 0.5], size=4000)
    found = fleiss_kappa(counts)
    assert found.low < 0 < found.high


def test_images_of_one_reader_and_one_class_say_nothing():
    assert math.isnan(fleiss_kappa([[1, 0], [0, 1]]).value)
    assert math.isnan(fleiss_kappa([[2, 0], [3, 0]]).value)
    assert math.isnan(fleiss_kappa([[2, 0], [0, 2]]).value)  # no interval without either
    pairs = [[2, 0], [0, 2], [1, 1], [2, 0]]
    assert fleiss_kappa([[1, 0], *pairs]) == fleiss_kappa(pairs)
