"""What pneumonia adds to a drawn chest, as the textbooks describe its two kinds in children."""

from __future__ import annotations

import numpy as np

from pneumo_core.films.phantom.canvas import Plane, as_plane, ellipse, smooth
from pneumo_core.films.phantom.chest import Chest, vessels


def consolidate(chest: Chest, rng: np.random.Generator) -> Plane:
    """Attenuation with one dense, soft-edged consolidation: a lobe, or most of one."""
    frame = chest.frame
    lobes = (  # lung, centre x, y, half-axes: upper, middle and lower right; upper and lower left
        (chest.right, -0.52, -0.5, 0.42, 0.36),
        (chest.right, -0.42, 0.32, 0.4, 0.28),
        (chest.right, -0.6, 0.48, 0.44, 0.38),
        (chest.left, 0.5, -0.42, 0.42, 0.42),
        (chest.left, 0.66, 0.44, 0.42, 0.42),
    )
    lung, x, y, wide, high = lobes[rng.integers(len(lobes))]
    centre = np.array([x + rng.uniform(-0.07, 0.07), y + rng.uniform(-0.08, 0.08)])
    outline = ellipse(0, 0, wide, high) * rng.uniform(0.95, 1.35)
    ragged = centre + outline * (1 + 0.1 * rng.standard_normal((len(outline), 1)))
    core = frame.fill(smooth(ragged, closed=True), soft=0.08)
    uneven = 1 + 0.16 * frame.cloud(0.1, rng) + 0.1 * frame.cloud(0.035, rng)
    # ground glass where the infection spreads; open bronchi stay dark in the filled lung
    haze = frame.soften(core, 0.2)
    bronchi = vessels(frame, rng, count=10, reach=0.7, width=0.018)
    dense = core * (rng.uniform(0.65, 1.0) * uneven - 0.2 * bronchi) + 0.15 * haze
    return as_plane(np.maximum(chest.attenuation + lung * dense, 0))


def streak(chest: Chest, rng: np.random.Generator) -> Plane:
    """Attenuation with diffuse interstitial change on both sides: perihilar streaks, cuffed
    bronchi, a fine net and a thin haze.
    """
    frame = chest.frame
    hila = [[(-0.28, -0.25), (-0.32, 0.35)], [(0.28, -0.25), (0.4, 0.35)]]
    near = 0.45 + np.clip(frame.stroke(hila, 0.6, 0.18), 0, 1)
    streaks = vessels(frame, rng, count=110, reach=0.85, width=0.03)
    # the zero lines of a random field form a net
    net = np.clip(1.1 - np.abs(frame.cloud(0.025, rng)) - np.abs(frame.cloud(0.045, rng)), 0, 1)
    change = near * (0.34 * streaks + 0.24 * net + 0.2)
    x, y = rng.choice([-1, 1], 14) * rng.uniform(0.28, 0.55, 14), rng.uniform(-0.3, 0.4, 14)
    radius = rng.uniform(0.022, 0.036, 14)
    rings = [ellipse(*at) for at in zip(x, y, radius, radius, strict=True)]
    change += 0.14 * frame.stroke(rings, 0.02, 0.006)
    lungs = np.maximum(chest.right, chest.left)
    strength = rng.uniform(0.75, 1.2)
    return as_plane(np.maximum(chest.attenuation + strength * lungs * change, 0))
