from dataclasses import replace

import numpy as np
import pytest

from pneumo_core.synthetic.appearance import synthetic_film
from pneumo_core.training.augment import Augmentation, FilmAugment

pytestmark = pytest.mark.keras

STILL = Augmentation(
    area=(1.0, 1.0),
    aspect=1.0,
    rotation_deg=0.0,
    shear=0.0,
    shift=0.0,
    flip=0.0,
    replicate=0.0,
    gamma=0.0,
    contrast=0.0,
    brightness=0.0,
    softness=(0.0, 0.0),
    noise=0.0,
    compression=0.0,
    occlusion=0.0,
    border=0.0,
)


@pytest.fixture(scope="module")
def films():
    kinds = ["normal", "bacterial", "viral", "normal"]
    made = [synthetic_film(kind, seed, size=64) for seed, kind in enumerate(kinds)]
    return np.stack(made)[..., None].astype("float32")


def perturbed(strength, films, seed=1):
    return np.asarray(FilmAugment(strength, seed=seed)(films, training=True))


def test_films_pass_untouched_outside_training(films):
    np.testing.assert_array_equal(np.asarray(FilmAugment(Augmentation(), seed=1)(films)), films)


def test_no_strength_is_no_perturbation(films):
    np.testing.assert_allclose(perturbed(STILL, films), films, atol=0.1)


def test_perturbed_films_keep_shape_and_range_and_differ_from_each_other(films):
    same = np.repeat(films[:1], 4, axis=0)
    out = perturbed(Augmentation(), same)
    assert out.shape == same.shape
    assert out.min() >= 0
    assert out.max() <= 255
    assert min(np.abs(out[0] - other).mean() for other in out[1:]) > 2


def test_the_seed_decides(films):
    np.testing.assert_array_equal(
        perturbed(Augmentation(), films, seed=4), perturbed(Augmentation(), films, seed=4)
    )


def changed(**strengths):
    return replace(STILL, **strengths)


def test_a_flip_mirrors_left_and_right(films):
    np.testing.assert_allclose(perturbed(changed(flip=1.0), films), films[:, :, ::-1], atol=0.5)


def test_four_times_the_area_shows_the_film_at_half_size_with_margins(films):
    out = perturbed(changed(area=(4.0, 4.0)), films)
    half = films.reshape(4, 32, 2, 32, 2, 1).mean(axis=(2, 4))
    assert np.abs(out[:, 16:48, 16:48] - half).mean() < 4
    margins = np.concatenate([out[:, :15].reshape(4, -1), out[:, 49:].reshape(4, -1)], axis=1)
    assert margins.std(axis=1).max() < 1


def test_softening_removes_detail_and_sharpening_adds_it(films):
    def detail(x):
        return np.abs(np.diff(x, axis=2)).mean(axis=(1, 2, 3))

    soft = perturbed(changed(softness=(1.0, 1.0)), films, seed=3)
    sharp = perturbed(changed(softness=(-0.8, -0.8)), films, seed=3)
    assert np.all(detail(soft) <= detail(films) + 0.1)
    assert detail(soft).sum() < detail(films).sum() < detail(sharp).sum()


def test_brightness_stays_within_its_range(films):
    out = perturbed(changed(brightness=0.1), films)
    inside = (films > 30) & (films < 225)
    assert np.abs((out - films)[inside]).max() <= 0.1 * 255 + 0.5


def test_a_plan_crops_height_or_width_and_paints_the_lungs_over(films):
    plan = np.array([[1, 1, 0], [0.5, 1, 0], [1, 0.5, 0], [1, 1, 1]], "float32")
    ramp = np.arange(64, dtype="float32") * 3
    film = (ramp[:, None] + ramp[None] / 16)[None, ..., None]
    out = np.asarray(FilmAugment(STILL, seed=2)([np.repeat(film, 4, axis=0), plan], training=True))
    np.testing.assert_allclose(out[0], film[0], atol=0.1)
    down, across = np.ptp(out[..., 0], axis=1).mean(1), np.ptp(out[..., 0], axis=2).mean(1)
    assert down[2] == pytest.approx(down[0] / 2, rel=0.05)
    assert across[1] == pytest.approx(across[0] / 2, rel=0.1)
    # Both lung fields are one shade: the middles of the left and of the right half.
    assert np.ptp(out[3, 28:36, [18, 46], 0]) < 0.1
    np.testing.assert_allclose(out[3, [0, -1]], film[0, [0, -1]], atol=0.1)


def test_margins_repeat_the_edge_where_that_is_chosen(films):
    out = perturbed(changed(area=(4.0, 4.0), replicate=1.0), films)
    np.testing.assert_allclose(out[:, 8, 24:40], out[:, 2, 24:40], atol=1)


def test_edges_are_covered_askew(films):
    bright = np.full((16, 64, 64, 1), 200, "float32")
    out = perturbed(changed(border=1.0, inverted=0.0, tilt_deg=12.0), bright)
    covered = out[..., 0] != out[:, 32:33, 32:33, 0]
    assert not covered[:, 24:40, 24:40].any()
    assert covered.any(axis=(1, 2)).sum() >= 10
    # Askew: the covered part of a row changes from row to row.
    assert max(len(set(film.sum(1))) for film in covered[:, 16:48]) > 3
