"""A data set in a ZIP archive: unpacked once into the cache, within limits.

Every member passes the checks that a model's archive passes: no path out of its folder, no link,
no bomb. Unpacked are pictures, tables and mappings, by their endings.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.dataset.sources import data_dir
from pneumo_core.errors import BundleError, DataSetError, disk_words
from pneumo_core.formatting import file_size
from pneumo_core.progress import Progress, silent
from pneumo_core.storage import read_json, write_json
from pneumo_core.untrusted_zip import fault_of_kind, fault_of_size, open_contents, unpack

if TYPE_CHECKING:
    from pneumo_core.config import Settings

MAX_BYTES = 64 * 2**30  # of the archive, and of all that it unpacks to
MAX_MEMBERS = 500_000
_DIRECTORY = 256 * 2**20
_SPARE = 2**30  # bytes of the disk that stay free
_NOTES = ".pneumo-unpacked.json"
_WHAT = "a ZIP archive of films"
_TABLES = (".csv", ".tsv", ".gz", ".xlsx", ".xls", ".xlsm", ".ods", ".parquet", ".toml", ".txt")
_TABLE_BYTES = 512 * 2**20


def is_archive(path: Path) -> bool:
    """Whether a path is a ZIP file, by its first bytes."""
    try:
        return path.is_file() and zipfile.is_zipfile(path)
    except OSError:
        return False


def unpacked(path: Path, *, settings: Settings, progress: Progress = silent) -> Path:
    """The folder with the films of the archive at `path`, unpacked now unless it is there already.

    Raises DataSetError for a file that is no ZIP, is not safe, or does not fit.
    """
    try:
        stat = path.stat()
        key = hashlib.sha256(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode())
        with path.open("rb") as stream:
            return unpack_stream(stream, path.stem, key.hexdigest()[:16], settings, progress)
    except OSError as error:
        raise DataSetError(
            f"Expected to unpack {path.name}, got: {disk_words(error)}. Check the disk."
        ) from error


def unpack_stream(
    stream: IO[bytes], stem: str, key: str, settings: Settings, progress: Progress = silent
) -> Path:
    """As `unpacked`, of an open archive; `key` names its content, `stem` the folder."""
    from filelock import FileLock

    home = data_dir(settings) / f"zip-{key}"
    folder = home / (stem.strip(". ") or "films")
    home.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_suffix(".lock")):
        if folder.is_dir():
            return folder
        partial = home / "partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            with _opened(stream) as archive:
                _write(archive, partial, f"{folder.name}.zip", settings, progress)
            partial.replace(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return folder


def left_out_of_archive(folder: Path) -> tuple[LeftOut, ...]:
    """What was left in the archive that `folder` was unpacked from; () for any other folder."""
    found = read_json(folder / _NOTES).get("left_out", [])
    return tuple(LeftOut(str(o["what"]), str(o["why"]), int(o["count"])) for o in found)


def given_name(folder: Path) -> str:
    """`folder` as the person knows it: the archive that it was unpacked from, else its path."""
    return str(read_json(folder / _NOTES).get("archive") or folder)


@dataclass
class _Chosen:
    """The members to unpack, and why the others are not."""

    members: list[zipfile.ZipInfo] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)


def _opened(stream: IO[bytes]) -> zipfile.ZipFile:
    try:
        return open_contents(
            stream,
            _WHAT,
            max_bytes=MAX_BYTES,
            max_members=MAX_MEMBERS,
            max_directory=_DIRECTORY,
            zip64=True,
        )
    except BundleError as error:
        raise _refused(error) from error


def _refused(error: BundleError) -> DataSetError:
    words = str(error).partition(" Ask for a new export")[0]
    return DataSetError(f"{words} Unpack it with another program and name the folder.")


def _write(
    archive: zipfile.ZipFile, target: Path, name: str, settings: Settings, progress: Progress
) -> None:
    chosen = _choose(archive, settings)
    size = sum(info.file_size for info in chosen.members)
    room = shutil.disk_usage(target).free - _SPARE
    most = max(0, min(MAX_BYTES, room))
    if size > most:
        raise DataSetError(
            f"Expected an archive that unpacks to at most {file_size(most)}, "
            f"got {file_size(size)}. Free some space, or set PNEUMO_CACHE to another folder."
        )
    for done, info in enumerate(chosen.members, start=1):
        path = target / PurePosixPath(info.filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            unpack(archive, info, path, _WHAT)
        except FileExistsError:
            chosen.left["twice in the archive"] += 1
        except BundleError:
            path.unlink(missing_ok=True)
            chosen.left["damaged in the archive"] += 1
        progress("unpack", done, len(chosen.members))
    if not chosen.members:
        raise DataSetError(
            f"Expected films in the archive, got none of {len(archive.infolist()):,} files. "
            "Check that it is the archive of the films."
        )
    left = [{"what": "files of the archive", "why": why, "count": n} for why, n in
            chosen.left.most_common()]  # fmt: skip
    write_json(target / _NOTES, {"archive": name, "left_out": left})


def _choose(archive: zipfile.ZipFile, settings: Settings) -> _Chosen:
    chosen, total = _Chosen(), 0
    for info in archive.infolist():
        if info.is_dir():
            continue
        name = PurePosixPath(info.filename)
        most = _TABLE_BYTES if name.suffix.lower() in _TABLES else settings.limits.max_bytes
        if fault_of_kind(info):
            chosen.left["not safe to open"] += 1
        elif any(part.startswith(".") or part == "__MACOSX" for part in name.parts):
            chosen.left["hidden or of the system"] += 1
        elif fault_of_size(info, most):
            chosen.left["too large"] += 1
        elif (total := total + info.file_size) > MAX_BYTES:
            chosen.left["beyond the limit"] += 1
        else:
            chosen.members.append(info)
    return chosen
