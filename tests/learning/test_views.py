"""Held-out films in the views of calibration and of the robustness suite."""

import numpy as np

from pneumo_core.perturbations import DISTURBANCES, disturb
from pneumo_core.training.held_out import (
    CLEAN,
    POINT_VIEWS,
    SUITE_VIEWS,
    VIEWS,
    stress_sample,
    view_logits,
)


def mean_logits(films):
    mean = films.mean(axis=(1, 2)).astype("float32")
    return np.stack([-mean, mean], axis=1)


def read(rows, views, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    told = []
    logits = view_logits(
        mean_logits,
        pixels,
        rows,
        views,
        classes=2,
        progress=lambda done, total: told.append((done, total)),
        **options,
    )
    return pixels, logits, told


def test_every_disturbance_is_a_view_and_the_clean_films_come_first():
    assert set(VIEWS) == {"as it is", *DISTURBANCES}
    assert (*POINT_VIEWS, *SUITE_VIEWS) == VIEWS
    assert len(VIEWS) == len(set(VIEWS))


def test_all_films_are_read_in_every_view_that_is_named():
    rows = np.array([1, 4, 5])
    pixels, logits, told = read(rows, POINT_VIEWS)
    assert logits.shape == (len(POINT_VIEWS), 3, 2)
    np.testing.assert_allclose(logits[0], mean_logits(pixels[rows]))
    assert np.isfinite(logits).all()
    assert told[-1] == (len(POINT_VIEWS), len(POINT_VIEWS))
    assert read(rows[:0], POINT_VIEWS)[1].shape == (len(POINT_VIEWS), 0, 2)


def test_a_stop_leaves_the_views_that_were_read_whole_and_always_the_first():
    rows, answers = np.array([1, 4]), iter([False, True])
    pixels, logits, told = read(rows, POINT_VIEWS, stopped=lambda: next(answers))
    assert (len(logits), told) == (2, [(1, 8), (2, 8)])
    _, logits, _ = read(rows, POINT_VIEWS, stopped=lambda: True)
    np.testing.assert_array_equal(logits, mean_logits(pixels[rows])[None])
    assert len(read(rows, SUITE_VIEWS, stopped=lambda: True)[1]) == 0


def test_a_film_is_disturbed_alike_whichever_films_are_beside_it():
    pixels, both, _ = read(np.array([2, 5]), ("noise 6 %",))
    _, alone, _ = read(np.array([5]), ("noise 6 %",))
    np.testing.assert_array_equal(both[0, 1], alone[0, 0])
    np.testing.assert_array_equal(alone[0], mean_logits(disturb(pixels[5:], "noise 6 %", first=5)))
    assert VIEWS[0] == CLEAN


def test_a_stress_sample_is_half_normal():
    labels = np.array([0] * 30 + [1] * 60 + [2] * 10)
    chosen = stress_sample(labels, films=20, seed=1)
    assert (chosen[:30].sum(), chosen[30:].sum()) == (10, 10)
    assert stress_sample(labels, films=0, seed=1).all()
    assert stress_sample(labels[:34], films=20, seed=1).sum() == 14
