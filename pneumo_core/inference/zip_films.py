"""A ZIP of films, of a patient CD for example: which of its files are read, and what is left out.

Nothing is unpacked to the disk: each film is read into memory alone, after the checks that a zip of
a model passes too.
"""

from __future__ import annotations

import io
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import IO, TYPE_CHECKING

from pneumo_core.errors import BundleError, UnreadableImage
from pneumo_core.formatting import count
from pneumo_core.imaging.formats import AGAIN, dicom_start, format_of
from pneumo_core.untrusted_zip import (
    MAX_BYTES,
    blocks,
    fault_of_kind,
    fault_of_size,
    open_contents,
)

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator
    from pathlib import Path

MAX_MEMBERS = 2000
MAX_DIRECTORY = 2**20  # bytes of the table of contents: some 500 a member
# Of a file on the disk, whose members are read one at a time: a DVD of slices.
FILE_BYTES, FILE_MEMBERS, FILE_DIRECTORY = 16 * 2**30, 50_000, 32 * 2**20
REFUSED = (
    f"This ZIP file is damaged or protected, or holds more than {MAX_MEMBERS:,} files. Unpack it "
    "and drop the films."
)
NOT_A_PICTURE, SYSTEM_FILE = "no picture", "of the system"
UNSAFE, TOO_LARGE, DAMAGED, NO_ROOM = "not safe to open", "too large", "damaged", "beyond the limit"
_WHAT = "a zip of films"
_INDEX = "DICOMDIR"
_SYSTEM = ("__MACOSX", "Thumbs.db", "desktop.ini", _INDEX)
_UNPACK = "Unpack the ZIP file and name the films in it."


@dataclass(frozen=True)
class Member:
    """A file of a zip on the disk: its place in the table of contents, its name, and why it cannot
    be read, "" where it can; passed_over: it is the index or the viewer of a patient CD.
    """

    at: int
    name: str
    fault: str = ""
    passed_over: bool = False


@dataclass
class ZippedFilms:
    """The films of a zip; `left_out` counts what was not read, by reason.

    Beside the index of a patient CD, DICOMDIR, the films are the DICOM files: `discs` are the
    folders of such indexes, as names of members begin.
    """

    archive: zipfile.ZipFile
    members: list[zipfile.ZipInfo] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    discs: tuple[str, ...] = ()
    stream: IO[bytes] | None = None  # of a file on the disk, which is closed with this

    def __del__(self) -> None:
        if self.stream is not None:
            self.stream.close()

    def content(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a member, no more than it declares. Raises BundleError."""
        data = bytearray()
        for block in blocks(self.archive, info, _WHAT):
            data += block
            if len(data) > info.file_size:
                break
        if len(data) != info.file_size:
            raise BundleError(f"{info.filename} has another size than the zip declares.")
        return bytes(data)

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """The bytes of a film; b"" for what is none, which is counted."""
        data = b""
        with suppress(BundleError):
            data = self.content(info)
        if not data:
            self.left_out[DAMAGED] += 1
            return b""
        kind = format_of(data)
        if kind is None or (self.on_disc(info) and kind != "DICOM"):
            self.left_out[NOT_A_PICTURE] += 1
            return b""
        return data

    def on_disc(self, info: zipfile.ZipInfo) -> bool:
        """Whether a member belongs to a patient CD."""
        return bool(self.discs) and info.filename.startswith(self.discs)

    def beside_the_films(self, info: zipfile.ZipInfo) -> bool:
        """Whether a member is index, viewer or picture of a patient CD; damage is not said."""
        if not self.on_disc(info):
            return False
        if _is_index(info):
            return True
        try:
            with self.archive.open(info) as opened:
                return dicom_start(opened.read(4096)) is None
        except Exception:  # noqa: BLE001 - a damaged member may raise anything: it has its row
            return False

    def listing(self, max_bytes: int) -> Iterator[Member]:
        """All files but those of the system, in their order; each of at most `max_bytes`."""
        for at, info in enumerate(self.archive.infolist()):
            if info.is_dir() or (is_system_file(info.filename) and not _is_index(info)):
                continue
            fault = fault_of_kind(info)
            beside = not fault and self.beside_the_films(info)
            fault = fault or ("" if beside else fault_of_size(info, max_bytes))
            yield Member(at, info.filename, f"{fault}. {_UNPACK}" if fault else "", beside)

    def read_at(self, at: int) -> bytes:
        """The bytes of a member of the listing. Raises UnreadableImage."""
        try:
            return self.content(self.archive.infolist()[at])
        except (BundleError, IndexError):
            raise UnreadableImage("This file of the ZIP is damaged.", AGAIN) from None

    def name(self, info: zipfile.ZipInfo) -> str:
        """How a film is called: without its folders, unless another has the same name."""
        base = _base(info.filename)
        same = sum(_base(one.filename) == base for one in self.members)
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
    """Whether a file is a zip of files, and no office document, by its first 4096 bytes."""
    return data.startswith(b"PK\x03\x04") and b"[Content_Types].xml" not in data[:4096]


def is_zip_file(path: Path) -> bool:
    """`is_zip` of a file on the disk; False for what cannot be opened."""
    try:
        with path.open("rb") as file:
            return is_zip(file.read(4096))
    except (OSError, ValueError):
        return False


def open_films(data: bytes, max_bytes: int) -> ZippedFilms:
    """The films of a zip, each of at most `max_bytes`. Raises BundleError."""
    archive = open_contents(
        io.BytesIO(data), _WHAT, max_members=MAX_MEMBERS, max_directory=MAX_DIRECTORY
    )
    films, total = ZippedFilms(archive, discs=_discs(archive, len(data))), 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        total += info.file_size
        why = _why_left_out(info, max_bytes)
        if not why and total > MAX_BYTES:
            why = TOO_LARGE
        if why:
            films.left_out[why] += 1
        else:
            films.members.append(info)
    return films


def _why_left_out(info: zipfile.ZipInfo, max_bytes: int) -> str:
    if is_system_file(info.filename):
        return SYSTEM_FILE
    if fault_of_kind(info):
        return UNSAFE
    return TOO_LARGE if fault_of_size(info, max_bytes) else ""


def _discs(archive: zipfile.ZipFile, n_bytes: int) -> tuple[str, ...]:
    """The folders of a patient CD. Raises BundleError where the members overlap."""
    members = archive.infolist()
    if sum(info.compress_size for info in members) > n_bytes:
        raise BundleError(REFUSED)
    return tuple(info.filename[: -len(_base(info.filename))] for info in members if _is_index(info))


def _is_index(info: zipfile.ZipInfo) -> bool:
    return _base(info.filename).upper().rstrip(".") == _INDEX


def _base(name: str) -> str:
    return name.rpartition("/")[2]


def members_of(path: Path, max_bytes: int) -> Iterator[Member]:
    """The files of the zip at `path`. Raises UnreadableImage where it cannot be opened."""
    return _opened(path).listing(max_bytes)


def read_member(path: Path, at: int) -> bytes:
    """The bytes of one file of the zip at `path`. Raises UnreadableImage."""
    return _opened(path).read_at(at)


def open_sent(data: bytes) -> ZippedFilms:
    """A zip that a program sent, for its `listing`. Raises UnreadableImage."""
    try:
        archive = open_contents(
            io.BytesIO(data), _WHAT, max_members=MAX_MEMBERS, max_directory=MAX_DIRECTORY
        )
        return ZippedFilms(archive, discs=_discs(archive, len(data)))
    except BundleError:
        raise _not_opened(MAX_MEMBERS) from None


def _opened(path: Path) -> ZippedFilms:
    try:
        facts = path.stat()
        return _opened_once(path, facts.st_size, facts.st_mtime_ns)
    except BundleError:
        raise _not_opened(FILE_MEMBERS) from None
    except OSError as error:
        why = error.strerror or "the disk failed"
        raise UnreadableImage(f"{path.name} cannot be opened: {why}.", "Check it.") from None


def _not_opened(most: int) -> UnreadableImage:
    words = f"This ZIP file is damaged or protected, or holds more than {most:,} files."
    return UnreadableImage(words, _UNPACK)


@lru_cache(maxsize=2)
def _opened_once(path: Path, _size: int, _time: int) -> ZippedFilms:
    """A zip that stays open while its films are read."""
    with ExitStack() as undone:
        stream = undone.enter_context(path.open("rb"))
        archive = open_contents(
            stream,
            _WHAT,
            max_bytes=FILE_BYTES,
            max_members=FILE_MEMBERS,
            max_directory=FILE_DIRECTORY,
            zip64=True,
        )
        found = ZippedFilms(archive, discs=_discs(archive, path.stat().st_size), stream=stream)
        undone.pop_all()
    return found
