import keras
import numpy as np
import pytest

from pneumo_core.training.batches import FilmBatches, RowBatches, as_fed

pytestmark = pytest.mark.keras


def batches(seed, rows=9, kind=FilmBatches):
    cache = np.arange(10, dtype="uint8")[:, None, None] * np.ones((1, 4, 4), "uint8")
    labels = np.arange(10) % 3
    return kind(cache, labels, np.arange(1, 1 + rows), classes=3, batch=4, seed=seed)


def films_of(feed):
    return [int(film[0, 0, 0]) for i in range(len(feed)) for film in feed[i][0]["film"]]


def test_every_film_comes_once_with_its_own_label():
    feed = batches(seed=1, rows=8)
    feed.start_epoch(0)
    assert len(feed) == 2
    assert sorted(films_of(feed)) == list(range(1, 9))
    for i in range(len(feed)):
        inputs, targets, weights = feed[i]
        films = inputs["film"]
        assert films.dtype == np.uint8
        assert films.shape[1:] == (4, 4, 1)
        np.testing.assert_array_equal(targets.argmax(1), films[:, 0, 0, 0] % 3)
        np.testing.assert_array_equal(inputs["plan"], [[1, 1, 0]] * 4)
        np.testing.assert_array_equal(weights, 1)


def test_training_batches_are_full_and_what_is_left_over_has_its_turn():
    feed = batches(seed=1)
    seen = set()
    for epoch in range(4):
        feed.start_epoch(epoch)
        assert [len(feed[i][1]) for i in range(len(feed))] == [4, 4]
        seen |= set(films_of(feed))
    assert seen == set(range(1, 10))
    assert [len(batches(seed=1, rows=3)[0][1])] == [3]


def test_a_film_counts_for_its_weight():
    feed = batches(seed=1)
    feed.weights = np.arange(10) / 2
    inputs, _, weights = feed[0]
    np.testing.assert_array_equal(weights, inputs["film"][:, 0, 0, 0] / 2)


def test_an_epochs_order_depends_on_seed_and_epoch_alone():
    first, second = batches(seed=1), batches(seed=1)
    second.start_epoch(0)
    second.start_epoch(4)
    first.start_epoch(4)
    assert films_of(first) == films_of(second)
    first.start_epoch(5)
    assert films_of(first) != films_of(second)


def test_without_a_seed_films_keep_their_order_and_the_rest_counts_for_nothing():
    feed = batches(seed=None)
    feed.start_epoch(3)
    assert films_of(feed) == [*range(1, 10), 9, 9, 9]
    weights = np.concatenate([feed[i][2] for i in range(len(feed))])
    np.testing.assert_allclose(weights, [12 / 9] * 9 + [0] * 3)


def test_the_mean_over_filled_up_batches_is_that_of_the_films():
    feed = batches(seed=None)
    feed.weights = np.arange(10) / 2
    means = [feed[i][2].mean() for i in range(len(feed))]
    assert np.mean(means) == pytest.approx(np.arange(1, 10).mean() / 2)


def test_batches_by_row_differ_in_how_they_name_their_films_alone():
    films, rows = batches(seed=1), batches(seed=1, kind=RowBatches)
    for feed in (films, rows):
        feed.start_epoch(2)
    (whole, *told), (named, *told_too) = films[1], rows[1]
    assert (named["row"].dtype, named["row"].shape) == (np.int32, (4,))
    np.testing.assert_array_equal(films.cache[named["row"]][..., None], whole["film"])
    np.testing.assert_array_equal(named["plan"], whole["plan"])
    for one, other in zip(told, told_too, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own way")
def test_tensorflow_is_given_the_same_batches_in_the_same_order():
    feed = batches(seed=1)
    given = as_fed(feed)
    for epoch in (0, 5):
        feed.start_epoch(epoch)
        found = [[*inputs.values(), *rest] for inputs, *rest in given]
        wanted = [feed[i] for i in range(len(feed))]
        assert len(found) == len(wanted) == 2
        for one, (inputs, *rest) in zip(found, wanted, strict=True):
            for part, other in zip(one, [*inputs.values(), *rest], strict=True):
                np.testing.assert_array_equal(part, other)
                assert part.dtype == other.dtype


def test_other_backends_take_the_feed_itself(monkeypatch):
    feed = batches(seed=1)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert as_fed(feed) is feed
