"""Untrusted zip files: every member is checked before any of it is unpacked.

Only files expected by name are accepted, so no member can be written outside the folder; the
checks below give the reason for each refusal. Limits apply to declared and to actual sizes.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from typing import IO, TYPE_CHECKING

from pneumo_core.errors import BundleError
from pneumo_core.formatting import file_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

MAX_BYTES = 2**30  # of a zip
MAX_MEMBERS = 32
MAX_DIRECTORY = 64 * 2**10  # bytes of the zip's table of contents
MAX_RATIO = 200  # deflate reaches 1,032; text of a bundle about 20
SMALL = 2**20  # below this many bytes the ratio is not checked

_END, _END_BYTES = b"PK\x05\x06", 22
_ZIP64, _ZIP64_END = b"PK\x06\x07", b"PK\x06\x06"
_ESCAPES = re.compile(r"[A-Za-z]:|[/\\]|.*\\|(.*/)?\.\.(/|$)|.*[\x00-\x1f]", re.DOTALL)


def open_zip(stream: IO[bytes], what: str) -> zipfile.ZipFile:
    """The zip in `stream`, its table of contents checked: small, and no path outside its folder.

    Raises BundleError.
    """
    archive = open_contents(stream, what)
    for info in archive.infolist():
        if fault := fault_of_kind(info):
            raise refused(what, fault)
    return archive


def open_contents(  # noqa: PLR0913 - limits, by keyword
    stream: IO[bytes],
    what: str,
    *,
    max_bytes: int | None = None,
    max_members: int = MAX_MEMBERS,
    max_directory: int = MAX_DIRECTORY,
    zip64: bool = False,
) -> zipfile.ZipFile:
    """The zip in `stream`, the size of its table of contents checked, but no member.

    zipfile reads as many entries as a table claims; so its size is checked first (APPNOTE 6.3.10,
    4.3.16). ZIP64 is refused unless `zip64`: no file of up to 1 GiB needs it. Raises BundleError.
    """
    n_bytes, most = stream.seek(0, 2), max_bytes or MAX_BYTES
    if n_bytes > most:
        raise refused(what, f"it has {file_size(n_bytes)}; at most {file_size(most)}")
    stream.seek(max(0, n_bytes - _END_BYTES - 0xFFFF))
    tail = stream.read()
    at = tail.rfind(_END)
    if at < 0 or len(tail) - at < _END_BYTES:
        raise refused(what, "it is not a zip file, or it is truncated")
    members, directory = struct.unpack("<HI", tail[at + 10 : at + 16])
    locator = tail[max(0, at - 20) : at]
    large = locator.startswith(_ZIP64)
    if large and zip64:
        members, directory = _zip64_sizes(stream, locator, what)
    if (large and not zip64) or members > max_members or directory > max_directory:
        raise refused(what, f"its table of contents is longer than that of {max_members:,} files")
    try:
        return zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise refused(what, "its table of contents is damaged") from error


def _zip64_sizes(stream: IO[bytes], locator: bytes, what: str) -> tuple[int, int]:
    """Members and bytes of the table of contents by ZIP64's own end record (4.3.14, 4.3.15)."""
    (where,) = struct.unpack("<Q", locator[8:16])
    stream.seek(min(where, stream.seek(0, 2)))
    record = stream.read(56)
    if len(record) < 56 or not record.startswith(_ZIP64_END):
        raise refused(what, "its table of contents is damaged")
    members, directory = struct.unpack("<QQ", record[32:48])
    return members, directory


def checked_members(
    archive: zipfile.ZipFile, limits: Mapping[str, int], what: str, *, optional: Iterable[str] = ()
) -> dict[str, zipfile.ZipInfo]:
    """The members by name: exactly the files of `limits` (name → most bytes). Raises BundleError.

    Entries of folders are passed over. `optional` files may be missing.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.is_dir():
            if info.file_size:
                raise refused(what, f"the folder {_shown(info)} has content")
            continue
        if info.filename not in limits:
            raise refused(what, f"{_shown(info)} is not one of its files")
        if info.filename in members:
            raise refused(what, f"{info.filename} is in it twice")
        if fault := fault_of_size(info, limits[info.filename]):
            raise refused(what, fault)
        members[info.filename] = info
    for name in sorted(limits.keys() - set(optional) - members.keys()):
        raise refused(what, f"the file {name} is missing")
    stored = sum(info.compress_size for info in members.values())
    if archive.fp is None or stored > archive.fp.seek(0, 2):
        raise refused(what, "its members overlap")
    return members


def fault_of_kind(info: zipfile.ZipInfo) -> str:
    """Why a member may not be read, by its name and kind; "" where it may."""
    mode = stat.S_IFMT(info.external_attr >> 16)
    if _ESCAPES.match(info.orig_filename):
        return f"{_shown(info)} could be written outside its folder"
    if mode == stat.S_IFLNK:
        return f"{_shown(info)} is a link"
    if mode not in {0, stat.S_IFREG, stat.S_IFDIR}:
        return f"{_shown(info)} is not a regular file"
    if info.flag_bits & 0x1:
        return f"{_shown(info)} is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return f"{_shown(info)} uses a compression method that is not supported"
    return ""


def fault_of_size(info: zipfile.ZipInfo, most: int) -> str:
    """Why a member of at most `most` bytes may not be read, by its sizes; "" where it may."""
    if info.file_size > most:
        return f"{info.filename} unpacks to {file_size(info.file_size)}; at most {file_size(most)}"
    if info.file_size > max(SMALL, MAX_RATIO * info.compress_size):
        times = info.file_size / max(1, info.compress_size)
        return f"{info.filename} expands to {times:,.0f} times its size (a zip bomb)"
    return ""


def unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, what: str) -> None:
    """Write one checked member to the new file `target`, no more bytes than it declares."""
    written = 0
    with target.open("xb") as out:
        for block in blocks(archive, info, what):
            written += len(block)
            if written > info.file_size:
                break
            out.write(block)
    if written != info.file_size:
        raise refused(what, f"{info.filename} has another size than the zip declares")


def blocks(archive: zipfile.ZipFile, info: zipfile.ZipInfo, what: str) -> Iterator[bytes]:
    """The content of a member, a megabyte at a time, its CRC checked. Raises BundleError."""
    try:
        opened: AbstractContextManager[IO[bytes]] = archive.open(info)
        with opened as source:
            while block := source.read(2**20):
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError) as error:
        raise refused(what, f"{info.filename} is damaged and cannot be unpacked") from error


def refused(what: str, why: str) -> BundleError:
    """The error for a zip that is refused."""
    return BundleError(f"Expected {what}, but {why}. Ask for a new export of the model.")


def _shown(info: zipfile.ZipInfo) -> str:
    return repr(info.orig_filename[:80])
