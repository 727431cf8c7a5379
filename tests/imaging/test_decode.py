"""Every format and sort of pixel becomes the right grey film, and nothing else escapes."""

import struct
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core.config import Limits
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode, read_film, resize
from tests.imaging.film_files import COLOUR, GREY, X, file_of

LOSSLESS = {"PNG": "PNG", "TIFF": "TIFF", "BMP": "BMP", "GIF": "GIF"}


@pytest.mark.parametrize(
    ("kind", "name", "options", "tolerance"),
    [
        ("PNG", "PNG", {}, 0),
        ("TIFF", "TIFF", {}, 0),
        ("TIFF", "TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", "TIFF", {"compression": "tiff_deflate", "big_tiff": True}, 0),
        ("BMP", "BMP", {}, 0),
        ("GIF", "GIF", {}, 0),
        ("WEBP", "WebP", {"lossless": True}, 0),
        ("JPEG2000", "JPEG 2000", {}, 0),
        ("JPEG2000", "JPEG 2000", {"no_jp2": True}, 0),
        ("JPEG", "JPEG", {"quality": 95}, 2),
        ("JPEG", "JPEG", {"quality": 95, "progressive": True}, 2),
        ("WEBP", "WebP", {"quality": 95}, 4),
    ],
)
def test_a_grey_film_of_each_format(kind, name, options, tolerance):
    data = file_of(GREY, kind, **options)
    film = decode(data)
    assert np.abs(film.pixels.astype(int) - GREY).max() <= tolerance
    assert film.pixels.dtype == np.uint8
    assert film.pixels.flags.c_contiguous
    facts = film.facts
    assert (facts.format, facts.width, facts.height, facts.bits) == (name, 48, 40, 8)
    assert (facts.n_bytes, len(facts.sha256), facts.chroma) == (len(data), 64, 0.0)


def grey_of(colour):
    return np.array(Image.fromarray(colour).convert("L"))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_colour_becomes_luminance_and_is_told(kind):
    film = decode(file_of(COLOUR, kind))
    assert np.array_equal(film.pixels, grey_of(COLOUR))
    assert film.facts.mode == "colour"
    assert film.facts.chroma > 0.9


def test_chroma_is_the_share_of_pixels_that_differ_by_more_than_24():
    picture = np.full((40, 48, 3), 100, np.uint8)
    picture[:10, :, 0] = 125  # a quarter differs by 25
    picture[20:, :, 0] = 124  # half differs by 24
    assert decode(file_of(picture, "PNG")).facts.chroma == 0.25


def test_one_bit():
    film = decode(
        file_of(Image.fromarray(GREY).point(lambda v: 255 * (v > 100)).convert("1"), "PNG")
    )
    assert set(np.unique(film.pixels)) == {0, 255}
    assert film.pixels[0, 47] == 255
    assert (film.facts.bits, film.facts.mode) == (1, "grey")


def test_palette():
    image = Image.fromarray(GREY).quantize(256)
    film = decode(file_of(image, "PNG"))
    assert np.array_equal(film.pixels, np.array(image.convert("L")))
    assert (film.facts.mode, film.facts.chroma) == ("palette", 0.0)


def test_cmyk():
    image = Image.fromarray(COLOUR).convert("CMYK")
    film = decode(file_of(image, "TIFF"))
    assert np.array_equal(film.pixels, np.array(image.convert("RGB").convert("L")))
    assert film.facts.mode == "CMYK"


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "LA"), ("PNG", "RGBA"), ("TIFF", "RGBA")])
def test_alpha_is_composited_on_black(kind, mode):
    image = Image.fromarray(np.full((40, 48), 200, np.uint8)).convert(mode)
    image.putalpha(Image.fromarray(np.where(X < 24, 255, 51).astype(np.uint8)))
    film = decode(file_of(image, kind))
    assert film.pixels[0, 0] == 200
    assert film.pixels[0, 47] == 40  # 200 × 51/255
    assert "composited on black" in film.facts.notes


def test_an_opaque_alpha_is_no_matter():
    assert decode(file_of(Image.fromarray(GREY).convert("LA"), "PNG")).facts.notes == ()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG2000"])
@pytest.mark.parametrize(
    ("brightest", "expected"),
    [(65535, 255), (4095, 255), (2100, 131), (255, 255), (200, 200), (32768, 128)],
)
def test_16_bits_are_scaled_by_the_bits_that_are_used(kind, brightest, expected):
    values = np.zeros((40, 48), np.uint16)
    values[10:] = brightest // 2
    values[20:] = brightest
    film = decode(file_of(values, kind))
    assert film.pixels[0, 0] == 0
    assert film.pixels[39, 0] == expected
    assert abs(int(film.pixels[15, 0]) - expected / 2) <= 1
    assert (film.facts.bits, film.facts.mode) == (16, "grey")


def test_16_bits_of_an_8_bit_film_are_the_same_film():
    film = decode(file_of(GREY.astype(np.uint16) * 257, "PNG"))
    assert np.array_equal(film.pixels, GREY)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_whose_zero_is_white_is_inverted(dtype):
    values = GREY.astype(dtype) * dtype(257 if dtype is np.uint16 else 1)
    black_is_zero, white_is_zero = (struct.pack("<HHIH", 262, 3, 1, zero) for zero in (1, 0))
    data = file_of(values, "TIFF")
    assert data.count(black_is_zero) == 1
    assert np.array_equal(decode(data.replace(black_is_zero, white_is_zero)).pixels, 255 - GREY)


def test_real_values_are_stretched():
    values = (GREY / 219 * 0.5 - 0.25).astype(np.float32)
    film = decode(file_of(values, "TIFF"))
    assert (film.pixels.min(), film.pixels.max()) == (0, 255)
    assert "stretched from darkest to brightest" in film.facts.notes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, orientation):
    upright = np.zeros((40, 56), np.uint8)
    upright[:20, :28], upright[:20, 28:], upright[20:, :28] = 80, 160, 240
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    film = decode(file_of(np.ascontiguousarray(stored), kind, exif=exif, **options))
    assert np.abs(film.pixels.astype(int) - upright).max() <= 6
    assert (film.facts.width, film.facts.height) == (56, 40)
    assert ("turned upright by EXIF" in film.facts.notes) == (orientation > 1)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_does_not_cost_the_film():
    data = file_of(GREY, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f", quality=95)
    assert np.abs(decode(data).pixels.astype(int) - GREY).max() <= 2


@pytest.mark.parametrize(
    ("kind", "note"),
    [
        ("GIF", "first frame of 3"),
        ("WEBP", "first frame of 3"),
        ("PNG", "first frame of 3"),
        ("TIFF", "first frame of several"),
    ],
)
def test_the_first_frame_of_several(kind, note):
    frames = [Image.fromarray(np.full((40, 48), v, np.uint8)) for v in (50, 100, 150)]
    options = {"lossless": True} if kind == "WEBP" else {}
    film = decode(file_of(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert (film.pixels == 50).all()
    assert note in film.facts.notes


def test_the_name_does_not_matter(tmp_path):
    path = tmp_path / "film.jpeg"
    path.write_bytes(file_of(GREY, "PNG"))
    assert read_film(path).facts.format == "PNG"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder, "is a folder, not a film"),
        (lambda folder: folder / "absent.png", "There is no file absent.png"),
        (lambda folder: folder / "a\0b.png", "cannot be opened"),
    ],
)
def test_a_path_that_is_no_film(tmp_path, make, message):
    with pytest.raises(UnreadableImage, match=message) as caught:
        read_film(make(tmp_path))
    assert str(tmp_path) not in str(caught.value)


def test_a_file_too_large_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    path.write_bytes(bytes(3 * 2**20))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(UnreadableImage, match="has 3 MB; at most 1 MB"):
        read_film(path, limits=Limits(max_bytes=2**20))


class TestResize:
    def test_stripes_become_their_mean(self):
        stripes = np.tile(np.array([0, 200], np.uint8), (600, 400))
        small = resize(stripes, 64)
        assert small.shape == (64, 64)
        assert small.dtype == np.uint8
        assert np.abs(small.astype(int) - 100).max() <= 8

    def test_enlarges(self):
        large = resize(np.array([[0, 100], [100, 200]], np.uint8), 8)
        assert large.shape == (8, 8)
        assert (large[0, 0], large[7, 7]) == (0, 200)
        assert (np.diff(large.astype(int), axis=1) >= 0).all()

    def test_the_same_size_is_the_same_film(self):
        square = GREY[:40, :40].copy()
        assert np.array_equal(resize(square, 40), square)

    def test_original_and_copy_of_a_real_film_agree(self, real_films):
        differences = []
        for original in sorted((real_films / "fullres").rglob("*.jpeg"))[::10]:
            copy = real_films / "chest_xray" / "train" / original.parent.name / original.name
            large, small = (resize(read_film(f).pixels, 224) for f in (original, copy))
            differences.append(np.abs(large.astype(int) - small).mean())
        assert max(differences) < 3.0  # measured: 2.1 on average, 2.9 at most


@pytest.mark.parametrize(("orientation", "size"), [(1, (1801, 901)), (6, (901, 1801))])
def test_a_large_jpeg_can_be_decoded_at_a_reduced_scale(orientation, size):
    rng = np.random.default_rng(3)
    pixels = cv2.resize(rng.integers(0, 255, (12, 24), np.uint8), (1801, 901))
    out, exif = BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(out, "JPEG", exif=exif, quality=95)
    whole, reduced = decode(out.getvalue()), decode(out.getvalue(), least=448)
    assert (reduced.facts.width, reduced.facts.height) == size
    assert whole.facts == reduced.facts
    assert min(reduced.pixels.shape) == 451  # half of 901, not a quarter
    difference = resize(whole.pixels, 224).astype(int) - resize(reduced.pixels, 224)
    assert np.abs(difference).max() <= 6
    assert np.abs(difference).mean() < 1
    assert decode(out.getvalue(), least=902).pixels.shape == whole.pixels.shape
