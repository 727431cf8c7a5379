"""The size of a JPEG, JPEG-LS or JPEG 2000 picture, from its header alone."""

from __future__ import annotations

import struct
from typing import NamedTuple


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
