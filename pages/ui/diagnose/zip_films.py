"""A zip of films that a person drops: which of its files are read, and what is left out and why.

Nothing is unpacked to the disk: each film is read into memory alone, after the checks that a zip of
a model passes too.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pneumo_core.errors import BundleError
from pneumo_core.formatting import count
from pneumo_core.imaging.formats import format_of
from pneumo_core.untrusted_zip import (
    MAX_BYTES,
    blocks,
    fault_of_kind,
    fault_of_size,
    open_contents,
)

if TYPE_CHECKING:
    import zipfile

MAX_MEMBERS = 2000
MAX_DIRECTORY = 2**20  # bytes of the table of contents: some 500 a member
REFUSED = (
    f"This ZIP file is damaged or protected, or holds more than {MAX_MEMBERS:,} files. Unpack it "
    "and drop the films."
)
NOT_A_PICTURE, SYSTEM_FILE = "no picture", "of the system"
UNSAFE, TOO_LARGE, DAMAGED, NO_ROOM = "not safe to open", "too large", "damaged", "beyond the limit"
_WHAT = "a zip of films"
_SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini", "DICOMDIR")


@dataclass
class ZippedFilms:
    """The films of a zip; `left_out` counts what was not read, by reason."""

    archive: zipfile.ZipFile | None  # None where the zip cannot be opened
    members: list[zipfile.ZipInfo] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    is_disc: bool = False  # a patient CD: beside its DICOMDIR the films are the DICOM files

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a film; b"" for what is none, which is counted."""
        if self.archive is None:
            return b""
        data = bytearray()
        try:
            for block in blocks(self.archive, info, _WHAT):
                data += block
                if len(data) > info.file_size:
                    break
        except BundleError:
            data.clear()
        if not data or len(data) != info.file_size:
            self.left_out[DAMAGED] += 1
            return b""
        kind = format_of(bytes(data))
        if kind is None or (self.is_disc and kind != "DICOM"):
            self.left_out[NOT_A_PICTURE] += 1
            return b""
        return bytes(data)

    def name(self, info: zipfile.ZipInfo) -> str:
        """How a film is called: without its folders, unless another has the same name."""
        base = info.filename.rpartition("/")[2]
        same = sum(one.filename.rpartition("/")[2] == base for one in self.members)
        return base if same == 1 else info.filename

    def summary(self, name: str, read: int) -> str:
        """What was read of the zip called `name`, and what was left out: "" where nothing was."""
        if not self.left_out:
            return ""
        reasons = ", ".join(f"{n:,} {why}" for why, n in self.left_out.most_common())
        left = count(self.left_out.total(), "files")
        return f"{name}: {count(read, 'films')} read, {left} left out ({reasons})."


def is_system_file(name: str) -> bool:
    """Whether a computer keeps such a file in folders of films: "__MACOSX/…", ".DS_Store"."""
    parts = name.split("/")
    return parts[0] in _SYSTEM or parts[-1] in _SYSTEM or parts[-1].startswith(".")


def is_zip(data: bytes) -> bool:
    """Whether a file is a zip of files, and no office document."""
    return data.startswith(b"PK\x03\x04") and b"[Content_Types].xml" not in data[:4096]


def open_films(data: bytes, max_bytes: int) -> ZippedFilms:
    """The films of a zip, each of at most `max_bytes`. Raises BundleError."""
    archive = open_contents(
        io.BytesIO(data), _WHAT, max_members=MAX_MEMBERS, max_directory=MAX_DIRECTORY
    )
    films, total, stored = ZippedFilms(archive), 0, 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        films.is_disc |= info.filename.rpartition("/")[2].upper() == "DICOMDIR"
        total, stored = total + info.file_size, stored + info.compress_size
        why = _why_left_out(info, max_bytes)
        if not why and total > MAX_BYTES:
            why = TOO_LARGE
        if why:
            films.left_out[why] += 1
        else:
            films.members.append(info)
    if stored > len(data):
        raise BundleError(REFUSED)  # its members overlap
    return films


def _why_left_out(info: zipfile.ZipInfo, max_bytes: int) -> str:
    if is_system_file(info.filename):
        return SYSTEM_FILE
    if fault_of_kind(info):
        return UNSAFE
    return TOO_LARGE if fault_of_size(info, max_bytes) else ""
