"""Films without lungs: a model that still discriminates on these relies on something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.perturbations.base import Perturbation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.perturbations.base import Film

RING = 0.07  # of the side: what is left of a film's border
MEAN_GREY = 123  # of the data set's films; the classes' means are 122 and 124


def _lung_field(side: int) -> NDArray[np.bool_]:
    """Where the lungs lie on nearly every film: a rounded square, bool (S, S).

    Two ellipses, one a lung, leave apices and costophrenic angles in view on many films.
    """
    at = (np.arange(side) + 0.5) / side
    row, column = at[:, np.newaxis], at[np.newaxis, :]
    across, along = np.abs(column - 0.5) / 0.475, np.abs(row - 0.485) / 0.455
    field: NDArray[np.bool_] = across**6 + along**6 < 1
    return field


def _lungs_black(film: Film, _: np.random.Generator) -> Film:
    return np.where(_lung_field(film.shape[0]), np.uint8(0), film)


def _lungs_grey(film: Film, _: np.random.Generator) -> Film:
    """In one shade for all, so that it says nothing of the film."""
    return np.where(_lung_field(film.shape[0]), np.uint8(MEAN_GREY), film)


def _border_alone(film: Film, _: np.random.Generator) -> Film:
    ring = round(RING * film.shape[0])
    left = film.copy()
    left[ring:-ring, ring:-ring] = 0
    return left


ANATOMY = (
    Perturbation(
        "lungs black",
        "anatomy",
        "The lungs painted over in black: nothing is left to diagnose.",
        _lungs_black,
        keeps_lungs=False,
    ),
    Perturbation(
        "lungs grey",
        "anatomy",
        "The lungs painted over in mid-grey: nothing is left to diagnose.",
        _lungs_grey,
        keeps_lungs=False,
    ),
    Perturbation(
        "border alone",
        "anatomy",
        "Only the outermost 7 % left, the rest black: nothing is left to diagnose.",
        _border_alone,
        keeps_lungs=False,
    ),
)
