"""A phantom of a child's chest, drawn from a seed by geometry alone; no real film lent it anything.

Good for trying, testing and timing; never for saying how well a model reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
"""(size, size) float32: attenuation, or a mask in 0..1."""
Line = Sequence[tuple[float, float]] | NDArray[np.floating]
"""Chest coordinates, one x, y a row."""

_SUBPIXEL = 4  # binary digits of a pixel that OpenCV's drawing keeps


@dataclass(frozen=True)
class Frame:
    """Where the chest lies on a film of size × size pixels; `matrix` (2, 3) maps chest
    coordinates to pixels.
    """

    size: int
    matrix: NDArray[np.float64]

    def length(self, units: float) -> float:
        """Chest units in pixels."""
        return units * float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def zeros(self) -> Plane:
        """An empty plane."""
        return np.zeros((self.size, self.size), np.float32)

    def fill(self, *outlines: Line, soft: float = 0.0) -> Plane:
        """Mask of closed outlines that do not overlap, their edges `soft` chest units wide."""
        drawn = np.zeros((self.size, self.size), np.uint8)
        cv2.fillPoly(drawn, self._pixels(outlines), 255, cv2.LINE_AA, _SUBPIXEL)
        return self.soften(as_plane(drawn / np.float32(255)), soft)

    def stroke(self, lines: Sequence[Line], width: float, soft: float = 0.0) -> Plane:
        """Mask of open lines, `width` chest units across."""
        drawn = np.zeros((self.size, self.size), np.uint8)
        across = max(1, round(self.length(width)))
        cv2.polylines(drawn, self._pixels(lines), False, 255, across, cv2.LINE_AA, _SUBPIXEL)
        return self.soften(as_plane(drawn / np.float32(255)), soft)

    def soften(self, plane: Plane, units: float) -> Plane:
        """Gaussian blur, on a coarser grid where it is wide: the same picture, much sooner."""
        sigma = self.length(units)
        if sigma < 0.3:
            return plane
        side = max(8, self.size // max(1, int(sigma / 1.5)))
        if side == self.size:
            return as_plane(cv2.GaussianBlur(plane, (0, 0), sigma))
        small = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma * side / self.size)
        return as_plane(cv2.resize(small, (self.size, self.size), interpolation=cv2.INTER_LINEAR))

    def cloud(self, units: float, rng: np.random.Generator) -> Plane:
        """Smooth random field, mean 0 and variance about 1, of grain `units`."""
        cells = max(4, round(1 / units)), max(4, round(1.1 / units))
        field = 1.3 * rng.standard_normal(cells).astype(np.float32)
        return as_plane(cv2.resize(field, (self.size, self.size), interpolation=cv2.INTER_CUBIC))

    def _pixels(self, lines: Sequence[Line]) -> list[NDArray[np.int32]]:
        """Fixed-point pixel coordinates; all lines at once, for they are many and short."""
        ends = np.cumsum([len(line) for line in lines])[:-1]
        at = np.concatenate([np.asarray(line) for line in lines])
        at = at @ self.matrix[:, :2].T + self.matrix[:, 2]
        return np.split(np.round(at * 2**_SUBPIXEL).astype(np.int32), ends)


def as_plane(values: NDArray[Any]) -> Plane:
    """The values as a plane, copied only where they are not float32 already."""
    return np.asarray(values, np.float32)


def smooth(lines: Line, *, closed: bool = False, rounds: int = 3) -> NDArray[np.float64]:
    """Corner cutting (Chaikin 1974): a smooth curve near the points of a line (k, 2), or of many
    of equal length (n, k, 2).
    """
    line = np.asarray(lines, np.float64)
    for _ in range(rounds):
        before = line if closed else line[..., :-1, :]
        after = np.roll(line, -1, axis=-2) if closed else line[..., 1:, :]
        cut = np.stack([0.75 * before + 0.25 * after, 0.25 * before + 0.75 * after], axis=-2)
        cut = cut.reshape(*line.shape[:-2], -1, 2)
        ends = [line[..., :1, :], cut, line[..., -1:, :]]
        line = cut if closed else np.concatenate(ends, axis=-2)
    return line


def ellipse(x: float, y: float, wide: float, high: float, turn: float = 0.0) -> NDArray[np.float64]:
    """Outline (40, 2) around x, y with the half-axes `wide` and `high`, turned by radians."""
    around = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    across, down = wide * np.cos(around), high * np.sin(around)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + across * cos - down * sin, y + across * sin + down * cos], axis=-1)


def mirrored(line: Line) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The line drawn on the right of the image, and its mirror image on the left."""
    right = np.asarray(line, np.float64)
    return right, right * (-1, 1)


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


def place(size: int, rng: np.random.Generator) -> Frame:
    """The chest on a film of size × size: a little turned, shifted, cropped tighter or wider."""
    turn, shear = rng.normal(0, 0.035), rng.normal(0, 0.02)
    wide, high = rng.uniform(0.34, 0.46), rng.uniform(0.31, 0.42)
    middle = np.array([0.5 + rng.normal(0, 0.02), 0.53 + rng.normal(0, 0.03)])
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    linear = rotation @ np.array([[wide, shear * wide], [0, high]])
    return Frame(size, size * np.column_stack([linear, middle]))


def expose(frame: Frame, attenuation: Plane, rng: np.random.Generator) -> Plane:
    """Attenuation to grey 0..255: dose, scatter, film curve. The dose differs so much from film
    to film that brightness alone tells little about the lungs.
    """
    gain, gamma = rng.uniform(0.6, 0.9), rng.uniform(0.9, 1.35)
    black, white = rng.uniform(0, 25), rng.uniform(190, 240)
    scattered = attenuation + rng.uniform(0, 0.15) * frame.soften(attenuation, 0.5)
    grey = (1 - np.exp(-gain * scattered)) / (1 - np.exp(-gain * 2.6))
    return np.asarray(black + (white - black) * np.clip(grey, 0, 1.2) ** gamma, np.float32)


def grain(grey: Plane, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Quantum noise; on a large film a detector's grain is a little wider than one pixel."""
    noise = rng.standard_normal(grey.shape, dtype=np.float32)
    if grey.shape[0] > 400:
        noise = 1.8 * cv2.GaussianBlur(noise, (0, 0), 0.7)
    return np.clip(grey + rng.uniform(0.5, 3) * noise, 0, 255).astype(np.uint8)


def mark(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Three films in four carry an R beside the child's right shoulder."""
    size = film.shape[0]
    shown, x, y, scale = rng.uniform(size=4)
    if shown < 0.75:
        at = (round((0.02 + 0.08 * x) * size), round((0.1 + 0.35 * y) * size))
        height = (0.9 + 0.7 * scale) * size / 512
        thick = max(1, round(2.5 * size / 512))
        cv2.putText(film, "R", at, cv2.FONT_HERSHEY_SIMPLEX, height, 235, thick, cv2.LINE_AA)
    return film


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


SUBTYPES = ("normal", "bacterial", "viral")
_FINEST = 512  # pixels a side; larger films are drawn at this size and enlarged


def synthetic_film(subtype: str, seed: int, *, size: int = 512) -> NDArray[np.uint8]:
    """A frontal child's chest: uint8 (size, size), 0 black, 255 white, always the same for the
    same arguments.

    `subtype` "normal" is clear, "bacterial" has one dense consolidation, "viral" diffuse
    perihilar streaks. One seed is one child and one exposure, whatever the subtype.
    Raises ValueError for another subtype, a negative seed or a size below 32.
    """
    if subtype not in SUBTYPES:
        raise ValueError(f"Expected one of {', '.join(SUBTYPES)}. Received: subtype={subtype!r}")
    if seed < 0:
        raise ValueError(f"Expected a seed of 0 or more. Received: seed={seed}")
    if size < 32:
        raise ValueError(f"Expected a size of at least 32 pixels. Received: size={size}")
    return _film(subtype, child=(seed, 1), exposure=(seed, 2), size=size)


def _film(
    subtype: str, *, child: tuple[int, ...], exposure: tuple[int, ...], size: int
) -> NDArray[np.uint8]:
    """One film of one child: `child` seeds the body and its illness, `exposure` the framing, the
    dose, the noise and the marker.
    """
    body, light = np.random.default_rng(child), np.random.default_rng(exposure)
    frame = place(min(size, _FINEST), light)
    grey = expose(frame, _illness(subtype, draw_chest(frame, body), body), light)
    if size > frame.size:
        grey = as_plane(cv2.resize(grey, (size, size), interpolation=cv2.INTER_CUBIC))
    return mark(grain(grey, light), light)


def _illness(subtype: str, chest: Chest, rng: np.random.Generator) -> Plane:
    if subtype == "bacterial":
        return consolidate(chest, rng)
    if subtype == "viral":
        return streak(chest, rng)
    return chest.attenuation
