"""One rule for a small sample, and why its limit is where it is."""

import pytest

from pneumo_core.metrics import is_small_sample, small_sample_words, wilson
from pneumo_core.metrics.intervals import SMALL_SAMPLE, VALIDATION_SAMPLE


@pytest.mark.parametrize(("n", "small"), [(0, False), (1, True), (29, True), (30, False)])
def test_none_is_not_a_small_sample(n, small):
    assert is_small_sample(n) is small


def test_the_limit_is_where_a_rate_of_90_per_cent_is_known_to_eleven_points():
    low, high = wilson(0.9 * SMALL_SAMPLE, SMALL_SAMPLE)
    assert (high - low) / 2 == pytest.approx(0.111, abs=0.001)
    low, high = wilson(0.9 * VALIDATION_SAMPLE, VALIDATION_SAMPLE)
    assert (high - low) / 2 == pytest.approx(0.060, abs=0.001)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"films": 30, "patients": 0}, ""),
        ({}, ""),
        ({"normal films": 1}, "Small sample: 1 normal film. Rely on the"),
        ({"a films": 5, "b films": 400, "patients": 9}, "Small sample: 5 a films and 9 patients. "),
        ({"a films": 5, "b films": 4, "patients": 9}, "Small sample: 5 a films, 4 b films and 9 p"),
    ],
)  # fmt: skip
def test_only_what_is_small_is_named(counts, words):
    found = small_sample_words(counts)
    assert found.startswith(words) if words else found == ""
