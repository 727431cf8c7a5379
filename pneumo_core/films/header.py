"""What a file is, told by its first bytes and never by its name; and what it may cost."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pneumo_core.errors import UnreadableImage

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


def check_bytes(n_bytes: int, limits: Limits) -> None:
    """Raise UnreadableImage where a file of `n_bytes` is empty or larger than allowed."""
    if n_bytes == 0:
        raise UnreadableImage("This file is empty.", AGAIN)
    if n_bytes > limits.max_bytes:
        raise UnreadableImage(
            f"This file has {n_bytes / 2**20:.0f} MB; at most {limits.max_bytes / 2**20:.0f} MB "
            "are read.",
            "Export the film as JPEG or PNG, or raise PNEUMO_MAX_BYTES.",
        )


def check_size(width: int, height: int, limits: Limits) -> None:
    """Raise UnreadableImage where the header promises too few or too many pixels."""
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
            "Export the film at a smaller size, or raise PNEUMO_MAX_PIXELS or PNEUMO_MAX_SIDE.",
        )
