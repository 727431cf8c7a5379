"""Brier score, calibration error, reliability table and temperature, by hand and by libraries."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import (
    brier,
    brier_parts,
    ece,
    fit_temperature,
    grouped_bootstrap_calibration,
    probabilities,
    reliability,
    wilson,
)
from pneumo_core.metrics.bootstrap import Resampling

BINS = 15


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


def test_murphys_parts_by_hand():
    # Forecasts 0.2 (four films, one hit) and 0.8 (four films, three hits), share 4/8.
    y, p = [1, 0, 0, 0, 1, 1, 1, 0], [0.2] * 4 + [0.8] * 4
    found = brier_parts(y, p, bins=10)
    assert found.reliability == pytest.approx((0.05**2 + 0.05**2) / 2)
    assert found.resolution == pytest.approx(0.25**2)
    assert found.uncertainty == 0.25
    assert found.within == pytest.approx(0, abs=1e-15)
    assert found.brier == pytest.approx(0.0025 - 0.0625 + 0.25)


@pytest.mark.parametrize("bins", [1, 5, 15, 400])
def test_the_parts_add_up_to_the_score(films, bins):
    y, p = films
    found = brier_parts(y, p, bins=bins)
    assert found.brier == pytest.approx(brier(y, p))
    total = found.reliability - found.resolution + found.uncertainty + found.within
    assert total == pytest.approx(found.brier)


def test_what_the_bins_hide_are_stephensons_two_terms(films):
    y, p = films
    found = brier_parts(y, p, bins=4)
    place = np.minimum((p * 4).astype(int), 3)
    variance = covariance = 0.0
    for k in range(4):
        inside = place == k
        gap = p[inside] - p[inside].mean()
        variance += (gap**2).sum() / len(p)
        covariance += 2 * (gap * (y[inside] - y[inside].mean())).sum() / len(p)
    assert found.within == pytest.approx(variance - covariance)


def test_constant_forecasts_resolve_nothing():
    found = brier_parts([0, 1, 1, 1], [0.75] * 4)
    assert (found.reliability, found.resolution) == (0.0, 0.0)
    assert found.brier == found.uncertainty == 0.1875


def test_one_class_has_no_uncertainty():
    found = brier_parts([1, 1], [0.9, 0.9])
    assert (found.uncertainty, found.resolution) == (0.0, 0.0)
    assert found.reliability == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("y", "p", "bins", "message"),
    [
        ([], [], 15, "N >= 1"),
        ([0, 1], [0.1, math.nan], 15, "finite numbers"),
        ([0, 1], [0.1, 1.1], 15, "probabilities within 0 and 1"),
        ([0, 1], [0.1, 0.9], 0, "at least 1 bin, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(y, p, bins, message):
    with pytest.raises(ValueError, match=message):
        brier_parts(y, p, bins=bins)


def test_a_bin_of_one_film_counts():
    found = brier_parts([1, 0, 0], [0.9, 0.1, 0.1], bins=2)
    assert found.reliability == pytest.approx(0.01)
    assert found.resolution == pytest.approx(2 / 9)


def test_brier_parts_have_fifteen_bins_unless_others_are_asked_for(films):
    y, p = films
    assert brier_parts(y, p) == brier_parts(y, p, bins=15)
    assert brier_parts(y, p) != brier_parts(y, p, bins=16)


def logistic(x):
    return 1 / (1 + np.exp(-x))


# What is true where the model says p: itself, less than it is sure of, always less.
TRUTHS = {
    "calibrated": lambda p: p,
    "too extreme": lambda p: logistic(0.6 * np.log(p / (1 - p))),
    "too high": lambda p: logistic(np.log(p / (1 - p)) - 1),
}


def scores(n, rng):
    return logistic(rng.normal(0.8, 3, n)).clip(1e-6, 1 - 1e-6)


def error_of(p, gap):
    """The calibration error by hand: bin by bin, the mean gap weighted by the bin's films."""
    places = np.minimum((p * BINS).astype(int), BINS - 1)
    return sum(abs(gap[places == b].sum()) for b in range(BINS)) / len(p)


@pytest.mark.parametrize("kind", TRUTHS)
def test_the_interval_holds_the_truth_as_often_as_it_says(kind):
    rng = np.random.default_rng(2)
    many = scores(400_000, rng)
    truth = error_of(many, TRUTHS[kind](many) - many)
    held, counted, found = 0, [], []
    for seed in range(60):
        p = scores(400, rng)
        y = rng.random(400) < TRUTHS[kind](p)
        value, low, high = grouped_bootstrap_calibration(y, p, None, seed=seed, rounds=200)[1]
        assert low <= value <= high
        held += low <= truth <= high
        counted.append(ece(y, p))
        found.append(value)
    assert 53 <= held <= 60  # 95 % of 60 are 57; less than 53 would come about once in 60 times
    assert abs(np.mean(found) - truth) < 0.02 < np.mean(counted)  # by chance alone some 0.05


def test_what_was_counted_is_the_median_under_the_value_and_a_rare_end_under_the_ends(films):
    y, p = films
    value, low, high = grouped_bootstrap_calibration(y, 0.7 * p, None, seed=4, rounds=400)[1]
    p = 0.7 * p
    places = np.minimum((p * BINS).astype(int), BINS - 1)

    def gaps(rows):
        return np.bincount(places[rows], (y - p)[rows], BINS) / len(rows)

    seen = gaps(np.arange(len(p)))
    times = np.concatenate(list(Resampling(None, len(p), seed=4, rounds=400).films()))
    chance = np.array([gaps(np.repeat(np.arange(len(p)), row)) for row in times]) - seen
    counted = ece(y, p)
    beyond = np.sign(seen) * np.maximum(abs(seen) - chance.std(axis=0), 0)

    def shares(size):
        ways = (seen, beyond)
        drawn = [abs(size * way / abs(way).sum() + chance).sum(axis=1) for way in ways]
        return [float(np.mean(one <= counted)) for one in drawn]

    assert max(shares(high)) == pytest.approx(0.025, abs=0.006)
    assert min(shares(low)) == pytest.approx(0.975, abs=0.006)
    assert min(shares(value)) < 0.5 < max(shares(value))


def test_the_brier_score_is_that_of_the_same_draws(patients):
    y, p, groups = patients
    score = grouped_bootstrap_calibration(y, p, groups, seed=2, rounds=60)[0]
    draws = Resampling(groups, len(y), seed=2, rounds=60).films()
    drawn = [brier(np.repeat(y, row), np.repeat(p, row)) for rows in draws for row in rows]
    assert score == pytest.approx((brier(y, p), *np.quantile(drawn, [0.025, 0.975])))


def test_patients_with_many_films_widen_it():
    rng = np.random.default_rng(0)
    y, p = np.repeat(rng.random(60) < 0.5, 5), np.repeat(0.6, 300)
    alone = grouped_bootstrap_calibration(y, p, None, seed=1, rounds=300)[1]
    together = grouped_bootstrap_calibration(y, p, np.repeat(range(60), 5), seed=1, rounds=300)[1]
    assert together.high - together.low > 1.6 * (alone.high - alone.low)  # about the root of five


def test_one_class_one_probability_and_no_chance():
    score, error = grouped_bootstrap_calibration([1, 1, 1], [0.5] * 3, None, seed=0, rounds=10)
    assert score == (0.25, 0.25, 0.25)
    assert error == pytest.approx((0.5, 0.5, 0.5))
    right = grouped_bootstrap_calibration([0, 1, 1], [0, 1, 1], None, seed=0, rounds=10)
    assert right == ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def test_no_gap_among_few_films_does_not_say_that_there_is_none():
    _, low, high = grouped_bootstrap_calibration([0, 1] * 4, [0.5] * 8, None, seed=0, rounds=200)[1]
    assert low == 0
    assert 0.1 < high < 1


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1], [0.1, 1.2], "probabilities within 0 and 1"),
        ([0, 1], [0.1, np.nan], "finite numbers in p"),
        ([], [], "N >= 1"),
        ([0, 2], [0.1, 0.2], "Expected y of 0"),
    ],
)
def test_draws_of_what_is_no_probability_are_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        grouped_bootstrap_calibration(y, p, None, seed=0, rounds=10)
