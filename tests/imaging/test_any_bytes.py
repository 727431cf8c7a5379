"""Whatever the bytes are, there is a film or a refusal in words: searched for by Hypothesis."""

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pneumo_core.config import Limits
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from tests.imaging.film_files import COLOUR, GREY, file_of

# Small limits, so that a header that was changed to a giant costs nothing.
LIMITS = Limits(max_pixels=10**6, max_side=2_000)
BOUNDED = settings(
    max_examples=60,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
STARTS = [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0", b"GIF89a", b"BM", b"RIFF"]
STARTS += [b"\xff\x4f\xff\x51\0\x2f", bytes(128) + b"DICM\x02\0\0\0UL\x04\0"]
FILES = {
    "jpeg": file_of(COLOUR, "JPEG"),
    "png": file_of(GREY, "PNG"),
    "tiff": file_of(COLOUR, "TIFF", compression="tiff_lzw"),
    "jp2": file_of(GREY, "JPEG2000"),
    "webp": file_of(COLOUR, "WEBP"),
}


def answer(data):
    """Decode: any other error than a refusal fails the test."""
    try:
        film = decode(data, limits=LIMITS)
    except UnreadableImage as error:
        assert error.reason and error.remedy  # noqa: PT017, PT018 - either way is right
        return None
    assert film.pixels.dtype == np.uint8
    assert film.pixels.ndim == 2
    assert film.pixels.size <= LIMITS.max_pixels
    return film


@BOUNDED
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=400))
def test_any_bytes(start, rest):
    answer(start + rest)


def changed(data, changes, cut):
    made = bytearray(data)
    for at, value in changes:
        made[at % len(made)] = value
    return bytes(made[: len(made) - cut % len(made)])


CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6)


@BOUNDED
@given(name=st.sampled_from(sorted(FILES)), changes=CHANGES, cut=st.integers(0, 60))
def test_a_changed_picture(name, changes, cut):
    answer(changed(FILES[name], changes, cut))


@BOUNDED
@given(changes=CHANGES, cut=st.integers(0, 60))
def test_a_changed_dicom_file(dicom_file, changes, cut):
    header = [(128 + at % 700, value) for at, value in changes]
    answer(changed(dicom_file(), header, cut))


TAGS = st.fixed_dictionaries(
    {},
    optional={
        "Rows": st.integers(0, 65535),
        "BitsAllocated": st.sampled_from([0, 1, 8, 12, 16, 32, 64]),
        "BitsStored": st.integers(0, 65535),
        "HighBit": st.integers(0, 65535),
        "PixelRepresentation": st.integers(0, 3),
        "SamplesPerPixel": st.integers(0, 4),
        "PhotometricInterpretation": st.sampled_from(["RGB", "monochrome1", "YBR_FULL", "X", ""]),
        "RescaleSlope": st.sampled_from(["0", "1e9", "-1", "1e-30"]),
        "WindowWidth": st.sampled_from(["", "1", "1e9", "-5"]),
        "WindowCenter": st.sampled_from(["", "1", "1e9", "-5"]),
        "PixelPaddingValue": st.integers(0, 65535),
        "PatientOrientation": st.sampled_from(["", "L", "A\\F", "\\", "LLL\\X"]),
    },
)


@BOUNDED
@given(tags=TAGS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_header_of_any_values(dicom_file, tags):
    made = None
    with suppress(ValueError, OverflowError):  # what pydicom does not write
        made = dicom_file(**tags)
    if made is not None:
        answer(made)
