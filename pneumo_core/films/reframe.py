"""The same film framed otherwise, as another room or another technician would have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Frame:
    """A window on a film, in shares of its sides; above 1 it shows a black margin."""

    width: float
    height: float
    right: float = 0.0  # of the window's centre, from the film's centre
    down: float = 0.0


WHOLE = Frame(1.0, 1.0)


def reframe(films: NDArray[np.uint8], frame: Frame) -> NDArray[np.uint8]:
    """Films uint8 (N, S, S) seen through `frame`, at the same size."""
    if frame == WHOLE:
        return np.asarray(films)
    import cv2

    size = films.shape[1]
    centre = (size - 1) / 2
    move_x = centre * (1 - frame.width) + frame.right * (size - 1)
    move_y = centre * (1 - frame.height) + frame.down * (size - 1)
    # From a pixel of the result to its place on the film.
    back = np.array([[frame.width, 0, move_x], [0, frame.height, move_y]], dtype=np.float64)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.stack([cv2.warpAffine(film, back, (size, size), flags=how) for film in films])
