"""The sweep over all thresholds agrees with counting at each of them."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import Confusion, ThresholdSweep, confusion, predictive_values, three_way

Y = [0, 0, 0, 1, 1, 1, 1, 0]
P = [0.1, 0.4, 0.5, 0.5, 0.6, 0.9, 0.2, 0.8]


@pytest.mark.parametrize("which", ["patients", "films"])
def test_every_threshold_gives_the_counts_of_confusion(which, request):
    y, p = request.getfixturevalue(which)[:2]
    sweep = ThresholdSweep(y, p)
    between = (np.unique(p)[1:] + np.unique(p)[:-1]) / 2
    for threshold in (*np.unique(p), *between, 0.0, 1.0, -math.inf, math.inf, 1.5):
        assert sweep.confusion(threshold) == confusion(y, p, threshold)


def test_counts_of_many_thresholds_keep_their_shape():
    sweep = ThresholdSweep(Y, P)
    tp, fp = sweep.counts([[0.0, 0.5], [0.55, 1.0]])
    assert tp.tolist() == [[4, 3], [2, 0]]
    assert fp.tolist() == [[4, 2], [1, 0]]
    with pytest.raises(ValueError, match="Expected a threshold, got NaN"):
        sweep.counts([0.5, math.nan])


def test_one_threshold_by_hand():
    found = ThresholdSweep(Y, P).at(0.5, prevalence=0.2)
    assert found.confusion.to_dict() == {"tp": 3, "fp": 2, "tn": 2, "fn": 1}
    assert (found.sensitivity.value, found.specificity.value) == (0.75, 0.5)
    assert found.rates["ppv"].value == 0.6
    assert found.ratios.positive.value == pytest.approx(1.5)
    assert found.per_thousand.missed.value == pytest.approx(50)
    assert found.per_thousand.false_alarms.value == pytest.approx(400)
    # 200 with pneumonia of whom 150 are found, 800 without of whom 400 are called.
    assert found.predictive.ppv.value == pytest.approx(150 / 550)
    assert found.predictive.npv.value == pytest.approx(400 / 450)


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.4, 0.5, 0.55, 0.8, 0.95])
def test_what_is_referred_of_each_cell_by_counting_films(threshold):
    found = ThresholdSweep(Y, P).referred(threshold, low=0.4, high=0.8)
    zone = [(y, p >= threshold) for y, p in zip(Y, P, strict=True) if 0.4 <= p < 0.8]
    assert found == Confusion(
        tp=zone.count((1, True)),
        fp=zone.count((0, True)),
        tn=zone.count((0, False)),
        fn=zone.count((1, False)),
    )
    three = three_way(Y, P, 0.4, 0.8)
    assert (found.tp + found.fn, found.fp + found.tn) == (three.referred_sick, three.referred_well)


def test_a_zone_upside_down_is_refused():
    with pytest.raises(ValueError, match=r"low <= high, got low=0.8 and high=0.4"):
        ThresholdSweep(Y, P).referred(0.5, 0.8, 0.4)


def test_the_films_own_prevalence_is_the_default():
    found = ThresholdSweep(Y, P).at(0.5)
    assert found.prevalence == 0.5
    assert found.predictive.ppv.value == pytest.approx(found.rates["ppv"].value)
    assert found.predictive.npv.value == pytest.approx(found.rates["npv"].value)


def test_what_json_gets():
    found = ThresholdSweep(Y, P).at(0.5, prevalence=0.2).to_dict()
    assert found["confusion"] == {"tp": 3, "fp": 2, "tn": 2, "fn": 1}
    assert found["sensitivity"] == {
        "value": 0.75,
        "low": pytest.approx(0.3006, abs=1e-4),
        "high": pytest.approx(0.9544, abs=1e-4),
    }
    assert found["per_thousand"]["missed"]["value"] == pytest.approx(50)
    assert found["ppv_at_prevalence"]["value"] == pytest.approx(150 / 550)


def test_one_class_alone_has_half_of_the_rates():
    sweep = ThresholdSweep([1, 1, 1], [0.2, 0.6, 0.6])
    found = sweep.at(0.5, prevalence=0.1)
    assert (sweep.n_positive, sweep.n_negative, sweep.prevalence) == (3, 0, 1.0)
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert math.isnan(found.specificity.value)
    assert (found.specificity.low, found.specificity.high) == (0.0, 1.0)
    assert math.isnan(found.predictive.ppv.value)
    assert math.isnan(found.per_thousand.false_alarms.value)
    assert found.per_thousand.missed.value == pytest.approx(100 / 3)


def test_constant_scores_are_called_together():
    sweep = ThresholdSweep([0, 1, 1], [0.5] * 3)
    assert sweep.thresholds.tolist() == [0.5]
    assert sweep.at(0.5).confusion.to_dict() == {"tp": 2, "fp": 1, "tn": 0, "fn": 0}
    assert sweep.at(0.51).confusion.to_dict() == {"tp": 0, "fp": 0, "tn": 1, "fn": 2}


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="N >= 1"):
        ThresholdSweep([], [])
    with pytest.raises(ValueError, match="finite numbers in p"):
        ThresholdSweep([0, 1], [0.1, math.nan])
    with pytest.raises(ValueError, match="Expected a threshold, got NaN"):
        ThresholdSweep(Y, P).at(math.nan)
    with pytest.raises(ValueError, match="a prevalence within 0 and 1, got 20"):
        ThresholdSweep(Y, P).at(0.5, prevalence=20)


def test_predictive_values_are_those_of_the_counts(films):
    sweep = ThresholdSweep(*films)
    assert sweep.at(0.4, 0.05).predictive == predictive_values(confusion(*films, 0.4), 0.05)


def test_a_zone_without_width_refers_nobody():
    assert ThresholdSweep(Y, P).referred(0.5, 0.5, 0.5) == Confusion(0, 0, 0, 0)
