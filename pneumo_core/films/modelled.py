"""Films of children who do not exist: drawn from the statistical model of `samples`.

A child is a draw of the model's modes, which outline and brightness follow; each of its films
strays a little from that, and is exposed, turned and framed anew. All of it is drawn alike for
every subtype: what tells the subtypes apart is what the model learnt of each.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.films.samples import Appearance, compose, load_appearances

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FAR = 2.0  # standard deviations: no child lies further out, where few films lent their support
_STRAYS = 0.34  # of a film from its child, in the same unit; both together vary as the model does
_TURN = 4.0  # degrees, either way
_ENLARGE, _SHIFT = 0.1, 0.03  # at most, of the side
_GAMMA, _GAIN = (0.8, 1.25), (0.9, 1.08)


def modelled_film(
    subtype: str, *, child: tuple[int, ...], exposure: tuple[int, ...]
) -> NDArray[np.uint8]:
    """One film, uint8 (480, 600): `child` seeds the body, `exposure` what differs between two
    films of it. `subtype` is one of `samples.SUBTYPES`; the same arguments give the same film.
    """
    body, light = np.random.default_rng(child), np.random.default_rng(exposure)
    model = _models()[subtype]
    own, strays = (
        np.clip(rng.standard_normal(len(model.modes)), -_FAR, _FAR) for rng in (body, light)
    )
    film = compose(model, np.sqrt(1 - _STRAYS**2) * own + _STRAYS * strays, light)
    return _exposed(_framed(film, light), light)


@cache
def _models() -> dict[str, Appearance]:
    return load_appearances()


def _framed(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turned, enlarged and shifted a little; what comes in at an edge repeats it."""
    height, width = film.shape
    turn, scale = rng.uniform(-_TURN, _TURN), 1 + rng.uniform(0, _ENLARGE)
    move = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale), np.float64)
    move[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * (width, height)
    moved = cv2.warpAffine(film, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _exposed(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another gamma and gain."""
    gamma, gain = rng.uniform(*_GAMMA), rng.uniform(*_GAIN)
    curve = 255 * gain * (np.arange(256) / 255) ** gamma
    table: NDArray[np.uint8] = np.rint(np.clip(curve, 0, 255)).astype(np.uint8)
    return table[film]
