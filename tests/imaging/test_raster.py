"""Pixels that a picture's format allows and a film has none of: NaN, infinity, hidden colour."""

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from pneumo_core.imaging.raster import grey_of


def test_what_is_no_number_counts_as_nothing():
    values = np.array([[np.nan, 0.0], [1.0, np.inf], [0.5, -np.inf]], np.float32)
    pixels, chroma, notes = grey_of(Image.fromarray(values), white_is_zero=False)
    assert pixels.tolist() == [[0, 0], [255, 0], [128, 0]]
    assert (chroma, notes) == (0.0, ("stretched from darkest to brightest",))


def test_one_value_for_all_is_black():
    values = np.full((2, 2), 7, np.int32)
    assert grey_of(Image.fromarray(values), white_is_zero=False)[0].tolist() == [[0, 0], [0, 0]]


def test_a_colour_that_is_transparent_is_none():
    picture = np.zeros((2, 4, 4), np.uint8)
    picture[..., 0] = 200  # red
    picture[:, :3, 3] = (0, 30, 255)  # unseen, hardly seen, seen; the last column is unseen
    pixels, chroma, notes = grey_of(Image.fromarray(picture), white_is_zero=False)
    assert chroma == 0.25
    assert pixels[0].tolist() == [0, 7, 60, 0]  # 200 × 0.299, times alpha
    assert notes == ("composited on black",)


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
