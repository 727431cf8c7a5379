"""What a file that is no picture is instead, so that the refusal can say so."""

from __future__ import annotations

from pneumo_core.errors import UnreadableImage
from pneumo_core.films.header import AGAIN, EXPECTED

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
        return "a file of zeros, as a broken download leaves behind", AGAIN
    return "a file of unknown kind", AGAIN


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode("utf-8", errors="strict" if len(start) < 2048 else "ignore")
    except UnicodeDecodeError:
        return False
    readable = sum(character.isprintable() or character.isspace() for character in text)
    return readable > 0.95 * max(len(text), 1) and len(text) > 0.9 * len(start)
