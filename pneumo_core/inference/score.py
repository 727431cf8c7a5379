"""Archives: films of a folder, a list or an object store → Parquet, block by block, taken up again.

DEST/manifest.json             what is scored with which model, and how far it is
     <partition>/<block>.parquet  the rows of some hundred films, as `row_file.schema` says

A block is the unit of work and of loss. It is written under a hidden name and moved into place, and
its name follows from its films: whoever does it a second time writes the same file. What is in the
blocks is done; a second start does only the rest.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from pneumo_core.errors import DataSetError
from pneumo_core.inference.batch import read_many
from pneumo_core.inference.predict import Reader
from pneumo_core.inference.row_file import shown_name, to_table
from pneumo_core.inference.table import flat_cells
from pneumo_core.storage import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from pneumo_core.bundle import Bundle
    from pneumo_core.inference.predict import Reading
    from pneumo_core.inference.sources import Source

    Row = dict[str, Any]
    MakeRow = Callable[[Source, Reading, Bundle], Row]

MANIFEST = "manifest.json"
BLOCK = 500  # films: some 25 MB while they wait, 30 KB when written


@dataclass(frozen=True)
class Block:
    """Films that are scored and written together. `folder`: of the destination, "" for itself."""

    folder: str
    sources: tuple[Source, ...]

    @property
    def name(self) -> str:
        """The file of its rows; it follows from its films."""
        names = "\0".join(source.name for source in self.sources)
        digest = hashlib.blake2b(names.encode("utf-8", "surrogatepass"), digest_size=12)
        file = f"{digest.hexdigest()}.parquet"
        return f"{self.folder}/{file}" if self.folder else file


@dataclass(frozen=True)
class Written:
    """A block that is in its place: its films, and how many could not be read or were rejected."""

    films: int
    failures: int
    rejected: int


class Destination:
    """A folder, or a URL that Arrow knows (s3://, gs://), for the blocks. Raises DataSetError."""

    def __init__(self, place: str) -> None:
        from pyarrow import fs

        self.place = place
        try:
            self._fs, self._root = fs.FileSystem.from_uri(_uri(place))
            self._fs.create_dir(self._root, recursive=True)
        except (OSError, ValueError) as error:
            raise DataSetError(
                f"Expected a folder or a URL of an object store to write to, {place} is none that "
                f"can be written: {error}. Name another place."
            ) from error

    def begin(self, bundle: Bundle, source: str) -> None:
        """Write the manifest, or check that the one there is of the same model."""
        there = self.manifest()
        if there and there.get("digest") != bundle.digest:
            raise DataSetError(
                f"Expected answers of {bundle.name} {bundle.version} in {self.place}, found those "
                f"of {there.get('model', 'another model')}. Name another place, or that model."
            )
        if not there:
            self._put_manifest(
                {
                    "source": source,
                    "model": f"{bundle.name} {bundle.version}",
                    "digest": bundle.digest,
                    "begun": utc_now(),
                }
            )

    def end(self, films: int, failures: int) -> None:
        """Note in the manifest what is there now, and how many films failed this time."""
        self._put_manifest(
            self.manifest() | {"films": films, "failures": failures, "ended": utc_now()}
        )

    def manifest(self) -> dict[str, Any]:
        """What the manifest says; {} where there is none."""
        try:
            with self._fs.open_input_stream(f"{self._root}/{MANIFEST}") as file:
                found = json.loads(file.read())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def done(self) -> set[str]:
        """The names, as Parquet shows them, of all films that have their row."""
        from pyarrow import fs, parquet

        names: set[str] = set()
        for info in self._fs.get_file_info(fs.FileSelector(self._root, recursive=True)):
            if info.path.endswith(".parquet") and not info.base_name.startswith((".", "_")):
                with self._fs.open_input_file(info.path) as file:
                    table = parquet.read_table(file, columns=["file"])
                names.update(table.column("file").to_pylist())
        return names

    def write(self, block: Block, rows: list[Row]) -> Written:
        """Write a block's rows; a reader sees all of them or none."""
        from pyarrow import parquet

        folder, _, file = f"{self._root}/{block.name}".rpartition("/")
        hidden = f"{folder}/.{file}"
        self._fs.create_dir(folder, recursive=True)
        with self._fs.open_output_stream(hidden) as out:
            parquet.write_table(
                to_table([flat_cells(row) for row in rows]), out, compression="zstd"
            )
        self._fs.move(hidden, f"{folder}/{file}")
        kinds = [row["status"] for row in rows]
        return Written(len(rows), kinds.count("error"), kinds.count("rejected"))

    def _put_manifest(self, content: dict[str, Any]) -> None:
        hidden = f"{self._root}/.{MANIFEST}"
        with self._fs.open_output_stream(hidden) as file:
            file.write(f"{json.dumps(content, indent=1)}\n".encode())
        self._fs.move(hidden, f"{self._root}/{MANIFEST}")


def _uri(place: str) -> str:
    from pathlib import Path

    return place if "://" in place else Path(place).absolute().as_uri()


def blocks_of(
    sources: Iterable[Source], *, partition: str, size: int = BLOCK, done: Iterable[str] = ()
) -> Iterator[Block]:
    """The films that are not `done` in blocks of one partition each.

    partition: "day", of today (UTC); "source", the folder that a film's name begins with below
    what all names have in common; "none".
    """
    known = frozenset(done)
    today = f"day={datetime.now(UTC):%Y-%m-%d}"
    waiting: dict[str, list[Source]] = defaultdict(list)
    for source in sources:
        if shown_name(source.name) in known:
            continue
        folder = {"day": today, "none": ""}.get(partition, f"source={source.collection or 'top'}")
        waiting[folder].append(source)
        if len(waiting[folder]) >= size:
            yield Block(folder, tuple(waiting.pop(folder)))
        elif len(waiting) > 64:  # folders of a few films each: the fullest is not waited for
            fullest = max(waiting, key=lambda one: len(waiting[one]))
            yield Block(fullest, tuple(waiting.pop(fullest)))
    for folder, left in waiting.items():
        yield Block(folder, tuple(left))


def score_here(
    blocks: Iterable[Block], destination: Destination, bundle: Bundle, make_row: MakeRow
) -> Iterator[Written]:
    """Score blocks on this machine, with all its cores; each is written before it is told."""
    reader = Reader(bundle, throughput=True)
    feed = _Feed(iter(blocks))
    make = partial(_made, bundle=bundle, make_row=make_row)
    rows: list[Row] = []
    for row in read_many(reader, feed, make):
        rows.append(row)
        if len(rows) == len(feed.first.sources):
            yield destination.write(feed.take(), rows)
            rows = []


def _made(source: Source, reading: Reading, *, bundle: Bundle, make_row: MakeRow) -> Row:
    return make_row(source, reading, bundle)


@dataclass
class _Feed:
    """The films of blocks one after the other; the blocks under way, the first of them first."""

    _blocks: Iterator[Block]
    _under_way: list[Block] = field(default_factory=list)

    def __iter__(self) -> Iterator[Source]:
        for block in self._blocks:
            self._under_way.append(block)
            yield from block.sources

    @property
    def first(self) -> Block:
        """The block whose rows come now."""
        return self._under_way[0]

    def take(self) -> Block:
        """The first block, which is finished."""
        return self._under_way.pop(0)
