"""Which files to read: those named, and those in the folders and ZIP files named, in order.

Nothing that may be a film is left out unsaid: a link that leads to no file, a folder that cannot be
opened and a device are sources too, with the reason why they are not read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.config import load_settings
from pneumo_core.errors import DataSetError, UnreadableImage
from pneumo_core.imaging.decode import read_file
from pneumo_core.imaging.formats import check_bytes, dicom_start
from pneumo_core.inference.zip_films import is_zip_file, members_of, read_member

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pneumo_core.config import Limits

SKIPPED_NAMES = frozenset({"Thumbs.db", "desktop.ini"})
_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class Source:
    """A file to read and the name to show, as typed; `fault`: why it cannot be, "" where it can.

    url: where it is, for a file of an object store; collection: the folder of the archive that it
    is in, "" for the top; member: its place in the ZIP file that `path` is.
    """

    path: Path
    name: str
    fault: str = ""
    url: str = ""
    collection: str = ""
    member: int | None = None

    def read(self, limits: Limits) -> bytes:
        """The bytes of the file, whose size is checked first. Raises UnreadableImage."""
        if self.member is not None:
            return read_member(self.path, self.member)
        return _download(self.url, limits) if self.url else read_file(self.path, limits)


def sources_below(paths: Iterable[Path], passed_over: list[Path] | None = None) -> Iterator[Source]:
    """Every file to read: as typed, then relative to the folder typed, sorted within each folder.

    Folders are listed one at a time, as the sources are asked for. Hidden files, the folder
    __MACOSX and what file managers leave behind are no sources. Links to files are followed, links
    to folders are not: they may lead in a circle. Beside a DICOMDIR (PS3.10 section 8.6) only DICOM
    files are films: the index itself, the viewer and its pictures are put into `passed_over`. A ZIP
    file that is named is as the folder that was packed into it; nothing of it is unpacked to the
    disk.
    """
    others = [] if passed_over is None else passed_over
    for path in paths:
        if path.is_dir():
            yield from _below(path, others, on_disc=False)
        elif is_zip_file(path):
            yield from _zipped(path, others)
        else:
            yield Source(path, str(path))


def _zipped(path: Path, others: list[Path]) -> Iterator[Source]:
    try:
        for member in members_of(path, load_settings().limits.max_bytes):
            if member.passed_over:
                others.append(path / member.name)
            else:
                yield Source(path, f"{path}/{member.name}", member.fault, member=member.at)
    except UnreadableImage as error:
        yield Source(path, str(path), str(error))


def _below(folder: Path, others: list[Path], *, on_disc: bool) -> Iterator[Source]:
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        why = error.strerror or "the disk failed"
        yield Source(folder, str(folder), f"The folder {folder.name} cannot be opened: {why}.")
        return
    on_disc = on_disc or any(map(_is_index, entries))
    for entry in entries:
        if entry.name.startswith(_HIDDEN) or entry.name in SKIPPED_NAMES:
            continue
        path = folder / entry.name
        if _is(entry, folder=True):
            yield from _below(path, others, on_disc=on_disc)
        elif on_disc and (_is_index(entry) or not _may_be_dicom(entry)):
            others.append(path)
        else:
            yield Source(path, str(path), _fault(entry))


def _is_index(entry: os.DirEntry[str]) -> bool:
    return entry.name.upper().rstrip(".") == "DICOMDIR" and _is(entry, folder=False)


def _may_be_dicom(entry: os.DirEntry[str]) -> bool:
    if _is(entry, folder=False):
        with suppress(OSError), Path(entry.path).open("rb") as opened:
            return dicom_start(opened.read(4096)) is not None
    return True  # it has its row, which says why it cannot be read


def _is(entry: os.DirEntry[str], *, folder: bool) -> bool:
    """Whether it is a folder of its own, or a file, by itself or through a link."""
    try:
        return entry.is_dir(follow_symlinks=False) if folder else entry.is_file()
    except OSError:
        return False


def _fault(entry: os.DirEntry[str]) -> str:
    if _is(entry, folder=False):
        return ""
    if not entry.is_symlink():
        if not os.path.lexists(entry.path):
            return ""  # it has vanished since: reading it says so
        return f"{entry.name} is a device or a pipe, not a file. Name the films themselves."
    if Path(entry.path).is_dir():
        return (
            f"{entry.name} is a link to a folder, which is not followed. Name that folder itself."
        )
    return f"{entry.name} is a broken link. Fix or remove it."


LIST_COLUMN = "path"
LIST_ENDINGS = (".csv", ".parquet")


def archive_of(place: str) -> Iterator[Source]:
    """The films of an archive: a folder, a CSV or Parquet file with a column "path", or a URL of an
    object store that Arrow knows (s3://, gs://).

    Raises DataSetError.
    """
    if "://" in place:
        return _in_store(place)
    path = Path(place)
    if path.is_dir():
        return _with_collections(path)
    if path.suffix.lower() in LIST_ENDINGS and path.is_file():
        return _listed(path)
    raise DataSetError(
        f"Expected a folder, a list ({' or '.join(LIST_ENDINGS)}) or a URL, {place} is none of "
        "them. Check the name."
    )


def _with_collections(folder: Path) -> Iterator[Source]:
    for source in sources_below([folder]):
        parts = source.path.relative_to(folder).parts
        yield replace(source, collection=parts[0] if len(parts) > 1 else "")


def _listed(path: Path) -> Iterator[Source]:
    """The films that a list names, relative ones from its own folder; a batch at a time."""
    from pyarrow import ArrowException, csv, parquet

    try:
        if path.suffix.lower() == ".csv":
            batches = csv.open_csv(path)
        else:
            batches = parquet.ParquetFile(path).iter_batches(columns=[LIST_COLUMN])
        for batch in batches:
            for name in batch.column(LIST_COLUMN).to_pylist():
                yield _named(str(name), path.parent)
    except (ArrowException, KeyError, OSError) as error:
        raise DataSetError(
            f"Expected a list with a column {LIST_COLUMN!r} in {path.name}, found none: {error}. "
            "Correct the list."
        ) from error


def _named(name: str, folder: Path) -> Source:
    collection = PurePosixPath(name).parent.name
    if "://" in name:
        return Source(Path(PurePosixPath(name).name), name, url=name, collection=collection)
    return Source(folder / name, name, collection=collection)


def _in_store(url: str) -> Iterator[Source]:
    from pyarrow import fs

    try:
        store, root = fs.FileSystem.from_uri(url)
        found = store.get_file_info(fs.FileSelector(root, recursive=True))
    except (OSError, ValueError) as error:
        raise DataSetError(
            f"Expected films at {url}, which cannot be listed: {error}. Check the address."
        ) from error
    for info in sorted(found, key=lambda one: str(one.path)):
        below = PurePosixPath(info.path).relative_to(root)
        hidden = any(part.startswith(_HIDDEN) or part in SKIPPED_NAMES for part in below.parts)
        if info.type == fs.FileType.File and not hidden:
            name = f"{url.rstrip('/')}/{below}"
            collection = below.parts[0] if len(below.parts) > 1 else ""
            yield Source(Path(below.name), name, url=name, collection=collection)


def _download(url: str, limits: Limits) -> bytes:
    from pyarrow import fs

    name = PurePosixPath(url).name
    try:
        store, path = fs.FileSystem.from_uri(url)
        info = store.get_file_info(path)
        if info.type != fs.FileType.File:
            raise UnreadableImage(f"There is no file {name}.", "Check the name.")
        check_bytes(info.size, limits)
        with store.open_input_stream(path) as file:
            return bytes(file.read())
    except (OSError, ValueError):
        raise UnreadableImage(f"{name} cannot be fetched.", "Check the address.") from None
