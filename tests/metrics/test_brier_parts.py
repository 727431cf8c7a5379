"""The parts of the Brier score, by hand."""

import math

import numpy as np
import pytest

from pneumo_core.metrics import brier, brier_parts


def test_murphys_parts_by_hand():
    # Forecasts 0.2 (four films, one hit) and 0.8 (four films, three hits), share 4/8.
    y, p = [1, 0, 0, 0, 1, 1, 1, 0], [0.2] * 4 + [0.8] * 4
    found = brier_parts(y, p, bins=10)
    assert found.reliability == pytest.approx((0.05**2 + 0.05**2) / 2)
    assert found.resolution == pytest.approx(0.25**2)
    assert found.uncertainty == 0.25
    assert found.within == pytest.approx(0, abs=1e-15)
    assert found.brier == pytest.approx(0.0025 - 0.0625 + 0.25)


@pytest.mark.parametrize("bins", [1, 5, 15, 400])
def test_the_parts_add_up_to_the_score(films, bins):
    y, p = films
    found = brier_parts(y, p, bins=bins)
    assert found.brier == pytest.approx(brier(y, p))
    total = found.reliability - found.resolution + found.uncertainty + found.within
    assert total == pytest.approx(found.brier)


def test_what_the_bins_hide_are_stephensons_two_terms(films):
    y, p = films
    found = brier_parts(y, p, bins=4)
    place = np.minimum((p * 4).astype(int), 3)
    variance = covariance = 0.0
    for k in range(4):
        inside = place == k
        gap = p[inside] - p[inside].mean()
        variance += (gap**2).sum() / len(p)
        covariance += 2 * (gap * (y[inside] - y[inside].mean())).sum() / len(p)
    assert found.within == pytest.approx(variance - covariance)


def test_constant_forecasts_resolve_nothing():
    found = brier_parts([0, 1, 1, 1], [0.75] * 4)
    assert (found.reliability, found.resolution) == (0.0, 0.0)
    assert found.brier == found.uncertainty == 0.1875


def test_one_class_has_no_uncertainty():
    found = brier_parts([1, 1], [0.9, 0.9])
    assert (found.uncertainty, found.resolution) == (0.0, 0.0)
    assert found.reliability == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("y", "p", "bins", "message"),
    [
        ([], [], 15, "N >= 1"),
        ([0, 1], [0.1, math.nan], 15, "finite numbers"),
        ([0, 1], [0.1, 1.1], 15, "probabilities within 0 and 1"),
        ([0, 1], [0.1, 0.9], 0, "at least 1 bin, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(y, p, bins, message):
    with pytest.raises(ValueError, match=message):
        brier_parts(y, p, bins=bins)


def test_a_bin_of_one_film_counts():
    found = brier_parts([1, 0, 0], [0.9, 0.1, 0.1], bins=2)
    assert found.reliability == pytest.approx(0.01)
    assert found.resolution == pytest.approx(2 / 9)


def test_fifteen_bins_unless_others_are_asked_for(films):
    y, p = films
    assert brier_parts(y, p) == brier_parts(y, p, bins=15)
    assert brier_parts(y, p) != brier_parts(y, p, bins=16)
