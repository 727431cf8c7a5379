"""Files that were changed or cut short: a film or a refusal, never a fault, never half a film."""

import random

import numpy as np
import pytest
from PIL import Image

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from tests.imaging.film_files import COLOUR, GREY, file_of

VALID = {
    "jpeg": file_of(GREY, "JPEG"),
    "progressive": file_of(COLOUR, "JPEG", progressive=True),
    "png": file_of(GREY, "PNG"),
    "png16": file_of(GREY.astype(np.uint16) * 257, "PNG"),
    "palette": file_of(Image.fromarray(COLOUR).quantize(16), "PNG"),
    "tiff": file_of(GREY, "TIFF"),
    "tiff-lzw": file_of(COLOUR, "TIFF", compression="tiff_lzw"),
    "tiff-jpeg": file_of(COLOUR, "TIFF", compression="jpeg"),
    "bmp": file_of(COLOUR, "BMP"),
    "webp": file_of(COLOUR, "WEBP"),
    "webp-lossless": file_of(COLOUR, "WEBP", lossless=True),
    "gif": file_of(GREY, "GIF"),
    "jp2": file_of(GREY, "JPEG2000"),
    "j2k": file_of(GREY.astype(np.uint16) * 16, "JPEG2000", no_jp2=True),
}


def mutate(data, chance):
    """`data` with some bytes changed (half the time in the header), cut, doubled or zeroed."""
    changed = bytearray(data)
    end = len(data) if chance.random() < 0.5 else min(len(data), 120)
    at = chance.randrange(end)
    match chance.choice(["change", "cut", "insert", "zero"]):
        case "change":
            for _ in range(chance.choice([1, 3, 20])):
                changed[chance.randrange(end)] = chance.randrange(256)
        case "cut":
            del changed[at:]
        case "insert":
            changed[at:at] = changed[at : at + 40]
        case "zero":
            changed[at : at + 16] = bytes(len(changed[at : at + 16]))
    return bytes(changed)


@pytest.mark.parametrize("name", VALID)
def test_changed_bytes_give_a_film_or_a_refusal(name):
    chance = random.Random(name)  # noqa: S311
    refusals = []
    for _ in range(60):
        try:
            assert decode(mutate(VALID[name], chance)).pixels.ndim == 2
        except UnreadableImage as error:  # any other exception fails the test
            refusals.append(error)
    assert len(refusals) >= 10
    assert all(error.reason and error.remedy for error in refusals)


@pytest.mark.parametrize("name", VALID)
def test_a_file_cut_short_is_refused_wherever_it_is_cut(name):
    data = VALID[name]
    decode(data)
    # The last 12 bytes of a PNG are its end mark: without it the picture is still whole.
    for length in range(1, len(data) - 12, max(1, len(data) // 25)):
        with pytest.raises(UnreadableImage):
            decode(data[:length])


def test_a_large_jpeg_cut_in_half_is_not_half_grey():
    noise = np.random.default_rng(0).integers(0, 256, (400, 300), dtype=np.uint8)
    data = file_of(noise, "JPEG")
    with pytest.raises(UnreadableImage, match="truncated"):
        decode(data[: len(data) // 2])
