"""A bundle's list of sums: that it holds exactly the files it lists, unaltered."""

from __future__ import annotations

import hashlib
import re
import shutil
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


SUMS = "SHA256SUMS"
FILES = (
    "README.md",
    "card.json",
    "model.keras",
    "openvino/model.bin",
    "openvino/model.xml",
    "predictions.csv",
)
FILMS = "films.sha256"
FILM_HASHES = "films.phash"
FAMILIAR = "familiar.npy"
ORIENTATION = "orientation.npy"
ELSEWHERE = "predictions-elsewhere.csv"  # of another hospital, held out by patient
OPTIONAL = (FILMS, FILM_HASHES, FAMILIAR, ORIENTATION, ELSEWHERE)
REMEDY = "Restore the bundle or train it again."
# Folder of the lung finder; "lungs" and names that begin with "lungs-" are never a classifier's.
LUNGS = "lungs"
_SUM_LINE = re.compile(r"(?P<sum>[0-9a-f]{64})  (?P<file>[A-Za-z0-9][A-Za-z0-9._/-]*)")


def is_finder_name(name: str) -> bool:
    """Whether a folder of that name holds a lung finder, not a classifier."""
    return name == LUNGS or name.startswith(f"{LUNGS}-")


def verify_bundle(path: Path, files: Sequence[str] = FILES) -> None:
    """Check that a bundle holds exactly the files it lists, unaltered. Raises BundleError.

    Every file of `files` is there and listed; further ones, such as those of `OPTIONAL`, may be.
    """
    listed = _read_sums(path)
    present = _files_of(path)
    for file in sorted(set(files) - present | listed.keys() - present):
        raise broken(path, f"expected the file {file}, but it is missing")
    for file in sorted(present - listed.keys()):
        what = f"expected only files listed in {SUMS}, found {file}"
        raise broken(path, what, "Remove that file if you know where it comes from.")
    for file, expected in sorted(listed.items()):
        try:
            with (path / file).open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise broken(path, f"expected the file {file}, but it cannot be read") from error
        if found != expected:
            raise broken(
                path,
                f"{file} has been altered: expected SHA-256 {expected[:12]}…, found {found[:12]}…",
            )


def write_sums(path: Path, files: Sequence[str] = FILES) -> None:
    """Write the sums of all files of a bundle; those of `files` must be there."""
    every = sorted({*files, *_files_of(path)})
    sums = {file: hashlib.sha256((path / file).read_bytes()).hexdigest() for file in every}
    lines = "".join(f"{total}  {file}\n" for file, total in sums.items())
    (path / SUMS).write_text(lines, encoding="utf-8")


def stamp_of(path: Path) -> tuple[tuple[str, int, int, int], ...]:
    """What tells, without reading them, that files of a folder were changed: for each its name,
    number on the disk, size, and time of the last change in nanoseconds.
    """
    found = []
    for file in sorted(path.rglob("*")):
        with suppress(OSError):  # gone meanwhile: another stamp as well
            facts = file.lstat()
            found.append((file.name, facts.st_ino, facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def present_options(path: Path) -> list[str]:
    """Which optional files the bundle at `path` has."""
    return [file for file in OPTIONAL if (path / file).is_file()]


def read_bytes(path: Path, file: str) -> bytes:
    """A file of the bundle; BundleError where it cannot be read."""
    try:
        return (path / file).read_bytes()
    except OSError as error:
        raise broken(path, f"expected the file {file}, but it cannot be read") from error


def broken(path: Path, what: str, remedy: str = REMEDY) -> BundleError:
    """The error for what is wrong with the bundle at `path`."""
    return BundleError(f"Model {path.name}: {what}. {remedy}")


def _read_sums(path: Path) -> dict[str, str]:
    listed: dict[str, str] = {}
    for line in read_bytes(path, SUMS).decode("utf-8", errors="replace").splitlines():
        match = _SUM_LINE.fullmatch(line)
        if match is None or match["file"] in listed:
            raise broken(path, f"expected a hash and a file on each line of {SUMS}")
        listed[match["file"]] = match["sum"]
    return listed


def _files_of(path: Path) -> set[str]:
    """Relative names of all files but the list of sums; a link could point anywhere: refused."""
    files: set[str] = set()
    for entry in [path, *path.rglob("*")]:
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            raise broken(path, f"expected plain files, found a link or device: {entry.name}")
        if entry.is_file() and entry != path / SUMS:
            files.add(entry.relative_to(path).as_posix())
    return files


@contextmanager
def staged(models_dir: Path, name: str) -> Iterator[Path]:
    """A folder for the bundle `name` that no list shows; gone afterwards unless it was moved.

    Raises BundleError where the folder of models cannot be written.
    """
    hidden = models_dir / f".partial-{uuid4().hex[:12]}"
    try:
        (hidden / name / "openvino").mkdir(parents=True)
    except OSError as error:
        raise BundleError(
            "Expected to write to the folder of models, but it cannot be written. Check its "
            "permissions and the free space on the disk."
        ) from error
    try:
        yield hidden / name
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def move_into_place(staging: Path, target: Path, *, replace: bool) -> None:
    """Put the finished folder in place; an older one is gone only once the new one is there.

    Raises BundleError where the place has been taken and `replace` is not asked.
    """
    retired = staging.with_name(f"{staging.name}-old")
    try:
        if replace and target.exists():
            target.rename(retired)
        staging.rename(target)
    except OSError as error:
        with suppress(OSError):  # there is none, or it cannot be moved back either
            retired.rename(target)
        raise BundleError(
            f"Expected to put the model {target.name} in its place, but it is taken or cannot be "
            "written. Choose another name, or check the folder's permissions."
        ) from error
