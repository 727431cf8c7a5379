import numpy as np
import pytest

from pneumo_core.perturbations.geometry import WHOLE, Frame, reframe


@pytest.fixture
def ramp():
    """Two films of 65 px, 0 to 192 from left to right."""
    row = np.arange(65, dtype="uint8") * 3
    return np.stack([np.broadcast_to(row, (65, 65))] * 2).copy()


def test_the_whole_film_is_the_film(ramp):
    np.testing.assert_array_equal(reframe(ramp, WHOLE), ramp)


def test_half_the_width_shows_the_middle_half_stretched(ramp):
    seen = reframe(ramp, Frame(0.5, 1.0))
    assert seen.shape == ramp.shape
    np.testing.assert_allclose(seen[0, 10, [0, 32, 64]], [48, 96, 144], atol=1)


def test_a_window_moved_to_the_right_shows_the_right(ramp):
    np.testing.assert_allclose(reframe(ramp, Frame(0.5, 1.0, right=0.25))[1, 5, -1], 192, atol=1)


def test_more_than_the_film_shows_a_black_margin(ramp):
    seen = reframe(ramp + 50, Frame(1.5, 1.5))
    assert seen[:, :9].max() == 0
    assert seen[0, 32, 32] == 96 + 50
