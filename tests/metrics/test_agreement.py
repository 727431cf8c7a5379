"""Fleiss' kappa against his own example, and where it says nothing."""

import math

import numpy as np
import pytest

from pneumo_core.metrics.agreement import fleiss_kappa

# Wikipedia's worked example of Fleiss (1971): 14 raters, ten subjects, five classes.
WORKED = [
    *([0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1]),
    *([7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7]),
]


def test_the_worked_example():
    found = fleiss_kappa(WORKED)
    assert found.value == pytest.approx(0.2099, abs=5e-5)
    assert found.low < found.value < found.high


def test_full_agreement_is_one_and_chance_is_about_zero():
    assert fleiss_kappa([[3, 0], [0, 3], [3, 0]]) == pytest.approx((1, 1, 1))
    counts = np.random.default_rng(0).multinomial(3, [0.5, 0.5], size=4000)
    found = fleiss_kappa(counts)
    assert found.low < 0 < found.high


def test_images_of_one_reader_and_one_class_say_nothing():
    assert math.isnan(fleiss_kappa([[1, 0], [0, 1]]).value)
    assert math.isnan(fleiss_kappa([[2, 0], [3, 0]]).value)
    assert math.isnan(fleiss_kappa([[2, 0], [0, 2]]).value)  # no interval without either
    pairs = [[2, 0], [0, 2], [1, 1], [2, 0]]
    assert fleiss_kappa([[1, 0], *pairs]) == fleiss_kappa(pairs)
