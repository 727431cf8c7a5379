"""A decoded film: 8-bit grey pixels, and facts about the file they come from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class SourceFacts:
    """Facts about the source file; nothing about the patient.

    `width` and `height` are those of the upright film, `bits` those of one sample as stored,
    `mode` is "grey", "colour", "palette" or "CMYK". `chroma` is the share of pixels (0..1)
    whose largest and smallest channel differ by more than 24 of 255. `notes` say
    what was done while decoding ("first frame of 3"). `pixel_spacing_mm` is the side of a square
    pixel where the file states it: on the detector, unless it was calibrated.
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
    pixel_spacing_mm: float | None = None


@dataclass(frozen=True, eq=False)
class Film:
    """One film: `pixels` uint8 (H, W), C-contiguous, 0 black to 255 white.

    They are fewer than the file has, by a half, a quarter or an eighth on both sides, where it was
    decoded at a reduced scale: its own size is in `facts`.
    """

    pixels: Grey = field(repr=False)
    facts: SourceFacts


@dataclass(frozen=True, eq=False)
class Picture:
    """What a decoder returns: `pixels` as in Film, and the facts that only it knows."""

    pixels: Grey = field(repr=False)
    bits: int
    mode: str
    chroma: float
    notes: tuple[str, ...]
    pixel_spacing_mm: float | None = None
    size: tuple[int, int] | None = None  # width and height of the whole, where `pixels` are fewer
