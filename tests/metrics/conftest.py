"""Films that several tests of the metrics share."""

import numpy as np
import pytest


@pytest.fixture
def patients():
    """y (300,), p (300,) with many ties, groups (300,): three films a patient, one class each."""
    rng = np.random.default_rng(3)
    y = np.repeat(rng.integers(0, 2, 100), 3)
    p = np.round(np.clip(rng.normal(0.4 + 0.2 * y, 0.2), 0, 1), 1)
    return y, p, np.repeat(np.arange(100), 3)


@pytest.fixture
def films():
    """y (400,) and p (400,) without ties, p calibrated by construction."""
    rng = np.random.default_rng(11)
    p = 1 / (1 + np.exp(-rng.normal(0.8, 2.0, 400)))
    return (rng.random(400) < p).astype(int), p
