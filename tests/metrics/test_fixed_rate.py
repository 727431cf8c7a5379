"""Rates at a fixed rate and the ROC band, by hand, against counting, and against scikit-learn."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import (
    confusion,
    fixed_rate,
    threshold_at_sensitivity,
    threshold_at_specificity,
    wilson,
)
from pneumo_core.metrics.bootstrap import Resampling, bootstrap
from pneumo_core.metrics.fixed_rate import roc_band, sensitivities_at, sensitivities_on_grid

Y = [0, 0, 0, 0, 1, 1, 1, 1]
P = [0.1, 0.2, 0.3, 0.6, 0.4, 0.5, 0.7, 0.9]


def drawn(statistic, y, p, groups=None, *, seed=0, rounds=30):
    """The statistic in each bootstrap draw."""
    draws = Resampling(groups, len(y), seed=seed, rounds=rounds)
    return bootstrap(np.asarray(y) == 1, np.asarray(p, float), draws, {"it": statistic})["it"]


def sensitivity_at_specificity(y, p, s, groups=None, **options):
    draws = drawn(sensitivities_at(s), y, p, groups, **options)
    return fixed_rate.sensitivity_at_specificity(y, p, s, draws)


def specificity_at_sensitivity(y, p, s, groups=None, **options):
    draws = drawn(fixed_rate.specificities_at(s), y, p, groups, **options)
    return fixed_rate.specificity_at_sensitivity(y, p, s, draws)


def test_rates_by_hand():
    # Specificity 3/4 needs a threshold just above 0.3: all four pneumonias are called.
    found = sensitivity_at_specificity(Y, P, 0.75, rounds=50)
    assert (found.fixed, found.rate.value, found.held) == (0.75, 1.0, 0.75)
    assert found.threshold == np.nextafter(0.3, 1)
    # Sensitivity 3/4 puts the threshold at 0.5, above three of four normals.
    found = specificity_at_sensitivity(Y, P, 0.75, rounds=50)
    assert (found.threshold, found.rate.value, found.held) == (0.5, 0.75, 0.75)


@pytest.mark.parametrize("s", [0.5, 0.9, 0.95, 1.0])
@pytest.mark.parametrize("which", ["patients", "films"])
def test_rates_agree_with_scikit_learns_curve(s, which, request):
    roc_curve = pytest.importorskip("sklearn.metrics").roc_curve
    y, p = request.getfixturevalue(which)[:2]
    alarms, hits, _ = roc_curve(y, p, drop_intermediate=False)
    found = sensitivity_at_specificity(y, p, s, rounds=20)
    assert found.rate.value == pytest.approx(hits[alarms <= 1 - s + 1e-9].max())
    found = specificity_at_sensitivity(y, p, s, rounds=20)
    assert found.rate.value == pytest.approx(1 - alarms[hits >= s - 1e-9].min())


def test_the_threshold_is_chosen_anew_in_each_draw(patients):
    y, p, groups = patients
    hits, spared = [], []
    for times in Resampling(groups, len(y), seed=5, rounds=40).films():
        for row in times:
            i = np.repeat(np.arange(len(y)), row)
            threshold = threshold_at_specificity(y[i], p[i], 0.8)
            hits.append(confusion(y[i], p[i], threshold).sensitivity)
            threshold = threshold_at_sensitivity(y[i], p[i], 0.8)
            spared.append(confusion(y[i], p[i], threshold).specificity)
    for function, values in (
        (sensitivity_at_specificity, hits),
        (specificity_at_sensitivity, spared),
    ):
        rate = function(y, p, 0.8, groups=groups, seed=5, rounds=40).rate
        assert (rate.low, rate.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


def test_classes_that_do_not_overlap_keep_an_honest_interval():
    y, p = [0] * 30 + [1] * 50, np.arange(80.0)
    assert sensitivity_at_specificity(y, p, 0.95, rounds=30).rate == (1.0, *wilson(50, 50))
    assert specificity_at_sensitivity(y, p, 0.95, rounds=30).rate == (1.0, *wilson(30, 30))


def test_constant_scores_call_all_or_none():
    found = sensitivity_at_specificity([0, 0, 1], [0.3] * 3, 0.9, rounds=30)
    assert (found.rate.value, found.held) == (0.0, 1.0)
    found = specificity_at_sensitivity([0, 0, 1], [0.3] * 3, 0.9, rounds=30)
    assert (found.rate.value, found.held) == (0.0, 1.0)


@pytest.mark.parametrize(
    "function", [fixed_rate.sensitivity_at_specificity, fixed_rate.specificity_at_sensitivity]
)
@pytest.mark.parametrize(
    ("y", "p", "s", "message"),
    [
        ([1, 1], [0.1, 0.2], 0.9, "both classes"),
        ([0, 1], [0.1, math.nan], 0.9, "finite numbers"),
        ([], [], 0.9, "N >= 1"),
        ([0, 1], [0.1, 0.2], 0.0, "above 0 and at most 1, got 0.0"),
        ([0, 1], [0.1, 0.2], 95, "above 0 and at most 1, got 95"),
    ],
)
def test_what_makes_no_sense_is_refused(function, y, p, s, message):
    with pytest.raises(ValueError, match=message):
        function(y, p, s, np.array([0.5]))


def test_the_band_holds_the_curve_and_closes_at_the_end(patients):
    y, p, groups = patients
    band = roc_band(drawn(sensitivities_on_grid, y, p, groups, rounds=200))
    assert band.false_positive_rate.tolist() == np.linspace(0, 1, 101).tolist()
    assert (band.low <= band.high).all()
    assert (np.diff(band.low) >= 0).all()
    assert band.low[-1] == band.high[-1] == 1.0
    at = sensitivity_at_specificity(y, p, 0.8, groups=groups, rounds=200).rate
    assert (band.low[20], band.high[20]) == pytest.approx((at.low, at.high))


def test_draws_at_a_fixed_rate_by_hand():
    # Falling thresholds: a film found, a false alarm, a film found; then a false alarm first.
    tp, fp = np.array([[1, 1, 2], [0, 1, 2]]), np.array([[0, 1, 1], [1, 1, 1]])
    assert np.ravel(sensitivities_at(1.0)(tp, fp)).tolist() == [0.5, 0.0]
