"""Compressed DICOM frames: right values from every compression, refusals from damaged ones."""

import base64
import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.pixels import compress
from pydicom.uid import (
    JPEG2000,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from pneumo_core.config import Limits
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging import dicom
from pneumo_core.imaging.dicom_frame import stored_values
from pneumo_core.imaging.formats import FrameSize, frame_size

# The ramp 64 x + 32 y, 32 × 32, as no encoder among the requirements writes it: JPEG Lossless
# (process 14, predictor 1, 12 bits), JPEG-LS (16 bits), JPEG Extended (12 bits, quality 95).
LOSSLESS = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/wwALDAAgACABAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABwYM/9oACAEBAAEA
AM/+gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICB
QICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCA
gICAgICAgICAgICAgICAgICAgICAgICAgICAgICBQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICA
gICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICBQICAgICA
gICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICA
gICAgICAgICAgICAgICAgICAgICAgICBQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICA
gICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICBQICAgICAgICAgICA
gICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICA
gICAgICAgICAgICAgICAgICBQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICA
gICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICBQICAgICAgICAgICAgICAgICA
gICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICA
gICAgICAgICAgICBQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICA
gICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICBQICAgICAgICAgICAgICAgICAgICAgICA
gICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgUCAgICAgICAgICAgICAgICAgICAgICAgICA
gICAgICBQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIFAgICAgICAgICAgICAgICAgICAgICAgICAgICA
gICAgUCAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICB/9k=
""")
JPEG_LS = base64.b64decode("""
/9j/6AAgU1BJRkYAAgAAAQAAACAAAAAgChAGAQAAASwAAAEs/+gACAAAAAH/2P/3AAsQACAAIAEBEQD/+AANAf//
ABIAQwEUAED/2gAIAQEAAAAAo/x/j/H2e4/x9nuebvdbncbfbbXabPy8fDv7u3s6+rp6OfmxAiBD6PI6nE2mkymF
dWVVRTUlFQT05NTExLVqlSpSpUogUKFChOnTp0yZMmTJkyVKlSpUqVKqoooooooh9RRRRRNNNNNNNNNNNNJJJJJJ
JJJJJJJSPKUpSlKSlKUpSlKUpSlKUpSlKUpR1KUpSqqqIiIiIiIiIiIiIiJxERERJJJJJJJJJJJJJtJJJKqqqqqq
qppVVX//f8y//3//cw//f/99d/9//36z/3//f1X/f/9/qP9//3/Tf/9//2k//3//dF//f/96D/9//3z3/3//fnP/
f/9/Nf9//3+Y/3//f8x//3//Zb//f/91v/9//3U//3//dT//f/91P/9//3S//3//dL//f/90v/9//3QA/9k=
""")
EXTENDED = base64.b64decode("""
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJ
BwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wQALDAAgACABAREA/8QAFQABAQAAAAAAAAAAAAAAAAAADA3/xAAcEAAA
BgMAAAAAAAAAAAAAAAAACgsmNkRUYXL/2gAIAQEAAD8Ain6biW4gTCxq3OggATcS3ECYWNW50EACbiW4gTCxq3Og
gATcS3ECYWNW50Jf+m4luIEwsatzoIAE3EtxAmFjVudBAAm4luIEwsatzoIAE3EtxAmFjVudCX/puJbiBMLGrc6C
ABNxLcQJhY1bnQQAJuJbiBMLGrc6CABNxLcQJhY1bnQl/wCm4luIEwsatzoIAE3EtxAmFjVudBAAm4luIEwsatzo
IAE3EtxAmFjVudD/2Q==
""")


def picture_frame(values, kind, **options):
    file = BytesIO()
    Image.fromarray(values).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def compressed(dataset):
    """A function: a film's data set holding `frame` compressed by `syntax`."""

    def make(frame, syntax, **options):
        made = dataset(**options)
        made.file_meta.TransferSyntaxUID = syntax
        made.PixelData = encapsulate([frame])
        made["PixelData"].is_undefined_length = True
        return made

    return make


@pytest.mark.parametrize(
    ("frame", "syntax", "tolerance"),
    [
        (LOSSLESS, JPEGLossless, 0),
        (LOSSLESS, JPEGLosslessSV1, 0),
        (JPEG_LS, JPEGLSLossless, 0),
        (EXTENDED, JPEGExtended12Bit, 4),
    ],
)
def test_through_gdcm(compressed, ramp, frame, syntax, tolerance):
    values = stored_values(compressed(frame, syntax))
    assert np.abs(values.astype(int) - ramp).max() <= tolerance
    assert values.dtype == np.uint16


def test_two_s_complement_through_gdcm(compressed, ramp):
    values = stored_values(compressed(LOSSLESS, JPEGLosslessSV1, PixelRepresentation=1))
    expected = np.where(ramp >= 2048, ramp.astype(int) - 4096, ramp)
    assert np.array_equal(values, expected)


def test_run_lengths(dataset, ramp):
    made = dataset()
    compress(made, RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    assert np.array_equal(stored_values(made), ramp)


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_values_at_the_upper_bits(dataset, ramp, kind):
    """Left-aligned, as files of before 2007 may be: 12 bits from bit 15 down."""
    values = ramp.astype(kind) - (1500 if kind is np.int16 else 0)
    made = dataset((values << 4).astype(kind), HighBit=15)
    assert np.array_equal(stored_values(made), values)
    assert made.BitsStored == 12


def test_run_lengths_at_the_upper_bits(dataset, ramp):
    made = dataset(ramp << 4, HighBit=15)
    compress(made, RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    assert np.array_equal(stored_values(made), ramp)


def test_what_lies_above_the_stored_bits_is_no_grey(dataset, ramp):
    assert np.array_equal(stored_values(dataset(ramp | 0xF000)), ramp)


def test_jpeg_baseline(compressed, ramp):
    grey = (ramp // 12).astype(np.uint8)
    frame = picture_frame(grey, "JPEG", quality=95)
    values = stored_values(compressed(frame, JPEGBaseline8Bit, pixels=grey, bits=8))
    assert np.abs(values.astype(int) - grey).max() <= 3


@pytest.mark.parametrize(("bits", "kept"), [(8, True), (12, False)])
def test_jpeg_baseline_with_16_bits_allocated(compressed, ramp, bits, kept):
    grey = (ramp // 12).astype(np.uint8)
    frame = picture_frame(grey, "JPEG", quality=95)
    window = {"WindowCenter": 2 ** (bits - 1), "WindowWidth": 2**bits}
    made = compressed(frame, JPEGBaseline8Bit, bits=bits, **window)
    assert made.BitsAllocated == 16
    assert np.abs(stored_values(made).astype(int) - grey).max() <= 3
    assert (made.BitsAllocated, made.BitsStored, "WindowCenter" in made) == (8, 8, kept)


def test_a_frame_of_12_bits_that_is_called_baseline(compressed, ramp):
    values = stored_values(compressed(EXTENDED, JPEGBaseline8Bit))
    assert np.abs(values.astype(int) - ramp).max() <= 4


@pytest.mark.parametrize("syntax", [JPEG2000Lossless, JPEG2000])
def test_jpeg_2000(compressed, ramp, syntax):
    frame = picture_frame(ramp, "JPEG2000", no_jp2=True)
    values = stored_values(compressed(frame, syntax, bits=16))
    assert np.array_equal(values, ramp)


@pytest.mark.parametrize(
    ("frame", "syntax"),
    [(LOSSLESS, JPEGLosslessSV1), (JPEG_LS, JPEGLSLossless), (EXTENDED, JPEGExtended12Bit)],
)
@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_frame_never_ends_the_program(compressed, frame, syntax, damage):
    half = len(frame) // 2
    broken = frame[:half] if damage == "cut" else frame[:half] + b"\xff\xc4\x00" + frame[half:]
    made = compressed(broken, syntax)
    if damage == "cut":
        with pytest.raises(UnreadableImage, match="damaged or truncated"):
            stored_values(made)
        return
    try:
        assert stored_values(made).shape == (32, 32)
    except UnreadableImage as error:
        assert "damaged" in str(error)  # noqa: PT017 - either way is right, a crash is not


def test_a_frame_larger_than_it_was_said_is_not_decoded(compressed):
    made = compressed(LOSSLESS, JPEGLosslessSV1, Rows=64)
    with pytest.raises(UnreadableImage, match="states 32 × 64 grey pixels and holds 32 × 32"):
        stored_values(made)


def test_a_run_length_bomb_is_not_decoded(compressed):
    with pytest.raises(UnreadableImage, match="damaged"):
        stored_values(compressed(bytes(10_000), RLELossless))


def test_what_is_no_frame_is_refused(compressed):
    with pytest.raises(UnreadableImage, match="damaged"):
        stored_values(compressed(b"nothing of the kind ", JPEG2000))


def test_the_size_a_frame_states():
    assert frame_size(LOSSLESS) == FrameSize(32, 32, 12, 1)
    assert frame_size(JPEG_LS) == FrameSize(32, 32, 16, 1)
    grey = np.zeros((40, 50), np.uint8)
    assert frame_size(picture_frame(grey, "JPEG")) == FrameSize(40, 50, 8, 1)
    colour = picture_frame(np.dstack([grey] * 3), "JPEG2000")
    assert frame_size(colour) == FrameSize(40, 50, 8, 3)
    assert frame_size(LOSSLESS[:2] + b"\xff\xff" + LOSSLESS[2:]) == FrameSize(32, 32, 12, 1)
    assert frame_size(LOSSLESS[:20]) is None
    assert frame_size(b"") is None


def test_a_jpeg_2000_that_begins_beside_its_grid_states_what_is_left():
    corners = struct.pack(">4I", 150, 140, 50, 100)  # right, bottom, left, top (ITU-T T.800 A.5.1)
    siz = b"\xff\x51" + struct.pack(">HH", 41, 0) + corners + bytes(16) + struct.pack(">HB", 1, 11)
    assert frame_size(b"\xff\x4f" + siz + bytes(2)) == FrameSize(40, 100, 12, 1)


def test_one_real_film_in_four_compressions(real_films):
    pixels = {}
    for name in ("RLE", "JPLL", "JLSN", "J2KI"):
        data = (real_films / "dicom" / f"RG3_{name}.dcm").read_bytes()
        made = dicom.parse(data, Limits())
        pixels[name] = dicom.pixels_of(made)[0].astype(int)
        with pytest.raises(UnreadableImage, match="another body part"):
            dicom.refuse_foreign(made)
    assert np.array_equal(pixels["RLE"], pixels["JPLL"])
    assert np.abs(pixels["RLE"] - pixels["JLSN"]).max() == 1  # near-lossless, to 4 of 1024
    assert np.abs(pixels["RLE"] - pixels["J2KI"]).max() <= 3
    assert np.abs(pixels["RLE"] - pixels["J2KI"]).mean() < 0.2
