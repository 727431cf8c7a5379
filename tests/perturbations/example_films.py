"""Films to perturb."""

import numpy as np


def flat(grey, side=100):
    return np.full((1, side, side), grey, np.uint8)


def grainy_films():
    """Three films of 64 pixels: a bright body with dark lungs, some grain, on a dark ground."""
    rng = np.random.default_rng(3)
    row, column = np.mgrid[0:64, 0:64] / 63
    body = np.where(np.abs(column - 0.5) < 0.4, 170, 20)
    lungs = ((column - 0.3) / 0.14) ** 2 + ((row - 0.45) / 0.3) ** 2 < 1
    lungs |= ((column - 0.7) / 0.14) ** 2 + ((row - 0.45) / 0.3) ** 2 < 1
    grain = rng.normal(0, 12, (3, 64, 64))
    return np.clip(np.where(lungs, 70, body) + grain, 0, 255).astype(np.uint8)
