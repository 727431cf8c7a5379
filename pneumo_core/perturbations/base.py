"""What a perturbation is: a name, a sentence, and a pure function on one film."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Film = NDArray[np.uint8]  # (S, S), 0 black..255
Mask = NDArray[np.bool_]  # (S, S), where the lungs lie
Apply = Callable[[Film, np.random.Generator], Film]
Paint = Callable[[Film, Mask], Film]
Family = Literal[
    "framing", "stretch", "turn", "compression", "sharpness", "exposure", "marks", "anatomy"
]
# Blur, strokes and the like are given in pixels of a film of this side, and grow with the film.
REFERENCE_SIDE = 224


@dataclass(frozen=True)
class Perturbation:
    """One way in which the same film may appear different.

    `words` is a sentence for the user. `apply` takes a film uint8 (S, S) and a generator and
    returns a new film uint8 (S, S); `paint` takes the film and its lungs, bool (S, S). One of the
    two is given. `keeps_lungs` is False where the lungs are no longer visible: a model that still
    discriminates between the classes then relies on something else.
    """

    name: str
    family: Family
    words: str
    apply: Apply | None = None
    paint: Paint | None = None
    keeps_lungs: bool = True


def scaled(pixels: float, film: Film) -> float:
    """A length given at 224 pixels, in the pixels of `film`."""
    return pixels * int(film.shape[0]) / REFERENCE_SIDE
