"""A healthy child's chest as attenuation: how much each ray is held back, 0 beside the body and
about 2.5 in the abdomen (dimensionless).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.films.phantom.canvas import Frame, Plane, as_plane, ellipse, mirrored, smooth

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Chest:
    """`attenuation`, and masks (0..1) of the child's `right` and `left` lung."""

    frame: Frame
    attenuation: Plane
    right: Plane
    left: Plane


@dataclass(frozen=True)
class _Build:
    """What differs from child to child and concerns several organs, in chest units."""

    dome: float  # height of the left diaphragm
    lift: float  # how much higher the right one stands
    heart: float  # how far the heart reaches to the left
    apex: float


def draw_chest(frame: Frame, rng: np.random.Generator) -> Chest:
    """A healthy chest. `rng` decides the child: equal generators give the same child on
    every frame.
    """
    build = _Build(
        dome=rng.uniform(0.46, 0.66),
        lift=rng.uniform(0.02, 0.12),
        heart=rng.uniform(0.42, 0.6),
        apex=rng.uniform(-1.06, -0.95),
    )
    right, left = (frame.fill(line, soft=0.016) for line in _lung_outlines(build, rng))
    lungs = np.maximum(right, left)
    body = _body(frame, rng)
    attenuation = body * (1.3 + 0.65 * _abdomen(frame, build))
    attenuation -= lungs * 0.82
    attenuation += _mediastinum(frame, build, rng)
    attenuation += _ribs(frame, rng) * (0.4 + 0.6 * lungs)
    attenuation += _spine(frame, rng) + _shoulders(frame, rng)
    attenuation += lungs * vessels(frame, rng, count=44, reach=0.62, width=0.022) * 0.2
    attenuation += body * (frame.cloud(0.2, rng) * 0.04 + frame.cloud(0.04, rng) * 0.012)
    attenuation -= body * _air(frame, rng)
    return Chest(frame, np.maximum(attenuation, 0), right, left)


def vessels(
    frame: Frame, rng: np.random.Generator, *, count: int, reach: float, width: float
) -> Plane:
    """Lines running outwards from both hila, thicker near the root; mask 0..1."""
    side = np.where(np.arange(count) % 2, 1.0, -1.0)[:, None]
    root = np.concatenate(
        [side * rng.uniform(0.22, 0.3, (count, 1)), rng.uniform(-0.2, 0.22, (count, 1))], axis=1
    )
    bends = np.cumsum(
        np.concatenate(
            [rng.uniform(-1.25, 1.35, (count, 1)), rng.normal(0, 0.22, (count, 5))], axis=1
        ),
        axis=1,
    )
    length = reach * rng.uniform(0.35, 1.0, (count, 1, 1)) / 6
    steps: NDArray[np.float64] = np.stack([side * np.cos(bends), np.sin(bends)], axis=-1) * length
    steps = np.cumsum(np.pad(steps, ((0, 0), (1, 0), (0, 0))), axis=1)
    lines = smooth(root[:, None] + steps, rounds=2)
    near = lines[:, : lines.shape[1] // 2]
    mask = frame.stroke(list(lines), 0.6 * width, 0.006) + frame.stroke(list(near), width, 0.008)
    return as_plane(0.5 * mask)


def _lung_outlines(build: _Build, rng: np.random.Generator) -> list[NDArray[np.float64]]:
    """The child's right lung, then the left, which is cut out for the heart."""
    apex, dome, heart = build.apex, build.dome, build.heart
    wall = [(0.5, apex + 0.06), (0.72, -0.7), (0.86, -0.28), (0.94, 0.2), (0.965, 0.65)]
    base = [(0.975, 0.98), (0.95, 1.02), (0.86, dome + 0.22), (0.66, dome + 0.05)]
    right = [(0.33, apex), *wall, *base, (0.44, dome), (0.25, dome + 0.06)]
    right += [(0.62 * heart, 0.4), (0.26, 0.1), (0.17, -0.2), (0.18, -0.6), (0.22, -0.88)]
    left = [(0.33, apex), *wall, *base, (heart + 0.14, dome + 0.02), (heart + 0.02, dome + 0.06)]
    left += [(heart, 0.35), (0.42, 0.04), (0.25, -0.26), (0.22, -0.55), (0.23, -0.88)]
    lungs = []
    for side, outline, lift in ((-1, right, build.lift), (1, left, 0.0)):
        jittered = np.asarray(outline) + rng.normal(0, 0.014, (len(outline), 2))
        jittered[7:-4, 1] -= lift
        lungs.append(smooth(jittered * (side, 1), closed=True))
    return lungs


def _body(frame: Frame, rng: np.random.Generator) -> Plane:
    """Trunk, neck and arms; 1 in the middle, thinner towards the skin."""
    flank, neck = rng.uniform(1.1, 1.25), rng.uniform(0.3, 0.4)
    half = [(neck, -3.0), (neck, -1.7), (neck + 0.1, -1.46), (0.8, -1.27), (1.2, -1.05)]
    half += [(1.28, -0.75), (flank, -0.35), (flank, 0.4), (flank + 0.03, 1.2), (flank, 3.0)]
    trunk = smooth([*half, *[(-x, y) for x, y in reversed(half)]], closed=True, rounds=2)
    hand = rng.choice([-2.3, -1.2, 0.9]) + rng.uniform(-0.3, 0.3)  # arms up, out or down
    arm = [(1.0, -0.95), (1.5, 0.3 * hand - 0.68), (2.2, hand)]
    drawn = np.maximum(frame.fill(trunk), 0.8 * frame.stroke(mirrored(arm), 0.44))
    thick = 0.55 * frame.soften(drawn, 0.07) + 0.45 * frame.soften(drawn, 0.3)
    return as_plane(drawn * np.clip(1.75 * thick - 0.72, 0.1, 1))


def _abdomen(frame: Frame, build: _Build) -> Plane:
    """1 below the diaphragm: the belly holds back more than the shoulders."""
    top = build.dome + 0.06
    outline = [(-3, top - build.lift), (0, top), (3, top), (3, 5), (-3, 5)]
    return frame.fill(outline, soft=0.09)


def _mediastinum(frame: Frame, build: _Build, rng: np.random.Generator) -> Plane:
    """Heart, great vessels and thymus in front of and beside the spine."""
    heart = ellipse(0.4 * build.heart, 0.33, 0.66 * build.heart, 0.4, -rng.uniform(0.2, 0.5))
    top = rng.uniform(0.16, 0.27)
    stem = [(-top, -0.8), (top, -0.8), (top + 0.05, -0.3), (0.22, 0.7), (-0.22, 0.7), (-top, -0.2)]
    shadow = 0.4 * frame.fill(heart, soft=0.03)
    return as_plane(shadow + 0.34 * frame.fill(smooth(stem, closed=True), soft=0.035))


def _ribs(frame: Frame, rng: np.random.Generator) -> Plane:
    """Ten pairs: a bright posterior arc out to the chest wall, a faint anterior one back."""
    number = np.arange(10)[:, None]
    t = np.linspace(0, 1, 20)[None]
    start = rng.uniform(-1.06, -0.97) + rng.uniform(0.2, 0.225) * number
    wall = 0.97 * np.sqrt(np.clip(1 - ((start - 0.9) / 2.2) ** 2, 0.05, 1))
    fall = rng.uniform(0.1, 0.34) * (0.6 + 0.06 * number)
    rear, front = [], []
    for side in (-1, 1):
        fall = fall * rng.uniform(0.94, 1.06, fall.shape)
        x = 0.1 + (wall - 0.1) * np.sin(t * np.pi / 2)
        y = start - 0.08 * np.sin(np.pi * t) + fall * t**2.2
        rear += list(np.stack([side * x, y], axis=-1))
        x, y = wall * (1 - 0.58 * t**1.3), start + fall + (0.32 + 0.015 * number) * t**0.8
        front += list(np.stack([side * x, y], axis=-1))
    plane = frame.zeros()
    for lines, width, weight in ((rear, 0.085, 0.36), (front, 0.075, 0.15)):
        bone, marrow = frame.stroke(lines, width), frame.stroke(lines, 0.4 * width)
        plane += weight * frame.soften(bone - 0.4 * marrow, 0.01)
    # seen edge on, where they turn at the chest wall, the ribs are brightest
    turns = [line[-4:] for line in rear] + [line[:4] for line in front]
    return as_plane(plane + 0.2 * frame.stroke(turns, 0.05, 0.02))


def _spine(frame: Frame, rng: np.random.Generator) -> Plane:
    """Vertebral bodies with their pedicles, discs between them."""
    height, half = rng.uniform(0.2, 0.225), rng.uniform(0.11, 0.14)
    tops = -2.6 + height * np.arange(26)
    box = smooth(
        [(-half, 0), (half, 0), (half, 0.84 * height), (-half, 0.84 * height)],
        closed=True,
        rounds=2,
    )
    blocks = frame.fill(*(np.add(box, (0, top)) for top in tops))
    pedicles = [
        ellipse(side * 0.6 * half, top + 0.36 * height, 0.028, 0.04)
        for top in tops
        for side in (-1, 1)
    ]
    column = frame.stroke([[(0.0, -3.0), (0.0, 3.0)]], 2.3 * half, 0.03)
    bone = 0.15 * frame.soften(blocks - 0.3 * frame.soften(blocks, 0.04), 0.012)
    return as_plane(bone + 0.1 * frame.fill(*pedicles, soft=0.012) + 0.16 * column)


def _shoulders(frame: Frame, rng: np.random.Generator) -> Plane:
    """Clavicles, shoulder blades and the heads of the upper arms."""
    lift = rng.uniform(-0.2, 0.08)
    clavicle = [(0.1, -0.86), (0.32, -0.97), (0.62, -0.98 + lift), (1.0, -1.04 + lift)]
    blade = [(1.12, -1.0), (0.95, -0.88), (0.88, -0.55), (0.97, -0.22), (1.16, -0.75)]
    clavicles = mirrored(smooth(clavicle))
    shaft = frame.stroke(clavicles, 0.085) - 0.4 * frame.stroke(clavicles, 0.035)
    heads = mirrored(ellipse(1.24, -0.98, 0.13, 0.14))
    bones = 0.42 * frame.soften(shaft, 0.012) + 0.3 * frame.fill(*heads, soft=0.03)
    return as_plane(bones + 0.14 * frame.stroke(mirrored(smooth(blade)), 0.045, 0.014))


def _air(frame: Frame, rng: np.random.Generator) -> Plane:
    """The windpipe and main bronchi, and often a gas bubble in the stomach."""
    trachea = smooth([(0.0, -3.0), (0.02, -1.1), (-0.02, -0.45)])
    bronchi = [[(-0.02, -0.45), (-0.2, -0.22)], [(-0.02, -0.45), (0.22, -0.2)]]
    air = 0.32 * frame.stroke([trachea], 0.11, 0.015) + 0.14 * frame.stroke(bronchi, 0.06, 0.015)
    gas, x, wide = rng.uniform(size=3)
    bubble = ellipse(0.5 + 0.14 * x, 0.95 + 0.2 * gas, 0.13 + 0.13 * wide, 0.11, 0.2)
    return as_plane(air + (0.45 * frame.fill(bubble, soft=0.03) if gas < 0.6 else 0.0))
