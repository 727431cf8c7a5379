"""Decode once: the pixels of an index as one memory-mapped uint8 array, keyed by content."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from pneumo_core.container import cores
from pneumo_core.errors import DataSetError, UnreadableImage
from pneumo_core.formatting import file_size
from pneumo_core.imaging import decode
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pandas as pd


Item = TypeVar("Item")
Result = TypeVar("Result")

# Results waiting at once: what the work costs in memory, and how much of it an interruption
# still has to wait for.
CHUNK = 256


def in_order(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Yield work(item) for every item, in order, done by `workers` threads (one a core).

    Threads suffice: decoding, resizing and hashing run outside the interpreter's lock. An error
    in `work` is raised where its result would have been.
    """
    with ThreadPoolExecutor(workers or cores()) as pool:
        for start in range(0, len(items), CHUNK):
            yield from pool.map(work, items[start : start + CHUNK])


Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Transform:
    """What is done to each film's square copy before it is stored.

    `apply`: uint8 (size, size) of the cache's copies → uint8 (size, size) of `size`; `key`: another
    one wherever the result is another.
    """

    key: str
    size: int
    apply: Callable[[Pixels], Pixels]


# Raise it whenever decode or resize gives other pixels for the same bytes.
PREPROCESSING_VERSION = 1


def pixel_cache(  # noqa: PLR0913 - most are options
    index: pd.DataFrame,
    root: Path,
    *,
    size: int,
    cache_dir: Path,
    workers: int | None = None,
    progress: Progress = silent,
    transform: Transform | None = None,
) -> Pixels:
    """Pixels of every film of `index`: read-only memory map, uint8 (N, size, size), 0 black.

    `transform`: what is done to each afterwards; the size is then that of its result.

    Row i is row i of `index`; `root` is the folder that was indexed. What is missing in
    `cache_dir` is built with `workers` threads (one a core by default), the films streamed to
    disk, so memory does not grow with their number; `progress` receives the phase
    "decode".
    A ready cache opens at once. An interrupted build leaves no cache, and of two builds at once
    the second waits and takes the first one's.

    Raises DataSetError if `index` is empty or holds an unreadable film, if a film has changed
    since it was indexed, or if the cache cannot be written.
    """
    from filelock import FileLock

    _check(index)
    side = size if transform is None else transform.size
    key = cache_key(index, size, "" if transform is None else transform.key)
    target, shape = cache_dir / f"films-{side}-{key}.npy", (len(index), side, side)
    ready = _open(target, shape)
    if ready is not None:
        return ready
    try:
        cache_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_suffix(".lock")):
            if _open(target, shape) is None:
                films = _films(index, root, size, workers, progress)
                if transform is not None:
                    films = map(transform.apply, films)
                _write(target, shape, films)
    except OSError as error:
        raise DataSetError(
            f"Expected to write {file_size(shape[0] * side * side)} of pixels to the cache "
            f"folder, got: {error.strerror or error}. Free some space or set PNEUMO_CACHE to "
            "another folder."
        ) from error
    built = _open(target, shape)
    if built is None:
        raise DataSetError(
            f"Expected the cache {target.name} to be whole after it was written, and it is not. "
            "Check the disk, or set PNEUMO_CACHE to another folder."
        )
    return built


def cache_key(index: pd.DataFrame, size: int, transform: str = "") -> str:
    """Key of the pixels: 32 hexadecimal digits over version, size, the key of a transform and the
    films' hashes in order.

    The location and the names of the films make no difference.
    """
    head = f"{PREPROCESSING_VERSION} {size} {transform}".rstrip()
    text = "\n".join([head, *index["sha256"]])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _check(index: pd.DataFrame) -> None:
    if index.empty:
        raise DataSetError("Expected at least one film, got an empty index.")
    unreadable = index[~index["readable"].astype(bool)]
    if len(unreadable):
        first = unreadable.iloc[0]
        raise DataSetError(
            f"Expected readable films only, got {len(unreadable)} unreadable, the first "
            f"{first['film']}: {first['problem']} Keep the rows whose `readable` is true."
        )


def _open(path: Path, shape: tuple[int, int, int]) -> Pixels | None:
    """The cache at `path`, or None if there is none or it is not what it should be."""
    try:
        pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        # Missing; or cut short, or foreign bytes, and then it is built anew.
        return None
    return pixels if pixels.shape == shape and pixels.dtype == np.uint8 else None


def _write(target: Path, shape: tuple[int, int, int], films: Iterator[Pixels]) -> None:
    """Stream the films into a .npy file that appears under its name only when it is whole."""
    # The name is fixed: the holder of the lock may overwrite what a killed build left.
    partial = target.with_suffix(".partial")
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    try:
        with partial.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for pixels in films:
                file.write(pixels.tobytes())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _films(
    index: pd.DataFrame, root: Path, size: int, workers: int | None, progress: Progress
) -> Iterator[Pixels]:
    """The films in order, uint8 size×size each, decoded side by side."""
    rows = list(zip(index["film"], index["sha256"], strict=True))
    prepared = in_order(lambda row: _prepare(root, *row, size), rows, workers=workers)
    for done, pixels in enumerate(prepared, start=1):
        yield pixels
        progress("decode", done, len(rows))


def _prepare(root: Path, film: str, sha256: str, size: int) -> Pixels:
    try:
        found = decode.read_film(root / film)
    except UnreadableImage as error:
        raise DataSetError(f"Expected {film} as it was indexed, got: {error}") from error
    if found.facts.sha256 != sha256:
        raise DataSetError(
            f"Expected {film} as it was indexed, got other bytes. Index the folder again."
        )
    pixels: Pixels = decode.resize(found.pixels, size)
    return pixels
