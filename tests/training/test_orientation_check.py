import numpy as np
import pytest

from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.training.feature_checks import fit_orientation, reoriented


def block_means(films):
    """Features (N, 64): the mean of each block of 4 × 4 pixels, at 32 px."""
    blocks = films.reshape(len(films), 8, 4, 8, 4).mean(axis=(2, 4))
    return blocks.reshape(len(films), -1).astype("float32") / 255


@pytest.fixture(scope="module")
def films():
    kinds = ["normal", "bacterial", "viral"]
    return np.stack([synthetic_film(kinds[seed % 3], seed, size=32) for seed in range(120)])


def test_films_are_turned_both_ways_and_not_in_place():
    film = np.arange(4, dtype="uint8").reshape(1, 2, 2).repeat(2, axis=0)
    left, right = [[1, 3], [0, 2]], [[2, 0], [3, 1]]
    assert reoriented(film, "sideways").tolist() == [left, right]
    half_turn, mirrored = [[3, 2], [1, 0]], [[2, 3], [0, 1]]
    assert reoriented(film, "upside down").tolist() == [half_turn, mirrored]
    assert reoriented(film, "negative")[0].tolist() == [[255, 254], [253, 252]]
    assert reoriented(film, "upright").tolist() == film.tolist() == [[[0, 1], [2, 3]]] * 2


def test_how_a_film_lies_is_learnt_and_measured_on_other_films(films):
    known, facts = fit_orientation(block_means, films, seed=1)
    assert (facts["learnt_from"], facts["measured_on"]) == (90, 30)
    assert 0 < facts["limit"] == known.limit <= 0.2
    found = facts["referred"]
    assert found["upright"] == {"films": 60, "found": 0}
    assert {way: row["films"] for way, row in found.items() if way != "upright"} == {
        "sideways": 30,
        "upside down": 30,
        "negative": 30,
    }
    assert min(row["found"] for way, row in found.items() if way != "upright") >= 20
    assert known.classify(block_means(films)) == ["upright"] * 120


def test_features_that_do_not_tell_refer_nobody(films):
    noise = np.random.default_rng(0)
    known, facts = fit_orientation(
        lambda x: noise.random((len(x), 4)).astype("float32"), films, seed=1
    )
    assert known.limit < 0.2
    assert facts["referred"]["upright"]["found"] == 0


def test_the_seed_decides(films):
    first, again = (fit_orientation(block_means, films, seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(first.array, again.array)
