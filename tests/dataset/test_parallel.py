"""Work over threads: in order, in bounded portions, errors where they belong."""

import time

import pytest

from pneumo_core.dataset import pixel_cache
from pneumo_core.dataset.pixel_cache import in_order


@pytest.mark.parametrize("workers", [None, 1, 4])
@pytest.mark.parametrize("n", [0, 1, 255, 256, 257, 600])
def test_results_keep_their_order(n, workers):
    assert list(in_order(lambda x: 2 * x, range(n), workers=workers)) == list(range(0, 2 * n, 2))


def test_no_more_than_a_portion_is_started_ahead(monkeypatch):
    monkeypatch.setattr(pixel_cache, "CHUNK", 3)
    started = []
    results = in_order(started.append, range(100), workers=2)
    next(results)
    time.sleep(0.05)
    assert len(started) <= 3
    results.close()
    assert len(started) <= 3


def test_an_error_is_raised_in_its_place():
    results = in_order(lambda x: 1 / x, [1, 2, 0, 4])
    assert [next(results), next(results)] == [1, 0.5]
    with pytest.raises(ZeroDivisionError):
        next(results)
