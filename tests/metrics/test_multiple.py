"""Holm's adjustment, by hand."""

import math

import pytest

from pneumo_core.metrics import holm


def test_holm_by_hand():
    # Smallest times three, next times two; the last may not be below the one before.
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_one_or_none_stay_as_they_are():
    assert holm([0.2]).tolist() == [0.2]
    assert holm([]).tolist() == []


def test_a_test_that_says_nothing_does_not_count():
    found = holm([0.02, math.nan, 0.03])
    assert found[[0, 2]] == pytest.approx([0.04, 0.04])
    assert math.isnan(found[1])


@pytest.mark.parametrize("p", [[1.2], [-0.1], [[0.1]]])
def test_what_is_no_p_value_is_refused(p):
    with pytest.raises(ValueError, match="p values"):
        holm(p)
