"""The window that lungs set on a film, what it holds, and maps drawn back."""

import numpy as np
import pytest

from pneumo_core.imaging.lung_frame import (
    WHOLE,
    LungFrame,
    Window,
    lung_mask,
    on_film,
    sample,
    window_of,
)
from tests.lungs import NONE_FOUND, made_lungs


def test_the_window_goes_from_the_whole_film_to_the_lungs() -> None:
    lungs = made_lungs(400, 200)  # both lungs: 6/8 of the width, 4/8 of the height, in the middle
    tight = window_of(lungs, LungFrame(towards=1, across=0.0, down=0.1), (400, 200))
    assert tight == Window(0.5, 0.5, pytest.approx(0.75), pytest.approx(0.6))
    half = window_of(lungs, LungFrame(towards=0.5, across=0.0, down=0.1), (400, 200))
    assert half == Window(0.5, 0.5, pytest.approx(0.875), pytest.approx(0.8))
    assert window_of(lungs, LungFrame(towards=0), (400, 200)) == WHOLE


@pytest.mark.parametrize("changes", [NONE_FOUND, {"quarters": 1}, {"negative": True}])
def test_without_an_upright_pair_of_lungs_it_is_the_whole_film(changes: dict) -> None:
    assert window_of(made_lungs(100, 100, **changes), LungFrame(), (100, 100)) == WHOLE


def test_the_whole_film_without_blur_is_itself() -> None:
    film = np.random.default_rng(1).integers(0, 256, (224, 224), np.uint8)
    np.testing.assert_array_equal(sample(film, WHOLE, size=224, softness=0), film)


def test_a_window_shows_what_it_holds_and_repeats_the_edge() -> None:
    film = np.zeros((200, 200), np.uint8)
    film[:, 100:] = 200  # dark left half, bright right half
    right = sample(film, Window(0.75, 0.5, 0.5, 1.0), size=100, softness=0)
    assert right[:, 3:].min() == 200
    beyond = sample(film, Window(1.0, 0.5, 0.5, 0.5), size=100, softness=0)
    assert beyond.min() == 200


def test_a_map_is_drawn_back_to_its_place_on_the_film() -> None:
    cam = np.zeros((4, 4), np.float32)
    cam[:, 2:] = 1  # the right half of the window
    drawn = on_film(cam, Window(0.5, 0.5, 0.5, 0.5))
    assert drawn.shape == (64, 64)
    assert drawn[32, 44] == pytest.approx(1.0)
    assert drawn[32, 20] == pytest.approx(0.0)
    outside = drawn.copy()
    outside[16:48, 16:48] = 0
    assert not outside.any()  # what the network did not see has no evidence
    assert on_film(cam, WHOLE) is cam


def test_masks_follow_the_size_of_the_film() -> None:
    mask = lung_mask(made_lungs(128, 256), (128, 256))
    assert mask.shape == (128, 256)
    assert mask[64, 64]
    assert not mask[64, 128]
    assert mask.mean() == pytest.approx(0.25, abs=0.02)
