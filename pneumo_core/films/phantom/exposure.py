"""Taking the film of a drawn chest: framing, dose, film curve, grain, side marker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.films.phantom.canvas import Frame, Plane

if TYPE_CHECKING:
    from numpy.typing import NDArray


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
