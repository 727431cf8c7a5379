"""What would take minutes or gigabytes is refused from its header, in words; what is ordinary is
decoded where it is."""

import struct
import tracemalloc
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEGBaseline8Bit

from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging import isolation
from pneumo_core.imaging.decode import decode
from pneumo_core.imaging.formats import Extent, check_memory, is_ordinary, jpeg_extent, png_chunks
from pneumo_core.readings.study_key import study_facts
from tests.imaging.film_files import COLOUR, GREY, file_of
from tests.imaging.test_formats import chunk

JPEG, PNG = file_of(GREY, "JPEG"), file_of(GREY, "PNG")
SIZ = struct.pack(">HIIIIIIIIH", 0, 9_999, 10_000, 0, 0, 9_999, 10_000, 0, 0, 4) + b"\7\1\1" * 4
JPEG_2000 = b"\xff\x4f\xff\x51" + struct.pack(">H", len(SIZ) + 2) + SIZ  # four channels
EMPTY_ELEMENT = b"\x09\0\x10\0LO\0\0"


def refused(data):
    with pytest.raises(UnreadableImage) as caught:
        decode(data)
    return caught.value


def after_start(data, extra, at=2):
    return data[:at] + extra + data[at:]


def test_the_extent_of_a_jpeg():
    assert jpeg_extent(JPEG).n_bytes == len(JPEG)
    assert jpeg_extent(JPEG).scans == 1
    progressive = file_of(COLOUR, "JPEG", progressive=True)
    extent = jpeg_extent(progressive + b"\xff\xd9\xff\xda" * 3)
    assert (extent.n_bytes, extent.scans) == (len(progressive), 10)
    tiny = b"\xff\xd8" + b"\xff\xfe\0\3a" + b"\xff\xff\xff\xd0" + b"\xff\xd9" + b"behind it"
    assert jpeg_extent(tiny) == Extent(len(tiny) - 9, 0, 3)
    for cut in (3, 40, len(JPEG) - 2):
        assert jpeg_extent(JPEG[:cut]) is None


@pytest.mark.parametrize(
    "behind",
    [
        bytes(1000),
        b"\0\0\0\x18ftypmp42" + b"\xff\xda" * 500,
        JPEG,
        JPEG[:-2],
        b"\xff\xda\xff\xda",
        b"text",
    ],
    ids=["zeros", "video", "a second picture", "half a picture", "scans", "text"],
)
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_what_lies_behind_a_jpeg_costs_nothing(behind, options):
    data = file_of(GREY, "JPEG", **options)
    assert np.array_equal(decode(data + behind).pixels, decode(data).pixels)


@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP", "BMP", "TIFF", "JPEG2000"])
def test_what_lies_behind_other_pictures_costs_nothing(kind):
    data = file_of(GREY, kind)
    assert np.array_equal(decode(data + b"\xff\xd8 and more" * 50).pixels, decode(data).pixels)


def test_a_jpeg_with_a_small_picture_of_itself_is_whole_or_refused():
    exif = b"\xff\xe1" + struct.pack(">H", len(JPEG) + 2) + JPEG
    data = after_start(JPEG, exif)
    assert np.array_equal(decode(data).pixels, decode(JPEG).pixels)
    assert "truncated" in refused(data[:-40]).reason


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (after_start(JPEG, b"\xff\xfe\0\2" * 25_000), "more segments than any film has"),
        (after_start(JPEG, b"\xff" * 2_000), "more segments than any film has"),
        (b"\xff\xd8" + b"\xff" * 2_000, "more segments than any film has"),
        (after_start(PNG, chunk(b"abCd", b"") * 25_000, 33), "more chunks than any film has"),
        (after_start(PNG, chunk(b"IDAT", b"") * 25_000, 33), "more chunks than any film has"),
        (JPEG_2000, "of 100 million pixels would take about 4.1 GB of memory"),
    ],
    ids=["segments", "fill bytes", "fill bytes alone", "chunks", "empty data", "JPEG 2000"],
)
def test_a_chain_without_end_or_a_giant_is_too_costly(data, words):
    error = refused(data)
    assert words in error.reason
    assert error.reason.endswith("it is too costly to read.")
    assert "Export the film again, at a smaller size" in error.remedy


@pytest.mark.parametrize(
    ("kind", "mode", "channels", "most"),
    [
        ("JPEG", "L", 1, 300),
        ("PNG", "RGB", 3, 100),
        ("TIFF", "F", 1, 40),
        ("WebP", "RGBA", 4, 50),
        ("JPEG 2000", "I;16", 1, 100),
        ("JPEG 2000", "RGBA", 4, 27.2),
        ("DICOM", "", 1, 54),
    ],
)
def test_memory_is_bounded_by_bytes_and_channels_and_not_by_pixels(kind, mode, channels, most):
    """The most million pixels that 1.2 GB hold."""
    check_memory(kind, mode, int(most * 1e6), channels)
    with pytest.raises(UnreadableImage, match="of memory: it is too costly to read"):
        check_memory(kind, mode, int(most * 1.02e6), channels)


def test_a_tiff_of_real_values_is_counted_by_its_bytes():
    tags = {256: 9_000, 257: 9_000, 258: 32, 259: 1, 262: 1, 277: 1, 339: 3, 278: 9_000}
    tags |= {273: 8, 279: 40}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items())
    )
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(44)
    assert "81 million pixels would take about 2.3 GB of memory" in refused(data).reason


def test_dicom_of_too_many_elements_is_too_costly(dicom_file):
    data = dicom_file()
    first = data.index(b"\x08\x00\x16\x00", 140)
    sequence = b"\x08\0\x15\0SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\0\0\0\0" * 60_000
    sequence += b"\xfe\xff\xdd\xe0\0\0\0\0"
    for extra in (EMPTY_ELEMENT * 60_000, sequence):
        assert (
            "more elements than any film needs" in refused(after_start(data, extra, first)).reason
        )


def test_deflated_dicom_of_too_many_elements_is_too_costly(dicom_file):
    data = dicom_file(syntax=DeflatedExplicitVRLittleEndian)
    begin = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(EMPTY_ELEMENT * 60_000) + packer.flush()
    assert len(body) < 5_000
    assert "more elements than any film needs" in refused(data[:begin] + body).reason


def test_fragments_and_segments_without_end_inside_dicom(dataset):
    frame = file_of(GREY[:32, :32].copy(), "JPEG")
    for pixels in (
        b"\xfe\xff\0\xe0\0\0\0\0" * 60_000 + encapsulate([frame], has_bot=False),
        encapsulate([after_start(frame, b"\xff\xfe\0\2" * 25_000)]),
    ):
        made = dataset(GREY[:32, :32].copy(), bits=8)
        made.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        made.PixelData = pixels
        made["PixelData"].is_undefined_length = True
        file = BytesIO()
        made.save_as(file, enforce_file_format=True)
        reason = refused(file.getvalue()).reason
        assert "more elements than any film needs" in reason or "are damaged" in reason


def test_ordinary_pictures_are_decoded_at_once(monkeypatch):
    monkeypatch.setattr(isolation, "decoders", lambda: pytest.fail("a process was asked"))
    for data in (JPEG, PNG, file_of(COLOUR, "JPEG", progressive=True)):
        assert decode(data).pixels.shape == (40, 48)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (JPEG[:-2], "JPEG"),
        (file_of(np.zeros((5_000, 5_100), np.uint8), "PNG"), "PNG"),
        (file_of(np.zeros((4_000, 4_500, 3), np.uint8), "PNG", compress_level=1), "PNG"),
        (after_start(PNG, chunk(b"tEXt", b"a\0" + bytes(2**21)), 33), "PNG"),
        (JPEG[:-2] + b"\xff\0" * 2**20 + JPEG[-2:], "JPEG"),
        (file_of(GREY, "TIFF"), "TIFF"),
        (file_of(GREY, "GIF"), "GIF"),
    ],
)
def test_everything_else_is_not_ordinary(data, kind):
    assert not is_ordinary(data, kind)


def test_a_large_jpeg_of_many_scans_is_not_ordinary():
    file = BytesIO()
    Image.fromarray(np.zeros((4_000, 5_000), np.uint8)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    scan = data[data.rfind(b"\xff\xda") : -2]
    assert is_ordinary(data, "JPEG")
    assert not is_ordinary(data[:-2] + 3 * scan + data[-2:], "JPEG")


def test_chunks_are_counted_up_to_the_end_mark():
    assert png_chunks(PNG) == 2
    assert png_chunks(PNG + chunk(b"abCd", b"") * 9) == 2
    assert png_chunks(PNG[:30]) == 1


def test_of_a_deflated_header_no_more_is_inflated_than_a_film_has(dicom_file):
    data = dicom_file(syntax=DeflatedExplicitVRLittleEndian, StudyInstanceUID="1.2.3")
    assert study_facts(data).study_uid == "1.2.3"
    begin = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = packer.compress(b"\x09\0\x10\x10UN\0\0" + (190_000_000).to_bytes(4, "little"))
    body += packer.compress(bytes(2**24)) + packer.flush()
    tracemalloc.start()
    assert study_facts(data[:begin] + body).study_uid == ""
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6  # 8 MB of header, in copies
