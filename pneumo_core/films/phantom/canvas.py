"""Soft-edged shapes on a film: chest coordinates in, float masks out.

Chest coordinates: x from -1 (the image's left, the child's right side) to +1, the outer ribs at
the bases; y from -1 (apices) to +1 (costophrenic angles).
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
