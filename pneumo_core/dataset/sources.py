"""Where films come from: which folders may be opened, the one chosen last, and a data set in a ZIP
archive, unpacked once into the cache, within limits.

Every member of an archive passes the checks that a model's archive passes: no path out of its
folder, no link, no bomb. Unpacked are pictures, tables and mappings, by their endings.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Literal, get_args

from pneumo_core.dataset.film_facts import LeftOut
from pneumo_core.errors import BundleError, DataSetError, disk_words
from pneumo_core.formatting import file_size
from pneumo_core.progress import Progress, silent
from pneumo_core.storage import read_json, write_atomic, write_json
from pneumo_core.untrusted_zip import fault_of_kind, fault_of_size, open_contents, unpack

if TYPE_CHECKING:
    from pneumo_core.config import Settings

Kind = Literal["folder", "zip", "kaggle", "synthetic"]
MAX_BYTES = 64 * 2**30  # of the archive, and of all that it unpacks to
MAX_MEMBERS = 500_000
_DIRECTORY = 256 * 2**20
_SPARE = 2**30  # bytes of the disk that stay free
_NOTES = ".pneumo-unpacked.json"
_WHAT = "a ZIP archive of films"
_TABLES = (".csv", ".tsv", ".gz", ".xlsx", ".xls", ".xlsm", ".ods", ".parquet", ".toml", ".txt")
_TABLE_BYTES = 512 * 2**20


@dataclass(frozen=True)
class Source:
    """A folder of films that was chosen, what kind of source it is, and when (ISO 8601, UTC)."""

    kind: Kind
    path: Path
    chosen: str


def data_dir(settings: Settings) -> Path:
    """Where data sets that the program itself makes or downloads are kept."""
    return settings.cache_dir / "data"


def data_roots(settings: Settings) -> list[Path]:
    """The folders that are there of those that may be opened from the screen, with all inside."""
    roots = [root.resolve() for root in settings.data_roots]
    return sorted({root for root in roots if root.is_dir()})


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in one, by name: none hidden, no links, at most 500."""
    try:
        found = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []
    return sorted(one for one in found if not one.name.startswith("."))[:500]


def check_folder(typed: str | Path, *, settings: Settings) -> Path:
    """The folder that a person typed, resolved: `~`, `..` and symbolic links followed.

    Raises DataSetError if it is no folder or leads out of the folders that may be opened:
    `settings.data_roots` and `data_dir`. Anything outside is neither listed nor mentioned.
    """
    text = str(typed).strip()
    if not text:
        raise DataSetError("Expected a folder of films, got nothing. Type where it is.")
    try:
        path = Path(text).expanduser().resolve()
        allowed = any(path.is_relative_to(root.resolve()) for root in _roots(settings))
        is_folder = allowed and path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, no such user, a NUL
        raise DataSetError(f"Expected a folder of films, got {text!r}. Check the path.") from error
    if not allowed:
        raise DataSetError(
            f"Expected a folder inside those that may be opened from here ({_in_words(settings)}); "
            f"{text} leads elsewhere. Move the films there, or name their folder in the variable "
            "PNEUMO_DATA_ROOTS and start the app again."
        )
    if not is_folder:
        what = f"{text}, which is a file" if path.exists() else f"{text}, where there is nothing"
        raise DataSetError(f"Expected a folder of films, got {what}. Check the path.")
    return path


def remember_source(kind: Kind, path: Path, *, settings: Settings) -> Source:
    """Keep this as the source chosen last, over restarts. Where it cannot be written, it is not."""
    source = Source(kind, path, datetime.now(UTC).isoformat(timespec="seconds"))
    target = _memory(settings)
    text = json.dumps({"kind": kind, "path": str(path), "chosen": source.chosen})
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, text)
    return source


def remembered_source(*, settings: Settings) -> Source | None:
    """The source chosen last, if it is still there and may still be opened."""
    source = _remembered(settings)
    return None if source is None or _refusal(source, settings) else source


def why_not_remembered(*, settings: Settings) -> str:
    """In words, why the source chosen last is not opened again; "" where none was chosen."""
    source = _remembered(settings)
    return "" if source is None else _refusal(source, settings)


def _remembered(settings: Settings) -> Source | None:
    try:
        kept = json.loads(_memory(settings).read_text("utf-8"))
        source = Source(kept["kind"], Path(kept["path"]), str(kept["chosen"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return source if source.kind in get_args(Kind) else None


def _refusal(source: Source, settings: Settings) -> str:
    try:
        check_folder(source.path, settings=settings)
    except DataSetError as error:
        return str(error)
    return ""


def _memory(settings: Settings) -> Path:
    return settings.cache_dir / "source.json"


def _roots(settings: Settings) -> tuple[Path, ...]:
    return (*settings.data_roots, data_dir(settings))


def _in_words(settings: Settings) -> str:
    return ", ".join(map(str, data_roots(settings))) or "there is none"


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
