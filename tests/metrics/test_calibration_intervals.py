"""Intervals of the Brier score and of the calibration error: what they hold, and how often."""

import numpy as np
import pytest

from pneumo_core.metrics import brier, ece, grouped_bootstrap_calibration
from pneumo_core.metrics.bootstrap import Resampling

BINS = 15


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
def test_what_is_no_probability_is_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        grouped_bootstrap_calibration(y, p, None, seed=0, rounds=10)
