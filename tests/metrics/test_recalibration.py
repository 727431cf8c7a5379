"""The calibration line, against scikit-learn's logistic regression and against what made it."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import calibration_line


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
