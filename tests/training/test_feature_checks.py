import numpy as np
import pytest

from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.training.feature_checks import fit_out_of_distribution


def columns_and_rows(films):
    """Features (N, 64): mean of every row and column, at 32 px."""
    return np.concatenate([films.mean(1), films.mean(2)], axis=1).astype("float32")


@pytest.fixture(scope="module")
def films():
    kinds = ["normal", "bacterial", "viral"]
    made = [synthetic_film(kinds[seed % 3], seed, size=32) for seed in range(60)]
    return np.stack(made)


def test_films_are_known_and_other_pictures_are_not(films):
    known, facts = fit_out_of_distribution(columns_and_rows, films, seed=1)
    assert facts["median"] < facts["limit"] == known.limit < 1.15 * facts["largest"]
    assert facts["directions"] == len(known.array) - 1 == 22
    assert facts["measured_on"] == "15 other films as they are and in 44 views"
    assert (known.distances(columns_and_rows(films)) < known.limit).all()
    stripes = np.tile(np.arange(32) % 8 // 4 * 255, (1, 32, 1)).astype("uint8")
    assert known.distances(columns_and_rows(stripes))[0] > known.limit


def test_the_seed_decides(films):
    first, again = (fit_out_of_distribution(columns_and_rows, films, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first.array, again.array)
    assert first.limit == again.limit
