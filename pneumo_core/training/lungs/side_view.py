"""Lateral chest views, imitated: both halves of a film in one field, or drawn from parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.imaging.lungs import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey

    Field = NDArray[np.floating]


def side_view(rng: np.random.Generator, film: Grey) -> Field:
    """A field (128, 128) of grey values like a lateral view; `film` (S, S) serves for half of them.

    The heart lies low in front and leaves a dark area before and one behind it, the spine runs down
    the back, and a dome closes the field below.
    """
    return _drawn(rng) if rng.random() < 0.5 else _superimposed(rng, film)


def _superimposed(rng: np.random.Generator, film: Grey) -> Field:
    """Both halves of a film laid over each other, with heart, spine, diaphragm and soft tissue."""
    grey = film.astype(np.float32)
    cut = int(len(grey) * rng.uniform(0.44, 0.56))
    halves = [cv2.resize(half, (SIDE, SIDE)) for half in (grey[:, :cut], grey[:, :cut:-1])]
    if rng.random() < 0.6:  # ribs that cross, or hardly any ribs
        halves = [cv2.GaussianBlur(half, (0, 0), float(rng.uniform(0.5, 5))) for half in halves]
    amount = rng.uniform(0.3, 0.7)
    field: Field = np.asarray(amount * halves[0] + (1 - amount) * halves[1])
    low, high = np.quantile(field, [0.05, 0.95])
    if rng.random() < 0.85:
        field = _with_heart_and_spine(field, float(high), rng)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    if rng.random() < 0.7:  # the dome of the diaphragm, higher in front
        dome = rng.uniform(0.7, 0.95) - rng.uniform(0, 0.15) * np.sin(x * np.pi)
        below = _inside(dome + rng.uniform(-0.1, 0.25) * (x - 0.5) - y, 40)
        field = field + rng.uniform(0.6, 1.0) * below * (high - field)
    if rng.random() < 0.7:  # soft tissue in front and behind, arched
        bow = rng.uniform(-0.15, 0.15) * np.cos((y - 0.5) * np.pi)
        outside = _inside(rng.uniform(0.3, 0.48) - np.abs(x - 0.5 + bow), 40)
        field = field + outside * (low + (high - low) * rng.uniform(-0.3, 0.9) - field)
    return _placed(field, rng)


def _with_heart_and_spine(field: Field, high: float, rng: np.random.Generator) -> Field:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    tilt = rng.uniform(-0.9, 0.9)
    at = (rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.72))
    heart = _inside(_oval(x, y, at, (rng.uniform(0.15, 0.4), rng.uniform(0.1, 0.2)), tilt), 6)
    column = x - rng.uniform(0.72, 0.95) - rng.uniform(-0.2, 0.2) * (y - 0.5)
    spine = np.exp(-((column / 0.07) ** 2))
    for bright, where in ((rng.uniform(0.2, 0.9), heart), (rng.uniform(0, 0.7), spine)):
        field = field + bright * where * (high - field)
    return field


def _placed(field: Field, rng: np.random.Generator) -> Field:
    """The field somewhere on a dark canvas, mirrored, tilted, with noise."""
    width, height = int(SIDE * rng.uniform(0.55, 1.0)), int(SIDE * rng.uniform(0.8, 1.0))
    canvas = np.full((SIDE, SIDE), np.float32(rng.uniform(0, 40)))
    x, y = rng.integers(SIDE - width + 1), rng.integers(SIDE - height + 1)
    canvas[y : y + height, x : x + width] = cv2.resize(field.astype(np.float32), (width, height))
    if rng.random() < 0.5:
        canvas = np.ascontiguousarray(canvas[:, ::-1])
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), float(rng.uniform(-20, 20)), 1.0)
        turned = cv2.warpAffine(canvas, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
        canvas = np.asarray(turned, np.float32)
    return np.asarray(canvas + 4 * rng.standard_normal(canvas.shape))


def _drawn(rng: np.random.Generator) -> Field:
    """A lateral view from its parts: body, field, dome, heart, hilum, spine, ribs, arms."""
    u = rng.uniform
    y, x = np.mgrid[:SIDE, :SIDE].astype(np.float32) / SIDE
    if rng.random() < 0.4:
        y = y + np.float32(u(-0.15, 0.15)) * (x - 0.5)
    wide = u(0.34, 0.55)  # half the body
    bow = u(-0.12, 0.12) * np.cos((y - 0.5) * np.pi)
    body = _inside(np.abs(x - 0.5 - bow) - wide, 60) if rng.random() < 0.7 else np.ones_like(x)
    at, axes = (0.5 + u(-0.05, 0.05), u(0.4, 0.5)), (wide * u(0.75, 0.98), u(0.36, 0.5))
    lung = _inside(_oval(x, y, at, axes, u(-0.25, 0.25)), u(8, 25))
    dome = u(0.62, 0.85) + u(-0.05, 0.3) * (x - 0.5) + u(0, 0.35) * (x - u(0.3, 0.6)) ** 2
    air = lung * _inside(y - dome, u(40, 120))
    at, axes = (u(0.52, 0.72), u(0.48, 0.68)), (u(0.16, 0.3), u(0.09, 0.17))
    heart = _inside(_oval(x, y, at, axes, u(-1.2, 1.2)), u(4, 14))
    at, axes = (u(0.42, 0.58), u(0.35, 0.5)), (u(0.05, 0.14), u(0.05, 0.14))
    hilum = _inside(_oval(x, y, at, axes, 0), 4)
    spine = np.exp(-(((x - u(0.08, 0.28) - u(-0.2, 0.2) * y) / u(0.04, 0.08)) ** 2))
    discs = 0.75 + 0.25 * np.sign(np.sin(y * u(40, 70)))
    ribs = np.sin((y + u(0.2, 0.7) * (x - 0.5) ** 2 + u(-0.6, 0.6) * x) * u(50, 90))
    arms = _inside(y - u(0.08, 0.3) - u(-0.3, 0.3) * (x - 0.5), u(8, 30))
    vessels = cv2.GaussianBlur(rng.standard_normal(x.shape).astype(np.float32), (0, 0), 1.2)
    uneven = cv2.resize(rng.random((9, 9), np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    field = body * u(0.45, 0.75) - air * u(0.25, 0.5) + air * heart * u(0.1, 0.4)
    field = field + u(0.05, 0.3) * hilum + u(0, 0.3) * spine * discs + u(0, 0.3) * arms
    field = field + u(0, 0.1) * lung * np.maximum(ribs, 0) ** 2 + u(0.02, 0.14) * air * vessels
    field = field + 0.08 * (uneven - 0.5)
    field = field[:, ::-1] if rng.random() < 0.5 else field
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(field), (0, 0), float(u(0.3, 1.0))))


def _inside(distance: Field, sharpness: float) -> Field:
    """1 where the signed distance is negative, 0 where positive, with a soft edge."""
    return np.asarray(1 / (1 + np.exp(np.clip(distance * sharpness, -40, 40))))


def _oval(
    x: Field, y: Field, at: tuple[float, float], axes: tuple[float, float], turn: float
) -> Field:
    """Signed distance from an ellipse, in its own radii: -1 at the centre, 0 on it."""
    u, v = x - at[0], y - at[1]
    p, q = u * np.cos(turn) + v * np.sin(turn), -u * np.sin(turn) + v * np.cos(turn)
    return np.asarray(np.hypot(p / axes[0], q / axes[1]) - 1)
