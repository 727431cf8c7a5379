"""The calibration line, against scikit-learn's logistic regression and against what made it."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import calibration_line
from pneumo_core.metrics.recalibration import (
    Recalibration,
    best_temperature,
    choose_method,
    fit_recalibration,
    log_odds,
    patient_folds,
    prevalence_by_em,
)


def logit(p):
    return np.log(p / (1 - p))


def test_the_slope_agrees_with_scikit_learn(films):
    regression = pytest.importorskip("sklearn.linear_model").LogisticRegression
    y, p = films
    fitted = regression(C=np.inf, tol=1e-10).fit(logit(p)[:, None], y)
    assert calibration_line(y, p).slope.value == pytest.approx(fitted.coef_[0, 0], rel=1e-4)


def test_a_distortion_is_found_again():
    rng = np.random.default_rng(2)
    z = rng.normal(0, 2, 20_000)
    y = rng.random(z.size) < 1 / (1 + np.exp(-z))
    twice = calibration_line(y, 1 / (1 + np.exp(-2 * z)))
    assert twice.slope.value == pytest.approx(0.5, abs=0.02)
    assert twice.slope.low < 0.5 < twice.slope.high
    low = calibration_line(y, 1 / (1 + np.exp(-(z - 0.7))))
    assert low.offset.value == pytest.approx(0.7, abs=0.05)
    assert low.offset.low < 0.7 < low.offset.high
    true = calibration_line(y, 1 / (1 + np.exp(-z)))
    assert true.slope.low < 1 < true.slope.high
    assert true.offset.low < 0 < true.offset.high


def test_the_offset_by_hand():
    # All p are 1/2 and three of four are ill: the log odds are log 3 too low.
    line = calibration_line([1, 1, 1, 0], [0.5] * 4)
    assert line.offset.value == pytest.approx(math.log(3))
    # Information of four films at 3/4: 4 · 3/4 · 1/4.
    assert line.offset.high - line.offset.value == pytest.approx(1.959964 / math.sqrt(0.75))
    assert math.isnan(line.slope.value)
    assert line.slope[1:] == (-math.inf, math.inf)


def test_perfect_separation_has_no_slope():
    line = calibration_line([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert math.isnan(line.slope.value)
    assert math.isfinite(line.offset.value)


def test_certainty_is_no_obstacle(films):
    y, p = films
    p = np.where(p > 0.99, 1.0, np.where(p < 0.01, 0.0, p))
    assert math.isfinite(calibration_line(y, p).slope.value)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([1, 1], [0.1, 0.9], "both classes"),
        ([0, 1], [0.1, 1.9], "probabilities within 0 and 1"),
        ([0, 1], [0.1, math.nan], "finite numbers"),
        ([], [], "N >= 1"),
    ],
)
def test_what_makes_no_sense_is_refused(y, p, message):
    with pytest.raises(ValueError, match=message):
        calibration_line(y, p)


def films(n=4000, seed=0, temperature=2.0, bias=-1.0):
    """Labels, and answers of a network whose log odds are `temperature` times those of the truth
    without `bias`."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 2, n)
    y = rng.random(n) < 1 / (1 + np.exp(-truth))
    return y, 1 / (1 + np.exp(-temperature * (truth - bias)))


def test_temperature_and_bias_are_found_again():
    y, p = films()
    found = fit_recalibration(y, p, "temperature and bias")
    assert found.temperature == pytest.approx(2.0, rel=0.1)
    assert found.bias == pytest.approx(-1.0, abs=0.15)
    assert abs(found(p).mean() - y.mean()) < 0.005
    assert found.words == f"temperature {found.temperature:.2f} and bias −{-found.bias:.2f}"


@pytest.mark.parametrize("method", ["temperature", "temperature and bias", "isotonic"])
def test_no_map_changes_the_order_of_films(method):
    y, p = films(300)
    found = fit_recalibration(y, p, method)
    assert (np.diff(found(np.sort(p))) >= 0).all()
    assert Recalibration.from_dict(found.to_dict()) == found


def test_separated_films_do_not_make_a_step():
    found = fit_recalibration([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], "temperature and bias")
    assert (found([0.1, 0.9]) > 0.1).all()
    assert (found([0.1, 0.9]) < 0.9).all()


def test_a_straight_map_is_preferred_unless_isotonic_is_clearly_better():
    y, p = films(400)
    assert choose_method(y, p, np.arange(400)) == "temperature and bias"
    rng = np.random.default_rng(1)
    bent = rng.random(1500)
    y = rng.random(1500) < np.where(np.abs(bent - 0.5) < 0.3, 0.5, np.where(bent > 0.5, 0.99, 0.01))
    assert choose_method(y, bent, np.arange(1500)) == "isotonic"


def test_classes_of_pneumonia_keep_their_shares():
    chances = np.array([[0.2, 0.6, 0.2], [1.0, 0.0, 0.0]])
    found = Recalibration("temperature and bias", 2.0, -0.5).of_classes(chances)
    assert found.sum(axis=1) == pytest.approx([1, 1])
    assert found[0, 1] / found[0, 2] == pytest.approx(3)
    expected = 1 / (1 + np.exp(-(np.log(4) / 2 - 0.5)))
    assert 1 - found[0, 0] == pytest.approx(expected)


def test_no_patient_is_in_two_folds_and_few_patients_are_refused():
    y = np.arange(60) % 2 == 0
    groups = np.arange(60) // 4
    for train, test in patient_folds(y, groups):
        assert not set(groups[train]) & set(groups[test])
    with pytest.raises(ValueError, match="at least 5 patients of each class, got 3"):
        patient_folds(y, np.arange(60) // 20)


def test_prevalence_of_an_ideal_model_is_found_without_labels():
    rng = np.random.default_rng(3)
    y = rng.random(3000) < 0.2
    odds = np.where(y, rng.normal(2, 2, 3000), rng.normal(-2, 2, 3000))  # true at 50 %
    found = prevalence_by_em(1 / (1 + np.exp(-odds)), 0.5)
    assert found.estimate.low < 0.2 < found.estimate.high
    assert found.estimate.value == pytest.approx(0.2, abs=0.03)
    with pytest.raises(ValueError, match="prevalence above 0 and below 1, got 1"):
        prevalence_by_em([0.2], 1)


def test_log_odds_stay_finite_and_the_best_temperature_is_that_of_the_labels():
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    y, p = films(bias=0.0)
    assert best_temperature(y, p) == pytest.approx(2.0, rel=0.1)
