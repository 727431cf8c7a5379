"""A film that lies otherwise than the model knows films: set right, and read again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.imaging.film import Film

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.imaging.film import Grey
    from pneumo_core.reading.predict import Reader, Reading

# For each way a film may lie: what is done with it, and the ways that may set it right.
REMEDIES: dict[str, dict[str, Callable[[Grey], Grey]]] = {
    "sideways": {
        "turned a quarter to the right": lambda film: np.rot90(film, -1),
        "turned a quarter to the left": lambda film: np.rot90(film, 1),
    },
    "upside down": {"turned by half": lambda film: np.rot90(film, 2)},
    "negative": {"greys inverted": lambda film: 255 - film},
}


def read_upright(reader: Reader, film: Film, lies: str) -> Reading:
    """The reading of `film`, which `lies` in a way of `REMEDIES`, set right.

    Of two ways to turn it, the one after which it is taken for upright, or the first. What was done
    is the last of its facts' notes. A mirrored film is not told from a turned one.
    """
    found = []
    for note, remedy in REMEDIES[lies].items():
        facts = replace(film.facts, notes=(*film.facts.notes, note))
        if lies == "sideways":
            facts = replace(facts, width=facts.height, height=facts.width)
        pixels = np.ascontiguousarray(remedy(film.pixels))
        found.append(reader.read(Film(pixels, facts)))
    return next((reading for reading in found if reading.gate_ok), found[0])
