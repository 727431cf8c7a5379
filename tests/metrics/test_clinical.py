"""Likelihood ratios and predictive values, by hand and against SciPy."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import (
    Confusion,
    confusion,
    decision_curve,
    likelihood_ratios,
    per_thousand,
    predictive_values,
)

Z = 1.959963984540054
# Altman & Bland (1994), BMJ 309, 102: liver scans of 344 patients.
LIVER = Confusion(tp=231, fp=32, tn=54, fn=27)
Y = [0, 0, 0, 1, 1, 1, 1, 0]
P = [0.1, 0.4, 0.5, 0.5, 0.6, 0.9, 0.2, 0.8]


def test_the_liver_scans_of_altman_and_bland():
    values = predictive_values(LIVER, 258 / 344)
    assert values.ppv.value == pytest.approx(0.88, abs=0.005)
    assert values.npv.value == pytest.approx(0.67, abs=0.005)
    # "If the prevalence were 0.25, PPV 0.45 and NPV 0.95."
    rare = predictive_values(LIVER, 0.25)
    assert rare.ppv.value == pytest.approx(0.45, abs=0.005)
    assert rare.npv.value == pytest.approx(0.95, abs=0.005)


@pytest.mark.parametrize("counts", [LIVER, Confusion(3, 2, 2, 1), Confusion(390, 41, 193, 5)])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_ratios_agree_with_scipys_relative_risk(counts, level):
    relative_risk = pytest.importorskip("scipy.stats.contingency").relative_risk
    c = counts
    found = likelihood_ratios(c, level=level)
    for ratio, a, b in ((found.positive, c.tp, c.fp), (found.negative, c.fn, c.tn)):
        reference = relative_risk(a, c.tp + c.fn, b, c.fp + c.tn)
        interval = reference.confidence_interval(level)
        assert ratio == pytest.approx((reference.relative_risk, interval.low, interval.high))


def test_predictive_values_have_mercaldos_logit_interval():
    prevalence, sensitivity, specificity = 0.1, 231 / 258, 54 / 86
    logit = math.log(sensitivity * prevalence / ((1 - specificity) * (1 - prevalence)))
    variance = (1 - sensitivity) / sensitivity / 258 + specificity / (1 - specificity) / 86
    ppv = predictive_values(LIVER, prevalence).ppv
    for end, sign in ((ppv.low, -1), (ppv.high, 1)):
        assert math.log(end / (1 - end)) == pytest.approx(logit + sign * Z * math.sqrt(variance))
    logit = math.log(specificity * (1 - prevalence) / ((1 - sensitivity) * prevalence))
    variance = (1 - specificity) / specificity / 86 + sensitivity / (1 - sensitivity) / 258
    npv = predictive_values(LIVER, prevalence).npv
    for end, sign in ((npv.low, -1), (npv.high, 1)):
        assert math.log(end / (1 - end)) == pytest.approx(logit + sign * Z * math.sqrt(variance))


def test_no_false_alarm_makes_an_infinite_ratio_with_a_finite_lower_bound():
    found = likelihood_ratios(Confusion(tp=40, fp=0, tn=30, fn=10)).positive
    half = Z * math.sqrt(1 / 40.5 - 1 / 51 + 1 / 0.5 - 1 / 31)
    assert found.value == math.inf
    assert found.low == pytest.approx((40.5 / 51) / (0.5 / 31) * math.exp(-half))
    assert found.high == math.inf
    ppv = predictive_values(Confusion(tp=40, fp=0, tn=30, fn=10), 0.2).ppv
    assert (ppv.value, ppv.high) == (1.0, 1.0)
    assert 0.2 < ppv.low < 1


def test_nothing_missed_makes_a_ratio_of_zero():
    found = likelihood_ratios(Confusion(tp=50, fp=5, tn=25, fn=0)).negative
    assert (found.value, found.low) == (0.0, 0.0)
    assert 0 < found.high < 1
    npv = predictive_values(Confusion(tp=50, fp=5, tn=25, fn=0), 0.2).npv
    assert (npv.value, npv.high) == (1.0, 1.0)
    assert 0.8 < npv.low < 1


def test_a_ratio_of_nothing_to_nothing_is_not_known():
    called_none = likelihood_ratios(Confusion(tp=0, fp=0, tn=5, fn=5))
    assert math.isnan(called_none.positive.value)
    assert called_none.positive[1:] == (0.0, math.inf)
    assert called_none.negative.value == pytest.approx(1.0)
    one_class = likelihood_ratios(Confusion(tp=3, fp=0, tn=0, fn=2))
    assert math.isnan(one_class.positive.value)
    assert math.isnan(one_class.negative.value)
    ppv = predictive_values(Confusion(tp=3, fp=0, tn=0, fn=2), 0.3).ppv
    assert math.isnan(ppv.value)
    assert ppv[1:] == (0.0, 1.0)


def test_at_prevalence_none_and_all_the_answer_is_known():
    none, all_ = predictive_values(LIVER, 0), predictive_values(LIVER, 1)
    assert (none.ppv, none.npv) == ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))
    assert (all_.ppv, all_.npv) == ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def test_a_thousand_children_add_up():
    found = per_thousand(LIVER, 0.2)
    assert found.found.value + found.missed.value == pytest.approx(200)
    assert found.false_alarms.value + found.spared.value == pytest.approx(800)
    assert found.missed.value == pytest.approx(200 * 27 / 258)
    assert found.missed.low == pytest.approx(200 - found.found.high)
    none = per_thousand(LIVER, 0)
    assert none.missed == (0.0, 0.0, 0.0)
    only_sick = per_thousand(Confusion(tp=1, fp=0, tn=0, fn=1), 1)
    assert only_sick.false_alarms == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("prevalence", [-0.1, 1.2, 20, math.nan])
@pytest.mark.parametrize("function", [predictive_values, per_thousand])
def test_a_prevalence_that_is_none_is_refused(function, prevalence):
    with pytest.raises(ValueError, match="a prevalence within 0 and 1, got"):
        function(LIVER, prevalence)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    truth, inside = 0.9 * 0.1 / (0.9 * 0.1 + 0.15 * 0.9), 0
    for tp, fp in zip(rng.binomial(80, 0.9, 400), rng.binomial(60, 0.15, 400), strict=True):
        counts = Confusion(int(tp), int(fp), 60 - int(fp), 80 - int(tp))
        _, low, high = predictive_values(counts, 0.1).ppv
        inside += low <= truth <= high
    assert 0.92 <= inside / 400 <= 0.985


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
def test_a_decision_curve_at_no_prevalence_is_refused(prevalence):
    with pytest.raises(ValueError, match="prevalence within 0 and 1, got"):
        decision_curve([0, 1], [0.1, 0.9], prevalence=prevalence)
