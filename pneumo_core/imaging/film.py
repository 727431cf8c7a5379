"""A film as the whole program knows it: 8-bit grey pixels, and what is known of their source."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class SourceFacts:
    """What the file was before it became a film. Holds nothing about a patient.

    `width` and `height` are those of the upright film, `bits` those of one sample as stored,
    `mode` is "grey", "colour", "palette" or "CMYK". `chroma` is the share of pixels (0..1)
    whose largest and smallest channel differ by more than 24 of 255. `notes` say in plain
    words what was done on the way ("first frame of 3").
    """

    format: str
    width: int
    height: int
    bits: int
    mode: str
    n_bytes: int
    sha256: str
    chroma: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Film:
    """One film: `pixels` uint8 (H, W), C-contiguous, 0 black to 255 white."""

    pixels: Grey = field(repr=False)
    facts: SourceFacts


@dataclass(frozen=True, eq=False)
class Picture:
    """What a decoder hands over: `pixels` as in Film, and those facts that only it knows."""

    pixels: Grey = field(repr=False)
    bits: int
    mode: str
    chroma: float
    notes: tuple[str, ...]
