"""The format of a file, from its first bytes, not its name; limits on its size; and the cost of
decoding it, from its bytes and header alone, before any pixel is decoded.

Pictures of a few kilobytes may take gigabytes or minutes. The memory is estimated by pixels, bytes
and channels; the chains of segments that a decoder walks one by one are bounded.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from pneumo_core.errors import UnreadableImage
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from pneumo_core.config import Limits

EXPECTED = "Expected a chest film as JPEG, PNG, TIFF, BMP, WebP, GIF, JPEG 2000 or DICOM."
AGAIN = f"{EXPECTED} Export or download the film again."

_PICTURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),  # the bare codestream
)
_BMP_HEADERS = {12, 16, 40, 52, 56, 64, 108, 124}
MAX_MEMORY = 1_200_000_000  # bytes that decoding one film may take
_MAX_PARTS = 20_000  # segments or chunks of a film: one of 50 MB in pieces of 8 KB has 6,400
_MAX_FILL = 1_000  # fill bytes before a marker
# An ordinary picture is decoded at once, in the process that asks.
_ORDINARY_PIXELS = 25_000_000
_ORDINARY_SCANNED = 150_000_000  # pixels times scans of a progressive JPEG
_ORDINARY_PLAIN = 50_000_000  # bytes of a PNG's pixels, uncompressed
_ORDINARY_EXTRA = 2**20  # bytes of a file beyond four a pixel

# Bytes a pixel, measured: as it is kept decoded, with what the way to grey adds.
_GREY, _COLOUR, _REAL = 4, 12, 30
# More for each channel: coefficients, twice; a second canvas; levels of 32 and 64 bits.
_MORE = {"JPEG 2000": 8, "WebP": 3, "DICOM": 18}
_PNG_HEADER = 33  # bytes
_PNG_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type
_NOT_FILL = re.compile(rb"[^\xff]")
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # ends a scan (ITU-T T.81 B.1.1.2)
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}


def format_of(data: bytes) -> str | None:
    """The picture format of `data`, as in `SourceFacts.format`, or None for anything else."""
    if dicom_start(data) is not None:  # first: a DICOM preamble may imitate a TIFF
        return "DICOM"
    for magic, name in _PICTURES:
        if data.startswith(magic):
            return name
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    return None


def dicom_start(data: bytes) -> int | None:
    """Where a DICOM reader should begin in `data`, or None where it is no DICOM file.

    A file in order has "DICM" after its 128-byte preamble (PS3.10 section 7.1). Without it,
    `data` must begin with two elements of group 0002 or 0008 in order. One stray byte before
    them is allowed: what is left when the header was cut off and its padding was not.
    """
    if data[128:132] == b"DICM":
        return 0
    return next((start for start in (0, 1) if _is_element_pair(data[start : start + 300])), None)


def _is_element_pair(data: bytes) -> bool:
    if len(data) < 24:
        return False
    group, element, length = struct.unpack_from("<HHI", data)
    if group not in {0x0002, 0x0008}:
        return False
    value_at = 8
    if data[4:6].isalpha() and data[4:6].isupper():  # explicit value representation
        if data[4:6] in {b"OB", b"UN", b"SQ", b"UT"}:
            value_at, length = 12, struct.unpack_from("<I", data, 8)[0]
        else:
            length = struct.unpack_from("<H", data, 6)[0]
    if value_at + length + 4 > len(data):
        return False
    following = struct.unpack_from("<HH", data, value_at + length)
    return following[0] in {0x0002, 0x0008} and following > (group, element)


class FrameSize(NamedTuple):
    """Rows and columns, bits of one sample, and samples of one pixel."""

    rows: int
    columns: int
    bits: int
    samples: int


# Start of frame: SOF0 to SOF15 without DHT, JPG and DAC (ITU-T T.81 table B.1), and SOF55
# of JPEG-LS (ITU-T T.87).
_MAX_SEGMENTS = 2_000  # before the frame, fill bytes as well; a film has ten
_START_OF_FRAME = (set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}) | {0xF7}


def frame_size(frame: bytes) -> FrameSize | None:
    """What the header of `frame` states, or None where it has no such header."""
    if frame.startswith(b"\xff\xd8"):
        return _jpeg(frame)
    siz = frame.find(b"\xff\x4f\xff\x51", 0, 4096)  # bare, or inside a JP2 file
    return None if siz < 0 else _jpeg_2000(frame, siz + 4)


def _jpeg(frame: bytes) -> FrameSize | None:
    at = 2
    for _ in range(_MAX_SEGMENTS):
        if at + 10 > len(frame) or frame[at] != 0xFF:
            return None
        marker = frame[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _START_OF_FRAME:
            bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, at + 4)
            return FrameSize(rows, columns, bits, samples)
        at += 2 + int.from_bytes(frame[at + 2 : at + 4], "big")
    return None


def _jpeg_2000(frame: bytes, at: int) -> FrameSize | None:
    """The SIZ segment (ITU-T T.800 A.5.1), `at` its length field."""
    if at + 39 > len(frame):
        return None
    right, bottom, left, top = struct.unpack_from(">4I", frame, at + 4)
    samples, depth = struct.unpack_from(">HB", frame, at + 36)
    return FrameSize(bottom - top, right - left, (depth & 0x7F) + 1, samples)


def check_bytes(n_bytes: int, limits: Limits) -> None:
    """Raise UnreadableImage where a file of `n_bytes` is empty or larger than allowed."""
    if n_bytes == 0:
        raise UnreadableImage("This file is empty.", AGAIN)
    if n_bytes > limits.max_bytes:
        raise UnreadableImage(
            f"This file has {file_size(n_bytes)}; at most {file_size(limits.max_bytes)} are read.",
            "Export the film as JPEG or PNG. Whoever runs Pneumo can raise the limit.",
        )


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise UnreadableImage where the header states too few or too many pixels."""
    what = f"This picture has {width} × {height} pixels"
    if min(width, height) < limits.min_side:
        raise UnreadableImage(
            f"{what}; at least {limits.min_side} × {limits.min_side} are needed.",
            "Drop the original film, not a thumbnail or a strip of it.",
        )
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise UnreadableImage(
            f"{what}; at most {limits.max_side} on a side and "
            f"{limits.max_pixels / 1e6:.0f} million in all are read.",
            "Export the film at a smaller size. Whoever runs Pneumo can raise the limit.",
        )


def too_costly(what: str) -> UnreadableImage:
    """The refusal of a file whose decoding would take more time or memory than a film is worth."""
    return UnreadableImage(
        f"{what}: it is too costly to read.",
        f"{EXPECTED} Export the film again, at a smaller size or as an ordinary JPEG or PNG.",
    )


_EXPORT = f"{EXPECTED} Export the film itself as JPEG or PNG and drop that."
_UNPACK = f"{EXPECTED} Unpack it and drop the films inside."
_STILL = f"{EXPECTED} A single picture is needed, not a video."


# offset, bytes there, what that is, what to do about it
_FOREIGN = (
    (0, b"%PDF", "a PDF document", _EXPORT),
    (0, b"PK\x03\x04", "a ZIP archive or an office document", _UNPACK),
    (0, b"PK\x05\x06", "an empty ZIP archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"\x1f\x8b", "a gzip archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\xd0\xcf\x11\xe0", "an old office document", _EXPORT),
    (0, b"{\\rtf", "an RTF document", _EXPORT),
    (0, b"%!PS", "a PostScript document", _EXPORT),
    (4, b"ftyphei", "a HEIC photograph", _EXPORT),
    (4, b"ftypmif1", "a HEIC photograph", _EXPORT),
    (4, b"ftypavif", "an AVIF picture", _EXPORT),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture", _EXPORT),
    (0, b"\xff\x0a", "a JPEG XL picture", _EXPORT),
    (0, b"8BPS", "a Photoshop document", _EXPORT),
    *((0, b"P%c\n" % digit, "a PNM file (PBM, PGM, PPM or PAM)", _EXPORT) for digit in b"1234567"),
    (0, b"\0\0\1\0", "an icon", _EXPORT),
    (4, b"ftyp", "an MP4 or QuickTime video", _STILL),
    (8, b"AVI ", "an AVI video", _STILL),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video", _STILL),
    (0, b"\0\0\1\xba", "an MPEG video", _STILL),
    (0, b"\0\0\1\xb3", "an MPEG video", _STILL),
    (8, b"WAVE", "a sound file", _STILL),
    (0, b"ID3", "a sound file", _STILL),
    (344, b"n+1\0", "a NIfTI volume", _EXPORT),
    (0, b"NRRD", "an NRRD volume", _EXPORT),
    (0, b"\x89HDF", "an HDF5 file", _EXPORT),
    (0, b"\x93NUMPY", "a NumPy array", _EXPORT),
    (0, b"SQLite format 3", "a database", _EXPORT),
    (0, b"\x7fELF", "a program", AGAIN),
    (0, b"MZ", "a program", AGAIN),
)


def refuse_foreign_file(data: bytes) -> None:
    """Raise UnreadableImage saying what `data`, which is no picture, is instead."""
    words, remedy = _foreign(data)
    raise UnreadableImage(f"This is {words}, not a picture.", remedy)


def _foreign(data: bytes) -> tuple[str, str]:
    for offset, magic, words, remedy in _FOREIGN:
        if data.startswith(magic, offset):
            return words, remedy
    start = data[:2048].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page (HTML)", AGAIN
    if b"<svg" in start:
        return "an SVG drawing", _EXPORT
    if _is_text(data[:2048]):
        return "a text file", AGAIN
    if not data.strip(b"\0"):
        return "a file of zeros, as after a failed download", AGAIN
    return "a file of unknown kind", AGAIN


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8", errors="strict" if len(start) < 2048 else "ignore")
    except UnicodeDecodeError:
        return False
    readable = sum(character.isprintable() or character.isspace() for character in text)
    return readable > 0.95 * max(len(text), 1) and len(text) > 0.9 * len(start)


class Extent(NamedTuple):
    """A JPEG from its start to its end marker: bytes, scans, and segments."""

    n_bytes: int
    scans: int
    parts: int


def jpeg_extent(data: bytes) -> Extent | None:
    """Where the JPEG at the start of `data` ends, whatever lies behind it, a video for example.

    None where its segments are broken or cut short. Raises UnreadableImage where there are more
    than any film has.
    """
    at, scans = 2, 0
    for parts in range(1, _MAX_PARTS):
        marker = _NOT_FILL.search(data, at + 1)
        if data[at : at + 1] != b"\xff":
            return None
        if (marker.start() if marker else len(data)) - at > _MAX_FILL:
            break
        if marker is None:
            return None
        kind, at = marker[0][0], marker.end()
        if kind == 0xD9:
            return Extent(at, scans, parts)
        if kind in _WITHOUT_LENGTH:
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        at += length
        if length < 2 or at > len(data):
            return None
        if kind == 0xDA:
            scans += 1
            found = _MARKER.search(data, at)
            if found is None:
                return None
            at = found.start()
    raise too_costly("This JPEG consists of more segments than any film has")


def png_chunks(data: bytes) -> int:
    """How many chunks a PNG has up to its end mark. Raises UnreadableImage as `jpeg_extent`."""
    at = 8
    for chunks in range(_MAX_PARTS):
        kind = data[at + 4 : at + 8]
        if len(kind) < 4 or kind == b"IEND":
            return chunks
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    raise too_costly("This PNG consists of more chunks than any film has")


def is_ordinary(data: bytes, kind: str) -> bool:
    """Whether `data` is a whole JPEG or PNG of usual size, which takes milliseconds to decode.

    Raises UnreadableImage where it would take minutes.
    """
    if kind == "JPEG":
        extent, size = jpeg_extent(data), frame_size(data)
        if extent is None or size is None:
            return False
        pixels = size.rows * size.columns
        scanned = pixels * max(1, extent.scans)
        padded = extent.n_bytes > 4 * pixels + _ORDINARY_EXTRA
        return pixels <= _ORDINARY_PIXELS and scanned <= _ORDINARY_SCANNED and not padded
    if kind == "PNG" and len(data) > _PNG_HEADER:
        png_chunks(data)
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        plain = width * height * max(1, data[24] // 8) * _PNG_SAMPLES.get(data[25], 4)
        padded = len(data) > 2 * plain + _ORDINARY_EXTRA
        return width * height <= _ORDINARY_PIXELS and plain <= _ORDINARY_PLAIN and not padded
    return False


def check_memory(kind: str, mode: str, pixels: int, channels: int) -> None:
    """Raise UnreadableImage where decoding would take more than `MAX_MEMORY`.

    kind: the format; mode: Pillow's; channels: samples a pixel.
    """
    each = _REAL if mode in {"I", "F"} else _GREY if channels == 1 else _COLOUR
    each += _MORE.get(kind, 0) * channels
    if pixels * each > MAX_MEMORY:
        raise too_costly(
            f"Decoding this {kind} of {pixels / 1e6:.0f} million pixels would take about "
            f"{file_size(pixels * each)} of memory"
        )
