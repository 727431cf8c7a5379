"""What people and machines leave on a film besides the child: frames, letters, collimator edges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.perturbations.base import Perturbation, scaled
from pneumo_core.perturbations.geometry import Frame, reframe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.perturbations.base import Film, Mask

FRAME = 0.06  # of the side
CORNER = 0.16
MOST_CROPPED = 0.2  # of a side, at each end
_FONT = cv2.FONT_HERSHEY_SIMPLEX
RING = 0.07  # of the side: what is left of a film's border where its lungs are not known
MEAN_GREY = 123  # of the data set's films; the classes' means are 122 and 124


def _frame(film: Film) -> NDArray[np.bool_]:
    """The outermost 6 % of each side."""
    width = max(1, round(FRAME * film.shape[0]))
    hidden = np.ones(film.shape, dtype=np.bool_)
    hidden[width:-width, width:-width] = False
    return hidden


def _white_frame(film: Film, _: np.random.Generator) -> Film:
    return np.where(_frame(film), np.uint8(255), film)


def _black_frame(film: Film, _: np.random.Generator) -> Film:
    return np.where(_frame(film), np.uint8(0), film)


def _inverted_frame(film: Film, _: np.random.Generator) -> Film:
    return np.where(_frame(film), 255 - film, film)


def _letter(film: Film, rng: np.random.Generator) -> Film:
    """A white R or L in one of the upper corners."""
    side = film.shape[0]
    marked = film.copy()
    x = round(side * (rng.uniform(0.02, 0.08) + rng.choice((0.0, 0.8))))
    y = round(side * rng.uniform(0.12, 0.22))
    text, size = str(rng.choice(("R", "L"))), scaled(rng.uniform(0.7, 1.1), film)
    cv2.putText(marked, text, (x, y), _FONT, size, 255, max(1, round(scaled(2, film))))
    return marked


def _lines(film: Film, rng: np.random.Generator) -> Film:
    """Two lines of white figures at the top left and one at the bottom right."""
    side = film.shape[0]
    marked = film.copy()
    for x, y in ((0.02, 0.05), (0.02, 0.1), (0.55, 0.98)):
        text = " ".join(str(rng.integers(100, 9999)) for _ in range(3))
        at, size = (round(x * side), round(y * side)), scaled(0.33, film)
        cv2.putText(marked, text, at, _FONT, size, 255, 1)
    return marked


def _masked_corners(film: Film, _: np.random.Generator) -> Film:
    """Where markers and names stand: the four corners painted black."""
    masked, c = film.copy(), round(CORNER * film.shape[0])
    for rows in (slice(None, c), slice(-c, None)):
        for columns in (slice(None, c), slice(-c, None)):
            masked[rows, columns] = 0
    return masked


def _straight_collimator(film: Film, rng: np.random.Generator) -> Film:
    """Black blades on all four sides, each 3–9 % deep."""
    side = film.shape[0]
    top, bottom, left, right = (round(side * x) for x in rng.uniform(0.03, 0.09, 4))
    shut = np.zeros_like(film)
    shut[top : side - bottom, left : side - right] = film[top : side - bottom, left : side - right]
    return shut


def _tilted_collimator(film: Film, rng: np.random.Generator) -> Film:
    """A field of 92 % of the side, tilted by 4–8° to either side; black wedges outside it."""
    side = film.shape[0]
    tilt = float(rng.uniform(4, 8) * rng.choice((-1, 1)))
    centre = ((side - 1) / 2, (side - 1) / 2)
    corners = cv2.boxPoints((centre, (0.92 * side, 0.92 * side), tilt))
    field = np.zeros_like(film)
    cv2.fillConvexPoly(field, np.rint(corners).astype(np.int32), 1)
    shut: Film = np.where(field == 1, film, np.uint8(0))
    return shut


def _collimation_cropped(film: Film, _: np.random.Generator) -> Film:
    """Dark edges cut off: lines from each side whose mean lies below half of the film's."""
    dark = film.mean() / 2
    top, bottom = _dark_ends(film.mean(axis=1), dark)
    left, right = _dark_ends(film.mean(axis=0), dark)
    # What is cut off on one side alone moves the window's centre.
    width, height = 1 - left - right, 1 - top - bottom
    frame = Frame(width, height, right=(left - right) / 2, down=(top - bottom) / 2)
    cropped: Film = reframe(film[np.newaxis], frame)[0]
    return cropped


def _dark_ends(means: NDArray[np.float64], dark: float) -> tuple[float, float]:
    """Shares of dark lines at the two ends, each at most a fifth."""
    most = round(MOST_CROPPED * len(means))
    ends = []
    for line in (means, means[::-1]):
        lit = np.flatnonzero(line[:most] >= dark)
        ends.append((int(lit[0]) if len(lit) else most) / len(means))
    return ends[0], ends[1]


MARKS = (
    Perturbation("white frame", "marks", "A white frame over the outermost 6 %.", _white_frame),
    Perturbation("black frame", "marks", "The outermost 6 % painted black.", _black_frame),
    Perturbation("inverted frame", "marks", "The outermost 6 % inverted.", _inverted_frame),
    Perturbation("letter R or L", "marks", "A white R or L in an upper corner.", _letter),
    Perturbation("burned-in lines", "marks", "Lines of white figures along two edges.", _lines),
    Perturbation(
        "markers masked", "marks", "The four corners, where markers stand, black.", _masked_corners
    ),
    Perturbation(
        "collimator edges", "marks", "Black collimator edges on all sides.", _straight_collimator
    ),
    Perturbation(
        "tilted collimator", "marks", "Black wedges of a collimator set askew.", _tilted_collimator
    ),
    Perturbation(
        "collimation cropped",
        "marks",
        "Dark edges, where the film has any, cropped away.",
        _collimation_cropped,
    ),
)


def lung_field(side: int) -> Mask:
    """Where the lungs lie on nearly every film, bool (S, S): a rounded square.

    For films whose own lungs are not known. Two ellipses, one a lung, would leave apices and
    costophrenic angles in view on many films.
    """
    at = (np.arange(side) + 0.5) / side
    row, column = at[:, np.newaxis], at[np.newaxis, :]
    across, along = np.abs(column - 0.5) / 0.475, np.abs(row - 0.485) / 0.455
    field: Mask = across**6 + along**6 < 1
    return field


def _lungs_black(film: Film, lungs: Mask) -> Film:
    return np.where(lungs, np.uint8(0), film)


def _lungs_grey(film: Film, lungs: Mask) -> Film:
    """In one shade for all, so that it says nothing of the film."""
    return np.where(lungs, np.uint8(MEAN_GREY), film)


def _lungs_only(film: Film, lungs: Mask) -> Film:
    return np.where(lungs, film, np.uint8(0))


def _border_alone(film: Film, lungs: Mask) -> Film:
    """What lies outside the box round the lungs, or within `RING` of the edge if that is less."""
    rows, columns = np.flatnonzero(lungs.any(axis=1)), np.flatnonzero(lungs.any(axis=0))
    ring = round(RING * film.shape[0])
    left = film.copy()
    if rows.size:
        top, bottom = max(rows[0], ring), min(rows[-1] + 1, film.shape[0] - ring)
        first, last = max(columns[0], ring), min(columns[-1] + 1, film.shape[0] - ring)
        left[top:bottom, first:last] = 0
    return left


ANATOMY = (
    Perturbation(
        "lungs black",
        "anatomy",
        "The lungs painted over in black: nothing is left to diagnose.",
        paint=_lungs_black,
        keeps_lungs=False,
    ),
    Perturbation(
        "lungs grey",
        "anatomy",
        "The lungs painted over in mid-grey: nothing is left to diagnose.",
        paint=_lungs_grey,
        keeps_lungs=False,
    ),
    Perturbation(
        "border alone",
        "anatomy",
        "Only what lies round the lungs left, the rest black: nothing is left to diagnose.",
        paint=_border_alone,
        keeps_lungs=False,
    ),
    Perturbation(
        "lungs only",
        "anatomy",
        "All but the lungs painted over in black: what there is to diagnose is left.",
        paint=_lungs_only,
    ),
)
