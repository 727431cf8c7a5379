"""The judgement separates two clouds of features, and its limits follow the chest films."""

import numpy as np
import pytest

from pneumo_core.training.lungs.judge import fit_to_features


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    chest = np.abs(rng.normal(0.3, 0.05, (400, 17)))
    other = np.abs(rng.normal(0.8, 0.3, (400, 17)))
    return chest, other


def test_chest_films_pass_and_others_do_not(clouds):
    chest, other = clouds
    shift = np.array([0.0, 0.0, 0.0, 0.01])
    judge = fit_to_features({"training_films": chest}, other, box_shift=shift)
    assert judge.accepts(chest).mean() >= 0.99
    assert judge.accepts(other).mean() < 0.02
    assert judge.box_shift.tolist() == shift.tolist()
    assert judge.score(chest).mean() > 0 > judge.score(other).mean()


def test_what_nothing_was_fitted_on_is_far(clouds):
    chest, other = clouds
    judge = fit_to_features({"training_films": chest}, other, box_shift=np.zeros(4))
    strange = chest[:1].copy()
    strange[0, 5] = 3.0
    assert judge.distance(strange)[0] > judge.largest_distance > judge.distance(chest).mean()
    assert not judge.accepts(strange)[0]


def test_every_source_weighs_the_same(clouds):
    chest, other = clouds
    rng = np.random.default_rng(1)
    adults = np.abs(rng.normal(0.45, 0.05, (40, 17)))
    sources = {"training_films": chest, "adult_films": adults}
    judge = fit_to_features(sources, other, box_shift=np.zeros(4))
    expected = (chest.mean(0) + adults.mean(0)) / 2
    assert judge.centre[3] == pytest.approx(expected[3], abs=0.02)
    assert judge.accepts(adults).mean() > 0.95
