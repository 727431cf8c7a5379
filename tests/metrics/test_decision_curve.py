"""Net benefit, by hand and by its definition in counts."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import confusion, decision_curve

Y = [0, 0, 0, 1, 1, 1, 1, 0]
P = [0.1, 0.4, 0.5, 0.5, 0.6, 0.9, 0.2, 0.8]


def test_net_benefit_by_hand():
    # At 0.5 three of four are found and two of four called for nothing, odds 1: (3 - 2) / 8.
    # At 0.2 all four are found and three called for nothing, odds 1/4: (4 - 3/4) / 8.
    curve = decision_curve(Y, P, thresholds=[0.5, 0.2])
    assert curve.model == pytest.approx([1 / 8, 3.25 / 8])
    # Calling all eight: (4 - 4) / 8 and (4 - 4/4) / 8.
    assert curve.call_all == pytest.approx([0.0, 3 / 8])
    assert curve.prevalence == 0.5


def test_net_benefit_is_its_definition_in_counts(films):
    y, p = films
    curve = decision_curve(y, p)
    assert curve.thresholds == pytest.approx(np.arange(1, 100) / 100)
    for t, value in zip(curve.thresholds, curve.model, strict=True):
        c = confusion(y, p, t)
        assert value == pytest.approx((c.tp - c.fp * t / (1 - t)) / c.n)


def test_a_prevalence_weights_the_classes(films):
    y, p = films
    curve = decision_curve(y, p, thresholds=[0.1], prevalence=0.2)
    c = confusion(y, p, 0.1)
    assert curve.model[0] == pytest.approx(0.2 * c.sensitivity - 0.8 * (1 - c.specificity) / 9)
    assert curve.call_all[0] == pytest.approx(0.2 - 0.8 / 9)


def test_the_interval_is_that_of_two_independent_shares(films):
    y, p = films
    curve = decision_curve(y, p, thresholds=[0.3])
    c = confusion(y, p, 0.3)
    share, weight = np.mean(y), (1 - np.mean(y)) * 3 / 7
    alarms = 1 - c.specificity
    error = math.sqrt(
        share**2 * c.sensitivity * (1 - c.sensitivity) / (c.tp + c.fn)
        + weight**2 * alarms * (1 - alarms) / (c.tn + c.fp)
    )
    assert curve.high[0] - curve.model[0] == pytest.approx(1.959964 * error)
    assert curve.model[0] - curve.low[0] == pytest.approx(1.959964 * error)


def test_a_calibrated_model_is_never_far_below_all_or_none(films):
    curve = decision_curve(*films)
    assert (curve.high >= np.maximum(curve.call_all, 0)).all()


def test_constant_scores_are_worth_what_calling_all_is_worth():
    curve = decision_curve([0, 1, 1], [0.5] * 3, thresholds=[0.2, 0.5, 0.6])
    assert curve.model == pytest.approx([*curve.call_all[:2], 0.0])


@pytest.mark.parametrize(
    ("y", "p", "options", "message"),
    [
        ([1, 1], [0.1, 0.2], {}, "both classes"),
        ([0, 1], [0.1, 1.2], {}, "probabilities within 0 and 1"),
        ([0, 1], [0.1, math.nan], {}, "finite numbers"),
        ([], [], {}, "N >= 1"),
        ([0, 1], [0.1, 0.2], {"thresholds": [1.0]}, "from 0 to below 1"),
        ([0, 1], [0.1, 0.2], {"thresholds": [math.nan]}, "from 0 to below 1"),
        ([0, 1], [0.1, 0.2], {"prevalence": 20}, "a prevalence within 0 and 1, got 20"),
    ],
)
def test_what_makes_no_sense_is_refused(y, p, options, message):
    with pytest.raises(ValueError, match=message):
        decision_curve(y, p, **options)


@pytest.mark.parametrize("prevalence", [-0.1, 1.5, float("nan")])
def test_a_prevalence_that_is_none_is_refused(prevalence):
    with pytest.raises(ValueError, match="prevalence within 0 and 1, got"):
        decision_curve([0, 1], [0.1, 0.9], prevalence=prevalence)
