"""Films without lungs: a model that still discriminates on these relies on something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.perturbations.base import Perturbation

if TYPE_CHECKING:
    from pneumo_core.perturbations.base import Film, Mask

RING = 0.07  # of the side: what is left of a film's border where its lungs are not known
MEAN_GREY = 123  # of the data set's films; the classes' means are 122 and 124


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
