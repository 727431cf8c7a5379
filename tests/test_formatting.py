import math

import pytest

from pneumo_core import formatting as f
from pneumo_core.metrics import Estimate

GIB = 2**30


@pytest.mark.parametrize(
    ("p", "shown"),
    [
        (0.0, "<1\xa0%"),
        (0.0099, "<1\xa0%"),
        (0.01, "1\xa0%"),
        (0.134, "13\xa0%"),
        (0.99, "99\xa0%"),
        (0.9901, ">99\xa0%"),
        (1.0, ">99\xa0%"),
    ],
)
def test_no_probability_is_shown_as_certain(p, shown):
    assert f.per_cent(p) == shown


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((0.79, 0.92), "79–92\xa0%"),
        ((0.871, 0.874), "87\xa0%"),
        ((0.004, 0.02), "<1 to 2\xa0%"),
        ((0.92, 0.999), "92 to >99\xa0%"),
        ((0.001, 0.002), "<1\xa0%"),
    ],
)
def test_a_range_is_never_hard_to_read(ends, shown):
    assert f.per_cent_range(*ends) == shown


@pytest.mark.parametrize(
    ("shares", "shown"),
    [
        ((0.2, 0.6), ["20\xa0%", "60\xa0%"]),
        ((0.134, 0.132), ["13.4\xa0%", "13.2\xa0%"]),
        ((0.5, 0.5), ["50\xa0%", "50\xa0%"]),
        ((0.9996, 0.9999), ["99.96\xa0%", "99.99\xa0%"]),
        ((0.0002, 0.0008), ["0.02\xa0%", "0.08\xa0%"]),
        ((0.00001, 0.00009), ["<0.01\xa0%", "<0.01\xa0%"]),
    ],
)
def test_probabilities_that_differ_look_different_and_none_becomes_certain(shares, shown):
    assert f.distinct_per_cents(*shares) == shown


@pytest.mark.parametrize(
    ("e", "options", "shown"),
    [
        ((0.9941, 0.9912, 0.9966), {}, "0.994 [0.991–0.997]"),
        ((0.9513, 0.9236, 0.9691), {"as_percent": True}, "95.1\xa0% [92.4–96.9]"),
        ((0.8, 0.67, 0.89), {"as_percent": True, "digits": 0}, "80\xa0% [67–89]"),
        ((-0.2, -0.5, 0.1), {"digits": 1}, "−0.2 [−0.5 to 0.1]"),
        ((1.2, -0.3, 2.7), {"digits": 1, "signed": True}, "+1.2 [−0.3 to +2.7]"),
        ((-0.01, 0.0, 0.04), {"digits": 1, "signed": True}, "0.0 [0.0 to 0.0]"),
        ((1.0, -math.inf, math.inf), {"digits": 1}, "1.0 [−∞ to ∞]"),
        ((0.5, math.nan, math.nan), {"as_percent": True}, "50.0\xa0%"),
        ((math.nan, 0.0, 1.0), {}, "–"),
    ],
)
def test_an_estimate_with_its_interval(e, options, shown):
    assert f.estimate(e, **options) == shown


def test_ratios_have_two_digits():
    assert f.ratio(Estimate(51.3, 21.2, 120.7)) == "51 [21–121]"
    assert f.ratio(Estimate(0.123, 0.05, math.inf)) == "0.12 [0.05–∞]"
    assert f.ratio(Estimate(math.nan, 0.0, math.inf)) == "–"


def test_one_is_one_and_many_are_many():
    assert [f.count(n, "films") for n in (0, 1, 1341)] == ["0 films", "1 film", "1,341 films"]
    assert [f.count(1, noun) for noun in ("classes", "copies")] == ["1 class", "1 copy"]
    assert [f.were(n) for n in (0, 1, 2)] == ["were", "was", "were"]
    assert [f.times(n) for n in (0, 1, 2, 1200)] == ["never", "once", "2 times", "1,200 times"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "1 s"),
        (89, "89 s"),
        (200, "3 min"),
        (3600, "1 h"),
        (3900, "1 h 5 min"),
        (11.2 * 3600, "11 h"),
        (50 * 3600, "2 days"),
    ],
)
def test_durations(seconds, shown):
    assert f.duration(seconds) == shown


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [
        (10, "10 bytes"),
        (650 * 2**20, "650 MB"),
        (3 * 2**20, "3 MB"),
        (1.3 * GIB, "1.3 GB"),
        (23.5 * GIB, "24 GB"),
        (3500 * 2**20, "3.4 GB"),
    ],
)
def test_file_sizes(n_bytes, shown):
    assert f.file_size(n_bytes) == shown


def test_a_sentence_begins_with_a_capital():
    assert f.capital("lower left zone, NOT more") == "Lower left zone, NOT more"
    assert f.capital("") == ""
