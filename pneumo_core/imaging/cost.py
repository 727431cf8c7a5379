"""Cost of decoding a file, from its bytes and its header alone, before any pixel is decoded.

Pictures of a few kilobytes may take gigabytes or minutes. The memory is estimated by pixels, bytes
and channels; the chains of segments that a decoder walks one by one are bounded.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pneumo_core.formatting import file_size
from pneumo_core.imaging.formats import frame_size, too_costly

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
