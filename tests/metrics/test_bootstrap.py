"""The patient-level bootstrap: by hand, against a loop over draws, and against scikit-learn."""

import numpy as np
import pytest

from pneumo_core.metrics import (
    grouped_bootstrap_auc,
    grouped_bootstrap_difference,
)
from pneumo_core.metrics.bootstrap import Resampling, bootstrap
from pneumo_core.metrics.roc import areas, average_precisions


def drawn_films(groups, *, seed, rounds):
    """Row numbers of each draw, films of a patient drawn twice listed twice."""
    for times in Resampling(groups, len(groups), seed=seed, rounds=rounds).films():
        for row in times:
            yield np.repeat(np.arange(len(groups)), row)


def test_a_draw_holds_as_many_patients_and_all_films_of_each():
    groups = np.array(["b", "a", "b", "c"])
    draws = Resampling(groups, 4, seed=0, rounds=50)
    patients = np.concatenate(list(draws.patients()))
    films = np.concatenate(list(draws.films()))
    assert patients.shape == (50, 3)
    assert (patients.sum(axis=1) == 3).all()
    assert (films == patients[:, [1, 0, 1, 2]]).all()
    assert 0.9 < patients.mean() < 1.1


@pytest.mark.parametrize(
    ("statistic", "reference"),
    [(areas, "roc_auc_score"), (average_precisions, "average_precision_score")],
)
def test_each_draw_is_what_scikit_learn_finds_in_it(statistic, reference, patients):
    score = getattr(pytest.importorskip("sklearn.metrics"), reference)
    y, p, groups = patients
    expected = [score(y[i], p[i]) for i in drawn_films(groups, seed=4, rounds=60)]
    draws = Resampling(groups, len(y), seed=4, rounds=60)
    found = bootstrap(np.asarray(y) == 1, np.asarray(p), draws, {"it": statistic})["it"]
    assert found == pytest.approx(expected)


def test_the_interval_of_the_auc_is_that_of_its_draws(patients):
    score = pytest.importorskip("sklearn.metrics").roc_auc_score
    y, p, groups = patients
    found = [score(y[i], p[i]) for i in drawn_films(groups, seed=4, rounds=60)]
    area, low, high = grouped_bootstrap_auc(y, p, groups, seed=4, rounds=60)
    assert area == pytest.approx(score(y, p))
    assert (low, high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])))


def test_the_difference_is_taken_within_each_draw(patients):
    score = pytest.importorskip("sklearn.metrics").roc_auc_score
    y, p, groups = patients
    other = np.random.default_rng(0).normal(y)
    found = [
        score(y[i], p[i]) - score(y[i], other[i]) for i in drawn_films(groups, seed=1, rounds=60)
    ]
    value, low, high = grouped_bootstrap_difference(y, p, other, groups, seed=1, rounds=60)
    assert value == pytest.approx(score(y, p) - score(y, other))
    assert (low, high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])))
    same = grouped_bootstrap_difference(y, p, p, groups, seed=1, rounds=20)
    assert same == (0.0, 0.0, 0.0)


def test_without_groups_each_film_is_a_patient(patients):
    y, p, _ = patients
    alone = grouped_bootstrap_auc(y, p, None, seed=1, rounds=50)
    assert alone == grouped_bootstrap_auc(y, p, np.arange(len(y)), seed=1, rounds=50)


def test_one_class_and_nan_are_refused():
    with pytest.raises(ValueError, match="both classes, got 2 of class 1 only"):
        grouped_bootstrap_auc([1, 1], [0.1, 0.2], None, seed=0)
    with pytest.raises(ValueError, match="finite numbers in p"):
        grouped_bootstrap_auc([1, 0], [0.1, np.nan], None, seed=0)
    with pytest.raises(ValueError, match=r"groups of shape \(2,\)"):
        grouped_bootstrap_auc([1, 0], [0.1, 0.2], ["a"], seed=0)


def test_draws_of_one_class_only_are_told():
    groups = ["a", "b"]
    # The first seed whose one draw takes the same patient twice.
    seed = next(s for s in range(99) if len(set(next(drawn_films(groups, seed=s, rounds=1)))) == 1)
    with pytest.raises(ValueError, match="a draw with both classes, got none in 1 rounds"):
        grouped_bootstrap_auc([0, 1], [0.1, 0.9], groups, seed=seed, rounds=1)


def test_draws_with_a_single_film_of_a_class_count():
    y, p = np.array([1, 0, 1, 0]), np.array([0.4, 0.3, 0.9, 0.6])
    found = []
    for row in drawn_films(range(4), seed=3, rounds=200):
        positive, negative = p[row][y[row] == 1], p[row][y[row] == 0]
        if len(positive) and len(negative):
            pairs = np.sign(positive[:, None] - negative)
            found.append(float((pairs.mean() + 1) / 2))
    value, low, high = grouped_bootstrap_auc(y, p, None, seed=3, rounds=200)
    assert value == 0.75
    assert (low, high) == pytest.approx(tuple(np.quantile(found, [0.025, 0.975])))
    mean = bootstrap(y == 1, p, Resampling(None, 4, seed=3, rounds=200), {"auc": areas})["auc"]
    assert mean.tolist() == pytest.approx(found)
