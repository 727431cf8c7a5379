"""Augmented films keep their lungs on the right channel; other images have none."""

import numpy as np
import pytest

from pneumo_core.training.lungs.augment import MILD, Augmentation, augmented, exposed
from pneumo_core.training.lungs.other_images import _KINDS, other_image
from pneumo_core.training.lungs.train import split_lungs
from tests.training.lungs.masked_films import draw_pair

STILL = Augmentation(
    zoom=(1.0, 1.0), aspect=1.0, rotation_deg=0.0, quarter_turns=0.0, shift=0.0, opacity=0.0
)


def pair():
    film, mask = draw_pair(3, side=224)
    lungs, _ = split_lungs(mask > 0)
    return film, lungs


def test_without_geometry_the_mask_only_changes_its_size():
    film, lungs = pair()
    for seed in range(6):  # mirrored or not: the lung on the left stays channel 0
        seen, mask = augmented(film, lungs, np.random.default_rng(seed), STILL)
        assert seen.shape == (128, 128)
        assert mask.shape == (128, 128, 2)
        assert mask[..., 0].mean() == pytest.approx(lungs[..., 0].mean(), rel=0.3)
        columns = [np.argwhere(mask[..., side] > 128)[:, 1].mean() for side in (0, 1)]
        assert columns[0] < 60
        assert columns[1] > 68


def test_film_and_mask_move_together():
    film, lungs = pair()
    for seed in range(8):
        how = Augmentation(opacity=0.0, zoom=(0.9, 1.1), shift=0.05)
        seen, mask = augmented(film, lungs, np.random.default_rng(seed), how)
        inside = mask.max(-1) > 200
        around = ~inside & (mask.max(-1) == 0)
        around[:20] = around[-20:] = around[:, :20] = around[:, -20:] = False
        assert seen[inside].mean() < seen[around].mean()


def test_a_quarter_turn_keeps_the_channels():
    film, lungs = pair()
    how = Augmentation(zoom=(1, 1), aspect=1, rotation_deg=0, quarter_turns=1, shift=0, opacity=0)
    rows = []
    for seed in range(12):
        _, mask = augmented(film, lungs, np.random.default_rng(seed), how)
        right, left = (np.argwhere(mask[..., side] > 128).mean(0) for side in (0, 1))
        rows.append((left - right).round().astype(int))
    assert any(abs(down) > 30 for down, _ in rows)  # one lung above the other
    assert any(across < -30 for _, across in rows)  # upside down


def test_neither_film_nor_mask_is_changed_in_place():
    film, lungs = pair()
    before = film.copy(), lungs.copy()
    for seed in range(5):
        augmented(film, lungs, np.random.default_rng(seed), Augmentation(opacity=1.0))
        exposed(film, np.random.default_rng(seed))
        other_image(np.random.default_rng(seed), film)
    assert (film == before[0]).all()
    assert (lungs == before[1]).all()


@pytest.mark.parametrize("kind", [maker.__name__ for _, maker in _KINDS])
def test_every_kind_of_other_image_is_a_picture(kind):
    maker = next(one for _, one in _KINDS if one.__name__ == kind)
    film, _ = draw_pair(1, side=224)
    for seed in range(4):
        image = maker(np.random.default_rng(seed), film)
        assert image.shape == (128, 128)
        assert image.dtype == np.uint8
        assert image.std() > 2
        again = maker(np.random.default_rng(seed), film)
        assert (image == again).all()


def test_shares_of_the_kinds_add_up():
    assert sum(share for share, _ in _KINDS) == pytest.approx(1)
    assert MILD.zoom[0] > Augmentation().zoom[0]
