"""Pixels that a picture's format allows and a film has none of: NaN, infinity, hidden colour."""

import numpy as np
from PIL import Image

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
