"""Pillow's many sorts of pixels to grey: palettes, colours, transparency, 16 and more bits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.films.film import Grey

_CHROMA_STEP = 24
_CHROMA_SAMPLE = 1_000_000


def grey_of(image: Image.Image, *, white_is_zero: bool) -> tuple[Grey, float, tuple[str, ...]]:
    """uint8 (H, W) of a loaded picture of any mode, the chroma of SourceFacts, and notes.

    Transparency is composited on black. `white_is_zero`: a TIFF's photometric interpretation.
    """
    if image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.uint16, copy=False)
        # Pillow inverts 8-bit TIFFs whose zero is white, but not 16-bit ones.
        pixels, bits = to_8_bits(values)
        unused = (f"{bits} of 16 bits used",) if bits < 16 else ()
        return (255 - pixels if white_is_zero else pixels), 0.0, unused
    if image.mode in {"I", "F"}:
        return _stretched(np.asarray(image)), 0.0, ("stretched from darkest to brightest",)
    alpha = None
    if image.has_transparency_data:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        alpha = image.getchannel("A")
        alpha = None if alpha.getextrema() == (255, 255) else alpha
    elif image.mode not in {"1", "L"}:
        image = image.convert("RGB")
    chroma = _chroma(image)
    grey = image.convert("L")
    if alpha is None:
        return np.array(grey), chroma, ()
    # Luminance is linear: black behind the picture is a product with its alpha.
    return np.array(ImageChops.multiply(grey, alpha)), chroma, ("composited on black",)


def _chroma(image: Image.Image) -> float:
    """Share of pixels that are coloured on black, on a regular grid of a million at most."""
    if image.mode in {"1", "L"}:
        return 0.0
    step = max(1, math.ceil((image.width * image.height / _CHROMA_SAMPLE) ** 0.5))
    grid = image.resize(
        (-(-image.width // step), -(-image.height // step)), Image.Resampling.NEAREST
    )
    channels = np.asarray(grid)
    red, green, blue = channels[..., 0], channels[..., 1], channels[..., 2]
    # Ten times as fast as a reduction over the last axis, which was most of a small film's time.
    brightest = np.maximum(np.maximum(red, green), blue)
    spread = brightest - np.minimum(np.minimum(red, green), blue)
    if image.mode == "RGBA":
        spread = spread.astype(np.uint16) * channels[..., 3] // 255
    return float((spread > _CHROMA_STEP).mean())


def to_8_bits(values: NDArray[np.uint16]) -> tuple[Grey, int]:
    """Unsigned 16-bit `values` as 8 bits, and how many bits they use.

    The scale is the smallest 2**n - 1, n from 8 to 16, that holds the brightest value. So a
    picture stored with all 16 bits keeps its brightness, one of 8 bits is unchanged, and
    12-bit data in a 16-bit file do not come out black; nothing depends on the darkest pixel
    or on how the values are distributed.
    """
    bits = min(max(int(values.max(initial=0)).bit_length(), 8), 16)
    table = np.rint(np.arange(2**bits) * (255 / (2**bits - 1))).astype(np.uint8)
    return table[values], bits


def _stretched(values: NDArray[Any]) -> Grey:
    """Signed, 32-bit or real values, which have no natural range: darkest 0, brightest 255."""
    values = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, span = float(values.min()), float(np.ptp(values))
    return np.rint((values - low) * (255 / span if span else 0.0)).astype(np.uint8)
