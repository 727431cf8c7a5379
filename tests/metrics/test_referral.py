"""Three answers, by hand."""

import math

import pytest

from pneumo_core.metrics import confusion, three_way, wilson

Y = [0, 0, 0, 0, 1, 1, 1, 1, 1]
P = [0.1, 0.3, 0.5, 0.9, 0.1, 0.5, 0.6, 0.8, 0.9]


def test_three_answers_by_hand_with_scores_on_both_points():
    # Normal below 0.3: 0.1 and 0.1. Pneumonia from 0.8: 0.9, 0.8, 0.9. Referred: the other four.
    found = three_way(Y, P, 0.3, 0.8)
    assert found.answered.to_dict() == {"tp": 2, "fp": 1, "tn": 1, "fn": 1}
    assert (found.referred_sick, found.referred_well, found.n) == (2, 2, 9)
    assert found.coverage == (5 / 9, *wilson(5, 9))
    assert found.error == (2 / 5, *wilson(2, 5))
    assert found.sensitivity == (2 / 3, *wilson(2, 3))
    assert found.specificity == (1 / 2, *wilson(1, 2))
    assert found.missed == (1 / 5, *wilson(1, 5))
    assert found.false_alarms == (1 / 4, *wilson(1, 4))
    assert found.referred_of_sick.value == 2 / 5
    assert found.referred_of_well.value == 2 / 4


def test_one_point_refers_nothing(films):
    found = three_way(*films, 0.4, 0.4)
    assert found.answered == confusion(*films, 0.4)
    assert found.coverage.value == 1.0


def test_where_all_is_referred_nothing_is_known_of_the_answers():
    found = three_way([0, 1], [0.5, 0.5], 0.2, 0.8)
    assert found.coverage.value == 0.0
    assert math.isnan(found.error.value)
    assert found.error[1:] == (0.0, 1.0)


def test_one_class_alone_is_fine():
    found = three_way([1, 1, 1], [0.1, 0.5, 0.9], 0.3, 0.8)
    assert found.missed.value == pytest.approx(1 / 3)
    assert math.isnan(found.specificity.value)
    assert math.isnan(found.false_alarms.value)


def test_what_json_gets():
    found = three_way(Y, P, 0.3, 0.8).to_dict()
    assert found["coverage"]["value"] == 5 / 9
    assert found["referred_sick"] == 2
    assert set(found) == {
        *("answered", "referred_sick", "referred_well", "coverage", "error", "sensitivity"),
        *("specificity", "missed", "false_alarms", "referred_of_sick", "referred_of_well"),
    }


@pytest.mark.parametrize(
    ("y", "p", "low", "high", "message"),
    [
        ([0, 1], [0.1, 0.9], 0.8, 0.2, "low <= high, got low=0.8 and high=0.2"),
        ([0, 1], [0.1, 0.9], math.nan, 0.2, "low <= high"),
        ([0, 1], [0.1, math.nan], 0.2, 0.8, "finite numbers"),
        ([], [], 0.2, 0.8, "N >= 1"),
    ],
)
def test_what_makes_no_sense_is_refused(y, p, low, high, message):
    with pytest.raises(ValueError, match=message):
        three_way(y, p, low, high)
