"""Against the data set's framing shortcut: what the class gives away is evened out before training.

Augmentation that treats both classes alike widens their framings but keeps them apart. Normal
training films show more of the trunk from top to bottom; the others are wider for their height
(median width over height 1.2 against 1.4 at full size). So some normal films are cropped in
height and some others in width, which brings the two together. And some films of every class lose
their lungs altogether: there the right answer is that nothing is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.films.reframe import Frame, reframe

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Counterweight:
    """Chances per film, and how far a film is cropped."""

    framing: float = 0.5
    normal_height: tuple[float, float] = (0.68, 1.0)  # shares of the film kept
    pneumonia_width: tuple[float, float] = (0.75, 1.0)
    blank_lungs: float = 0.1

    def apply(
        self, films: NDArray[np.uint8], targets: NDArray[np.float32], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Films (B, S, S) and targets (B, C) with some of them changed; the arguments are not."""
        films, targets = films.copy(), targets.copy()
        for i in np.flatnonzero(rng.random(len(films)) < self.framing):
            films[i] = reframe(films[i : i + 1], self._frame(bool(targets[i, 0]), rng))[0]
        for i in np.flatnonzero(rng.random(len(films)) < self.blank_lungs):
            films[i] = without_lungs(films[i], rng)
            targets[i] = 1 / targets.shape[1]
        return films, targets

    def _frame(self, normal: bool, rng: np.random.Generator) -> Frame:
        if normal:
            kept = rng.uniform(*self.normal_height)
            return Frame(1.0, kept, down=rng.uniform(-0.5, 0.5) * (1 - kept))
        kept = rng.uniform(*self.pneumonia_width)
        return Frame(kept, 1.0, right=rng.uniform(-0.5, 0.5) * (1 - kept))


NO_COUNTERWEIGHT = Counterweight(framing=0.0, blank_lungs=0.0)


def without_lungs(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A film (S, S) with both lung fields, roughly, painted over in one shade."""
    size = film.shape[0]
    row, column = np.mgrid[0:size, 0:size] / size
    hidden = np.zeros_like(film, dtype=bool)
    half_width, half_height = rng.uniform(0.2, 0.3), rng.uniform(0.4, 0.52)
    middle = rng.uniform(0.42, 0.58)
    for centre in (rng.uniform(0.24, 0.34), rng.uniform(0.66, 0.76)):
        across, along = (column - centre) / half_width, (row - middle) / half_height
        hidden |= across**2 + along**2 < 1
    return np.where(hidden, np.uint8(rng.integers(0, 200)), film)
