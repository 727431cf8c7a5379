"""The same film framed, stretched or turned otherwise, as another room would have done it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.perturbations.base import Apply, Perturbation, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.perturbations.base import Film


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


MARGIN = 0.1  # of the side, added on each of the four
SHIFT = 0.08
TURN_DEG = 10.0
GREY = 128


def _through(frame: Frame) -> Apply:
    return lambda film, _: reframe(film[np.newaxis], frame)[0]


def _constant_margin(grey: int) -> Apply:
    def apply(film: Film, _: np.random.Generator) -> Film:
        m = round(MARGIN * film.shape[0])
        wide = cv2.copyMakeBorder(film, m, m, m, m, cv2.BORDER_CONSTANT, value=grey)
        return _to_side(wide, film.shape[0])

    return apply


def _body_margin(film: Film, _: np.random.Generator) -> Film:
    """Margins of soft tissue: the film's own edge, mirrored outwards and blurred."""
    m = round(MARGIN * film.shape[0])
    wide = cv2.copyMakeBorder(film, m, m, m, m, cv2.BORDER_REFLECT_101)
    soft = cv2.GaussianBlur(wide, (0, 0), scaled(6, film))
    soft[m:-m, m:-m] = film
    return _to_side(soft, film.shape[0])


def _to_side(film: cv2.typing.MatLike, side: int) -> Film:
    return np.asarray(cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _turned(degrees: float) -> Apply:
    def apply(film: Film, _: np.random.Generator) -> Film:
        side = film.shape[0]
        centre = ((side - 1) / 2, (side - 1) / 2)
        turn = cv2.getRotationMatrix2D(centre, degrees, 1.0)
        return np.asarray(cv2.warpAffine(film, turn, (side, side)), dtype=np.uint8)

    return apply


def _crop(kept: float) -> Perturbation:
    return Perturbation(
        f"centre crop {kept:.0%}".replace("%", " %"),
        "framing",
        f"Cropped to the middle {kept:.0%} of each side.".replace("%", " %"),
        _through(Frame(kept, kept)),
    )


def _shift(where: str, right: float, down: float) -> Perturbation:
    return Perturbation(
        f"shift {where} 8 %",
        "framing",
        f"Moved {where} by 8 % of the side; what comes free is black.",
        # The window goes one way, what is seen in it the other.
        _through(Frame(1.0, 1.0, right=-right * SHIFT, down=-down * SHIFT)),
    )


FRAMING = (
    _crop(0.9),
    _crop(0.8),
    _crop(0.7),
    Perturbation(
        "black margin", "framing", "A black margin of 10 % on each side.", _constant_margin(0)
    ),
    Perturbation(
        "grey margin", "framing", "A mid-grey margin of 10 % on each side.", _constant_margin(GREY)
    ),
    Perturbation(
        "body margin",
        "framing",
        "A margin of 10 % on each side that looks like soft tissue.",
        _body_margin,
    ),
    _shift("left", -1, 0),
    _shift("right", 1, 0),
    _shift("up", 0, -1),
    _shift("down", 0, 1),
)
STRETCH = (
    Perturbation(
        "aspect 0.75, cropped",
        "stretch",
        "Top and bottom cropped, the rest stretched in height: the child looks slim.",
        _through(Frame(1.0, 0.75)),
    ),
    Perturbation(
        "aspect 1.33, cropped",
        "stretch",
        "Left and right cropped, the rest stretched in width: the child looks broad.",
        _through(Frame(0.75, 1.0)),
    ),
    Perturbation(
        "aspect 0.75, padded",
        "stretch",
        "Squeezed in width between two black margins: the child looks slim.",
        _through(Frame(4 / 3, 1.0)),
    ),
    Perturbation(
        "aspect 1.33, padded",
        "stretch",
        "Squeezed in height between two black margins: the child looks broad.",
        _through(Frame(1.0, 4 / 3)),
    ),
)
TURN = (
    Perturbation("turn left 10°", "turn", "Turned to the left by 10°.", _turned(TURN_DEG)),
    Perturbation("turn right 10°", "turn", "Turned to the right by 10°.", _turned(-TURN_DEG)),
)
