"""Probabilities and counts as a person reads them."""

import pytest

from pneumo_core.formatting import amount, per_cent, per_cent_range, told_apart, were


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.134, "13 %"),
        (0.99, "99 %"),
        (0.9901, ">99 %"),
        (1.0, ">99 %"),
    ],
)
def test_no_probability_is_shown_as_certain(p, shown):
    assert per_cent(p) == shown


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((0.79, 0.92), "79–92 %"),
        ((0.871, 0.874), "87 %"),
        ((0.004, 0.02), "<1 to 2 %"),
        ((0.92, 0.999), "92 to >99 %"),
        ((0.001, 0.002), "<1 %"),
    ],
)
def test_a_range_is_never_hard_to_read(ends, shown):
    assert per_cent_range(*ends) == shown


@pytest.mark.parametrize(
    ("shares", "shown"),
    [
        ((0.2, 0.6), ["20 %", "60 %"]),
        ((0.134, 0.132), ["13.4 %", "13.2 %"]),
        ((0.5, 0.5), ["50 %", "50 %"]),
        ((0.9996, 0.9999), ["99.96 %", "99.99 %"]),
        ((0.0002, 0.0008), ["0.02 %", "0.08 %"]),
        ((0.00001, 0.00009), ["<0.01 %", "<0.01 %"]),
    ],
)
def test_shares_that_differ_are_told_apart_and_none_becomes_certain(shares, shown):
    assert told_apart(*shares) == shown


def test_one_is_one_and_many_are_many():
    assert [amount(n, "films") for n in (0, 1, 2, 1341)] == [
        "0 films",
        "1 film",
        "2 films",
        "1,341 films",
    ]
    assert [amount(1, unit) for unit in ("classes", "copies")] == ["1 class", "1 copy"]
    assert [were(n) for n in (0, 1, 2)] == ["were", "was", "were"]
