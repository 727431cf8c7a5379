"""The time left of long work, by the exponential mean of its measured rate."""

import math

import pytest

from pneumo_core.progress import Rate, eta


def measured(*points):
    rate = Rate()
    for now, done in points:
        rate.add(now, done)
    return rate


@pytest.mark.parametrize(
    ("points", "left", "seconds"),
    [
        ([(0, 0), (10, 5)], 20, 40.0),
        ([(0, 0), (10, 5)], 0, 0.0),
        ([(0, 0), (10, 5)], -3, 0.0),
        ([(0, 30), (10, 35)], 20, 40.0),  # what was done before does not count
        ([(0, 0), (1.9, 5)], 20, None),  # too early to say
        ([(0, 0), (10, 0)], 20, None),  # nothing was done
        ([(0, 0)], 20, None),
        ([], 20, None),
    ],
)
def test_time_left_goes_by_the_measured_rate(points, left, seconds):
    found = eta(measured(*points), left)
    assert found == (None if seconds is None else pytest.approx(seconds))


def test_the_rate_follows_a_change_without_jumping():
    rate = measured((0, 0), (100, 100))  # one a second
    rate.add(110, 200)  # ten a second, for ten seconds
    fade = math.exp(-10 / 30)
    assert rate.value == pytest.approx((100 * fade + 100) / (100 * fade + 10))
    assert 1 < rate.value < 10


def test_a_pause_does_not_count():
    rate = measured((0, 0), (10, 10))
    rate.start(500, 10)
    rate.add(510, 20)
    assert rate.value == pytest.approx(1)
    assert rate.spent == 20
