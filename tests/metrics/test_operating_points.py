import numpy as np
import pytest

from pneumo_core.metrics.operating_points import Aims, choose_points

NORMAL, PNEUMONIA = np.linspace(0.05, 0.60, 40), np.linspace(0.40, 0.95, 40)
Y = np.r_[np.zeros(40), np.ones(40)]
P = np.r_[NORMAL, PNEUMONIA]
EACH = np.arange(80)


def test_points_keep_what_is_asked_for_on_the_films():
    low, balanced, high = choose_points(Y, P, EACH, Aims(sensitivity=0.9, specificity=0.8))
    assert low <= balanced <= high
    assert (low <= PNEUMONIA).mean() >= 0.9
    assert (high > NORMAL).mean() >= 0.8
    # One of the 41 is the new film: 10 % of 41 allow 4 misses, 20 % of 41 allow 8 alarms.
    assert int((low > PNEUMONIA).sum()) == 4
    assert int((high <= NORMAL).sum()) == 8
    assert not set(P) & {low, high}  # between films: rounding moves none


def test_a_dear_miss_lowers_the_balanced_point_and_a_rare_disease_raises_it():
    wide = {"sensitivity": 0.99, "specificity": 0.99}
    at = {
        name: choose_points(Y, P, EACH, Aims(**wide, **more))[1]
        for name, more in {
            "dear": {"miss_cost": 20.0},
            "even": {"miss_cost": 1.0},
            "rare": {"miss_cost": 1.0, "prevalence": 0.05},
        }.items()
    }
    assert at["dear"] <= at["even"] < at["rare"]
    assert (at["dear"] <= PNEUMONIA).all()
    assert (at["rare"] > NORMAL).all()


def test_the_two_ends_change_places_for_a_model_that_does_both():
    p = np.r_[np.linspace(0, 0.3, 40), np.linspace(0.7, 1, 40)]
    low, balanced, high = choose_points(Y, p, EACH, Aims())
    assert 0.28 < low <= balanced <= high < 0.72


def test_the_promise_holds_on_average_over_new_films():
    rng = np.random.default_rng(0)
    missed, alarms = [], []
    y = np.r_[np.zeros(30), np.ones(30)]
    for _ in range(300):
        p = 1 / (1 + np.exp(-np.r_[rng.normal(-1, 1, 30), rng.normal(1, 1, 30)]))
        low, _, high = choose_points(y, p, np.arange(60), Aims(coverage=0.9))
        new = 1 / (1 + np.exp(-rng.normal(1, 1, 2000)))
        missed.append((new < low).mean())
        alarms.append((1 - new >= high).mean())  # the normal films are the mirror image
    # 3 of 31 ranks are excluded: 9.7 %, and 0.3 % is what 300 draws leave to chance.
    assert np.mean(missed) < 0.1 + 0.006
    assert np.mean(alarms) < 0.1 + 0.006
    assert np.mean(missed) > 0.05  # and it is no empty promise


def test_a_promise_that_needs_more_patients_is_refused():
    groups = np.r_[np.arange(40) // 4, 100 + np.arange(40)]
    with pytest.raises(ValueError, match=r"at least 19 patients of each class .* 95 %, got 10"):
        choose_points(Y, P, groups, Aims(coverage=0.95))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"sensitivity": 95.0}, "a sensitivity of 0.5 to 0.999, got 95"),
        ({"prevalence": 20.0}, "above 0 and below 1, got 20.0: 0.2 is 20 %"),
        ({"miss_cost": 0.0}, "cost of a miss of 0.01 to 1000, got 0"),
        ({"coverage": 1.0}, "a coverage of 0.5 to 0.999, got 1"),
    ],
)
def test_aims_that_cannot_be_are_refused_in_words(wrong, message):
    with pytest.raises(ValueError, match=message):
        Aims(**wrong)


def test_aims_in_words_and_back():
    aims = Aims(0.97, 0.9, miss_cost=5, prevalence=0.2)
    assert Aims.from_dict(aims.to_dict()) == aims
    assert "sensitivity of at least 97 % at the screening point" in aims.words
    assert "a missed pneumonia weighs as much as 5 false alarms, prevalence 20 %" in aims.words
    promised = Aims(coverage=0.9)
    assert promised.to_dict() == {"coverage": 0.9}
    assert promised.words.startswith("at most 10 % of pneumonias cleared")
