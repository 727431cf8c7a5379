"""The frame in which a network sees a film: the whole of it, or a window set by its lungs.

A film's own framing follows the hospital and, in some collections, the class. A window that the
lungs set brings films of different framing to a similar one, and one blur brings originals and
their small copies to a similar sharpness. One way from film to input for training, evaluation and
reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.imaging.lungs import COPY_SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.imaging.lungs import Lungs

_MAP_SIDE = 64  # of a map drawn back onto the film: the grid of the lung masks


@dataclass(frozen=True)
class LungFrame:
    """How the window follows from the lungs.

    towards: 0 is the whole film, 1 the box round both lungs with its margins, 0.5 half-way.
    across, down: margin on each side as a share of the box's width and height.
    softness: standard deviation of a Gaussian blur in pixels of a whole film of 224.
    """

    towards: float = 0.5
    across: float = 0.075
    down: float = 0.133
    softness: float = 0.8


@dataclass(frozen=True)
class Window:
    """A rectangle on a film: centre and sides as shares of its width and height.

    It may reach beyond the film, whose edge pixels are then repeated.
    """

    x: float = 0.5
    y: float = 0.5
    width: float = 1.0
    height: float = 1.0

    def scaled(self, share: float, *, right: float = 0.0, down: float = 0.0) -> Window:
        """Both sides times `share`, the centre moved by shares of the sides."""
        return Window(
            self.x + right * self.width,
            self.y + down * self.height,
            self.width * share,
            self.height * share,
        )


WHOLE = Window()


def window_of(lungs: Lungs, frame: LungFrame, shape: tuple[int, ...]) -> Window:
    """The window on a film of `shape` (H, W); all of it where no upright pair of lungs is found."""
    box = lungs.box
    if box is None or not lungs.found or lungs.quarters or lungs.negative:
        return WHOLE
    height, width = shape[:2]

    def between(film: float, own: float) -> float:
        return film + frame.towards * (own - film)

    return Window(
        x=between(0.5, (box.left + box.right) / 2 / width),
        y=between(0.5, (box.top + box.bottom) / 2 / height),
        width=between(1.0, box.width / width * (1 + 2 * frame.across)),
        height=between(1.0, box.height / height * (1 + 2 * frame.down)),
    )


def sample(
    copy: NDArray[np.uint8], window: Window, *, size: int, softness: float
) -> NDArray[np.uint8]:
    """What `window` holds of a square copy of a film, uint8 (C, C), as uint8 (size, size).

    Blurred by `softness` and by what the reduction asks for, so that nothing aliases.
    """
    import cv2

    side = copy.shape[0]
    reduction = max(1.0, window.width * side / size, window.height * side / size)
    wanted = softness * side / COPY_SIDE * max(window.width, window.height)
    blur = float(np.hypot(wanted, 0.4 * np.sqrt(reduction**2 - 1)))
    if blur > 0.05:
        copy = np.asarray(cv2.GaussianBlur(copy, (0, 0), blur), np.uint8)
    across, down = window.width * side / size, window.height * side / size
    left = (window.x - window.width / 2) * side + across / 2 - 0.5
    top = (window.y - window.height / 2) * side + down / 2 - 0.5
    back = np.array([[across, 0.0, left], [0.0, down, top]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(copy, back, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(seen, np.uint8)


def lung_mask(lungs: Lungs, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Both lungs on a film of `shape` (H, W), bool (H, W)."""
    import cv2

    cells = np.asarray(lungs.masks.any(axis=-1), np.float32)
    return np.asarray(cv2.resize(cells, (shape[1], shape[0])) >= 0.5, np.bool_)


def on_film(cam: NDArray[np.float32], window: Window) -> NDArray[np.float32]:
    """A map (h, w) of what `window` holds, drawn back onto the whole film: float32 (64, 64).

    Outside the window, which the network did not see, it is 0. A map of the whole film stays.
    """
    import cv2

    if window == WHOLE:
        return cam
    height, width = cam.shape
    at = (np.arange(_MAP_SIDE) + 0.5) / _MAP_SIDE
    x = (at - window.x) / window.width + 0.5  # 0..1 within the window
    y = (at - window.y) / window.height + 0.5
    columns, rows = np.meshgrid(x * width - 0.5, y * height - 0.5)
    drawn = cv2.remap(
        cam,
        columns.astype(np.float32),
        rows.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside = np.logical_and.outer((y >= 0) & (y <= 1), (x >= 0) & (x <= 1))
    return np.where(inside, drawn, np.float32(0)).astype(np.float32)
