"""Pictures of 16 bits a colour: read where they use them, refused where they would be black."""

import cv2
import numpy as np
import pytest

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode

GREY = np.arange(40 * 48, dtype=np.uint16).reshape(40, 48) // 8  # 0 to 239


def file_of(kind, scale, *, alpha=False):
    """A grey film stored in colours of 16 bits: the bytes of a file of `kind`."""
    opaque = [np.full_like(GREY, 65535)] if alpha else []
    return cv2.imencode(f".{kind}", np.dstack([GREY * scale] * 3 + opaque))[1].tobytes()


@pytest.mark.parametrize("kind", ["png", "tiff", "jp2"])
def test_the_upper_bits_are_the_film(kind):
    film = decode(file_of(kind, 257))
    assert np.abs(film.pixels.astype(int) - GREY).max() <= 1
    assert (film.facts.bits, film.facts.mode) == (16, "colour")


@pytest.mark.parametrize(("kind", "alpha"), [("png", False), ("png", True), ("tiff", False)])
def test_the_lower_bits_alone_are_refused(kind, alpha):
    with pytest.raises(UnreadableImage, match="16 bits a colour and uses the lower ones alone"):
        decode(file_of(kind, 16, alpha=alpha))
