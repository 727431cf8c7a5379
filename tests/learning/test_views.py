import numpy as np

from pneumo_core.films.disturb import DISTURBANCES, disturb
from pneumo_core.learning.views import POINT_VIEWS, VIEWS, measured, stress_sample, view_logits


def mean_logits(films):
    mean = films.mean(axis=(1, 2)).astype("float32")
    return np.stack([-mean, mean], axis=1)


def seen(stressed, rows):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    told = []
    logits = view_logits(
        mean_logits,
        pixels,
        rows,
        classes=2,
        stressed=stressed,
        progress=lambda done, total: told.append((done, total)),
    )
    return pixels, logits, told


def test_every_disturbance_is_a_view_and_the_clean_films_come_first():
    assert set(VIEWS) == {"as it is", *DISTURBANCES}
    assert VIEWS[: len(POINT_VIEWS)] == POINT_VIEWS
    assert len(VIEWS) == len(set(VIEWS))


def test_all_films_are_seen_in_the_point_views_and_the_chosen_in_all():
    rows = np.array([1, 4, 5])
    pixels, logits, told = seen(np.array([True, False, True]), rows)
    assert logits.shape == (len(VIEWS), 3, 2)
    np.testing.assert_allclose(logits[0], mean_logits(pixels[rows]))
    assert np.isfinite(logits[: len(POINT_VIEWS)]).all()
    assert np.isnan(logits[len(POINT_VIEWS) :, 1]).all()
    np.testing.assert_array_equal(measured(logits), [True, False, True])
    assert told[-1] == (len(VIEWS), len(VIEWS))


def test_a_film_is_disturbed_alike_whichever_films_are_beside_it():
    number = VIEWS.index("noise 6 %")
    pixels, both, _ = seen(np.ones(2, bool), np.array([2, 5]))
    _, alone, _ = seen(np.ones(1, bool), np.array([5]))
    np.testing.assert_array_equal(both[number, 1], alone[number, 0])
    np.testing.assert_array_equal(
        alone[number], mean_logits(disturb(pixels[5:], "noise 6 %", first=5))
    )


def test_a_stress_sample_is_half_normal():
    labels = np.array([0] * 30 + [1] * 60 + [2] * 10)
    chosen = stress_sample(labels, films=20, seed=1)
    assert (chosen[:30].sum(), chosen[30:].sum()) == (10, 10)
    assert stress_sample(labels, films=0, seed=1).all()
    assert stress_sample(labels[:34], films=20, seed=1).sum() == 14
