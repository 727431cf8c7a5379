"""Pixels as compact pictures for the browser, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pages.ui.html import data_uri

if TYPE_CHECKING:
    from numpy.typing import NDArray

THUMB_SIDE = 96


def jpeg(pixels: NDArray[np.uint8], *, quality: int = 90) -> bytes:
    """JPEG of grey (H,W) or RGB (H,W,3) pixels, uint8."""
    import cv2

    picture: Any = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"Expected pixels that fit a JPEG, got shape {pixels.shape}.")
    return bytes(data)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """PNG of grey pixels (H,W), uint8: without the noise that a JPEG adds."""
    import cv2

    done, data = cv2.imencode(".png", pixels)
    if not done:
        raise ValueError(f"Expected pixels that fit a PNG, got shape {pixels.shape}.")
    return bytes(data)


def decode_grey(data: bytes) -> NDArray[np.uint8]:
    """Pixels uint8 (H,W) of a JPEG made by `jpeg` from grey pixels."""
    import cv2

    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    return np.asarray(pixels, dtype=np.uint8)


def thumbnail(pixels: NDArray[np.uint8]) -> str:
    """A small JPEG of a film (H,W) as a data URI."""
    from pneumo_core.imaging.decode import fit_to_side

    return data_uri(jpeg(fit_to_side(pixels, THUMB_SIDE), quality=75))
