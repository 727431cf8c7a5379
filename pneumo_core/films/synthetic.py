"""A phantom of a child's chest, drawn from a seed by geometry alone; no real film lent it anything.

Good for trying, testing and timing; never for saying how well a model reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.films.phantom.canvas import as_plane
from pneumo_core.films.phantom.chest import Chest, draw_chest
from pneumo_core.films.phantom.exposure import expose, grain, mark, place
from pneumo_core.films.phantom.illness import consolidate, streak

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.films.phantom.canvas import Plane

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
