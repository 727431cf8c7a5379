"""What is no picture, or costs too much, is refused with what it is and what to do."""

import struct
import tracemalloc
import zlib
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from pneumo_core.config import Limits
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from pneumo_core.imaging.formats import dicom_start, format_of


def zip_file():
    file = BytesIO()
    with ZipFile(file, "w") as archive:
        archive.writestr("film.png", b"x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what", "remedy"),
    [
        (b"", "This file is empty.", "Export or download the film again"),
        (b"P7\nWIDTH 65536\nHEIGHT 65536\nDEPTH 4\n", "a PNM file", "Export the film itself"),
        (b"just some notes", "a text file", "Export or download the film again"),
        ("Ergebnis: Lungenentzündung".encode(), "a text file", ""),
        (b"\n<!DOCTYPE html><html></html>", "a web page", "download the film again"),
        (b'<?xml version="1.0"?><svg/>', "an SVG drawing", "Export the film itself"),
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF document", "Export the film itself"),
        (zip_file(), "a ZIP archive", "Unpack it"),
        (b"\0\0\0\x18ftypmp42" + bytes(40), "video", "not a video"),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC photograph", "Export the film itself"),
        (b"RIFF\x10\0\0\0AVI LIST", "an AVI video", "not a video"),
        (b"\x1aE\xdf\xa3" + bytes(40), "video", "not a video"),
        (b"\x1f\x8b\x08" + bytes(40), "a gzip archive", "Unpack it"),
        (bytes(500), "a file of zeros", "download the film again"),
        (b"BM is how this text begins", "a text file", ""),
        (bytes([200, 1, 77, 3] * 50), "a file of unknown kind", ""),
    ],
)
def test_the_refusal_says_what_it_is_and_what_to_do(data, what, remedy):
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    assert what in caught.value.reason
    assert remedy in caught.value.remedy
    if data:
        assert "not a picture" in caught.value.reason
    assert "Expected a chest film as JPEG" in caught.value.remedy


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, body=b"", extra=b""):
    """A PNG whose header promises `width` × `height` 8-bit grey pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(body))
    return b"\x89PNG\r\n\x1a\n" + header + extra + data + chunk(b"IEND", b"")


def memory_of_refusal(data, match):
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match=match):
            decode(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_giant_of_a_few_kilobytes_costs_nothing():
    row = zlib.compress(bytes(30_001 * 100))
    assert memory_of_refusal(png(30_000, 30_000, row), "30000 × 30000 pixels; at most") < 2**20


def test_a_png_whose_text_unpacks_to_a_gigabyte_is_no_danger():
    bomb = zlib.compress(bytes(50_000_000), 9)
    text = chunk(b"zTXt", b"Comment\0\0" + bomb)
    assert memory_of_refusal(png(64, 64, bytes(65 * 64), text), "damaged") < 8 * 2**20


@pytest.mark.parametrize(
    ("width", "height", "match"),
    [
        (1, 1, "1 × 1 pixels; at least 32 × 32"),
        (10, 20_000, "10 × 20000 pixels; at least"),
        (20_001, 100, "at most 20000 on a side"),
        (12_000, 12_000, "100 million in all"),
        (0, 50, "damaged"),
    ],
)
def test_absurd_sizes(width, height, match):
    with pytest.raises(UnreadableImage, match=match):
        decode(png(width, height))


def test_limits_are_the_callers():
    film = png(64, 64, bytes(65 * 64))
    assert decode(film).pixels.shape == (64, 64)
    with pytest.raises(UnreadableImage, match="at most 50 on a side"):
        decode(film, limits=Limits(max_side=50))
    with pytest.raises(UnreadableImage, match="at most 10 bytes"):
        decode(film, limits=Limits(max_bytes=10))


def test_limits_of_the_environment(monkeypatch):
    monkeypatch.setenv("PNEUMO_MAX_SIDE", "50")
    with pytest.raises(UnreadableImage, match="at most 50 on a side"):
        decode(png(64, 64, bytes(65 * 64)))


def webp_canvas(width, height):
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg_2000(width, height):
    siz = struct.pack(">HIIIIIIIIHBBB", 0, width, height, 0, 0, width, height, 0, 0, 1, 7, 1, 1)
    return b"\xff\x4f\xff\x51" + struct.pack(">H", len(siz) + 2) + siz


def gif(width, height):
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + b";"


def bmp(width, height):
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header


@pytest.mark.parametrize("make", [webp_canvas, jpeg_2000, gif, bmp])
def test_giants_of_other_formats_cost_nothing(make):
    assert memory_of_refusal(make(60_000, 60_000), "This ") < 2**20


def test_a_tiff_of_giant_tiles_is_refused():
    tile = zlib.compress(bytes(10**7))
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 60_000, 323: 60_000}
    tags |= {324: 8 + 2 + 10 * 12 + 4, 325: len(tile)}  # where the tile is, and its length
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + tile
    assert memory_of_refusal(data, "tiles of 60000 × 60000") < 2**20


def test_a_jpeg_of_a_thousand_scans_is_refused():
    file = BytesIO()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    scan = data[data.rfind(b"\xff\xda") : -2]
    with pytest.raises(UnreadableImage, match="too many scans"):
        decode(data[:-2] + 1000 * scan + data[-2:])


def test_a_png_with_one_byte_changed_is_refused():
    data = bytearray(png(64, 64, bytes(range(65)) * 64))
    data[-30] ^= 1
    with pytest.raises(UnreadableImage, match="PNG file is damaged"):
        decode(bytes(data))


def test_formats_by_magic_bytes(dicom_file):
    film = dicom_file()
    assert format_of(film) == "DICOM"
    assert format_of(b"II*\0" + film[4:]) == "DICOM"  # a preamble that imitates a TIFF
    assert format_of(b"II*\0" + bytes(200)) == "TIFF"
    assert format_of(b"RIFF\0\0\0\0WEBPVP8 ") == "WebP"
    assert format_of(b"RIFF\0\0\0\0WAVEfmt ") is None


def test_dicom_without_its_header_is_told_by_its_first_elements(dicom_file):
    film = dicom_file()
    body = film[film.index(b"\x08\x00\x16\x00UI") :]
    assert dicom_start(film) == 0
    assert dicom_start(body) == 0
    assert dicom_start(b"\0" + body) == 1
    assert dicom_start(body[4:]) is None
    assert dicom_start(b"\x08\x00" * 200) is None
