"""Readings in a file, written as they come: CSV, JSON lines or Parquet; taken up after a kill.

A row is one write at the end of the file, so a process that dies leaves whole rows and at most one
torn one, which the next removes. Parquet cannot be appended to: its rows are kept as JSON lines in
a hidden file beside it until all are there.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from pneumo_core.errors import DataSetError
from pneumo_core.inference.table import AFTER, COLUMNS, flat_cells, to_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

ENDINGS = (".csv", ".jsonl", ".parquet")
_ROW_GROUP = 8192  # rows held in memory while Parquet is written
_TEXTS = ("file", "status", "decision", "gate", "message", "model", "disclaimer")


class RowFile:
    """Rows of `inference.table.as_row` in the file `path`, whose ending names its form.

    resume: rows that are there stay, and `has` says whose they are; else the file is begun anew.
    One process at a time writes a file. Raises DataSetError where another one does, where the rows
    there are of another `model` (as a row names it), and where it cannot be written.
    """

    def __init__(self, path: Path, *, model: str, resume: bool = False) -> None:
        self.path = path
        self._form = path.suffix.lower()
        self._lines = path.with_name(f".{path.name}.rows") if self._parquet else path
        self._lock = FileLock(path.with_name(f".{path.name}.lock"))
        self._done: set[bytes] = set()
        self._kept = 0
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise DataSetError(
                f"Expected to write {path.name} alone, but another process writes it. Wait for it, "
                "or name another file."
            ) from None
        try:
            self._file = self._opened(model, resume=resume)
        except BaseException:
            self._release()
            raise

    @property
    def _parquet(self) -> bool:
        return self._form == ".parquet"

    @property
    def kept(self) -> int:
        """Rows that were there before."""
        return self._kept

    def has(self, name: str) -> bool:
        """Whether the file called `name` had its row before."""
        return bool(self._done) and _digest(self._shown(name)) in self._done

    def add(self, row: dict[str, Any]) -> None:
        """Write one row."""
        line = to_csv([row], head=False) if self._form == ".csv" else json_line(row)
        self._file.write(line)

    def close(self) -> None:
        """Close the file; of Parquet, write it now."""
        self._file.close()
        try:
            if self._parquet:
                write_parquet(self.path, self._all_rows())
                self._lines.unlink(missing_ok=True)
        finally:
            self._release()

    def abandon(self) -> None:
        """Close what is there; of Parquet, the rows stay in the hidden file for `resume`."""
        self._file.close()
        self._release()

    def _release(self) -> None:
        self._lock.release()
        with suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)

    def _opened(self, model: str, *, resume: bool) -> BinaryIO:
        if resume:
            self._take_up(model)
        else:
            self._lines.unlink(missing_ok=True)
        new = not self._lines.exists() or self._lines.stat().st_size == 0
        file = self._lines.open("ab", buffering=0)
        if new and self._form == ".csv":
            file.write(to_csv([]))
        return file

    def _take_up(self, model: str) -> None:
        """Note what is there, and cut off a torn last row."""
        if self._parquet and self.path.exists():
            for row in parquet_rows(self.path):
                self._note(row, model)
        if not self._lines.exists():
            return
        whole = 0
        with self._lines.open("rb") as file:
            for found, end in self._read(file):
                whole = end
                if found is not None:
                    self._note(found, model)
        with self._lines.open("r+b") as file:
            file.truncate(whole)

    def _note(self, row: dict[str, Any], model: str) -> None:
        if "file" not in row or row.get("model") != model:
            raise DataSetError(
                f"Expected rows of the model {model} in {self.path.name}, found those of "
                f"{row.get('model', 'something else')}. Name another file, or that model."
            )
        self._done.add(_digest(self._shown(row["file"]) if self._form != ".csv" else row["file"]))
        self._kept += 1

    def _shown(self, name: str) -> str:
        """A name as it is found in the file."""
        if self._form == ".csv":
            record = io.StringIO(to_csv_cell(name), newline="")
            return next(csv.reader(record))[0]
        return shown_name(name) if self._parquet else name

    def _read(self, file: BinaryIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        """Whole rows and where each ends; the head of a CSV file as None."""
        if self._form != ".csv":
            yield from _json_rows(file)
            return
        columns: list[str] = []
        for cells, end in _csv_records(file):
            if not columns:
                columns = cells
                yield None, end
            else:
                yield dict(zip(columns, cells, strict=False)), end

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        if self.path.exists() and self._done:
            yield from parquet_rows(self.path)
        with self._lines.open("rb") as file:
            for row, _ in _json_rows(file):
                yield flat_cells(row)


def json_line(row: dict[str, Any]) -> bytes:
    """A row as a line of JSON; NaN and infinity, which JSON lacks, become null."""
    text = json.dumps(_finite(row), ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def to_csv_cell(text: str) -> str:
    """A text as `to_csv` writes it."""
    row = dict.fromkeys((*COLUMNS, *AFTER)) | {"file": text, "gate": {"ok": True, "reasons": []}}
    return to_csv([row], head=False).decode("utf-8")


def _digest(name: str) -> bytes:
    """A name in 16 bytes: a million of them take 80 MB, whatever the names are."""
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _json_rows(file: BinaryIO) -> Iterator[tuple[dict[str, Any], int]]:
    end = 0
    for line in file:
        try:
            row = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            row = None
        if not isinstance(row, dict):
            return
        end += len(line)
        yield row, end


def _csv_records(file: BinaryIO) -> Iterator[tuple[list[str], int]]:
    """The records of a CSV file, whole ones only: a cell may hold a line feed."""
    end, record = 0, b""
    for line in file:
        record += line
        if record.count(b'"') % 2 or not record.endswith(b"\r\n"):
            continue
        end += len(record)
        cells = next(csv.reader(io.StringIO(record.decode("utf-8", "replace"), newline="")))
        yield cells, end
        record = b""


def parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file, a group at a time."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROW_GROUP):
            yield from batch.to_pylist()


def write_parquet(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write flat rows as Parquet; readers see the old file or the new one."""
    from pyarrow import parquet

    partial = path.with_name(f".{path.name}.partial")
    try:
        with parquet.ParquetWriter(partial, schema(), compression="zstd") as writer:
            for group in _groups(rows):
                writer.write_table(to_table(group))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def schema() -> Any:
    """The columns of a table in Parquet: those of CSV, with their types."""
    import pyarrow as pa

    kinds = {name: pa.string() for name in _TEXTS}
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in (*COLUMNS, *AFTER)])


def shown_name(name: str) -> str:
    """The name of a file as it is found in Parquet."""
    return str(_text(name))


def to_table(rows: Sequence[dict[str, Any]]) -> Any:
    """Flat rows as an Arrow table."""
    import pyarrow as pa

    columns = {name: [_text(row[name]) for row in rows] for name in (*COLUMNS, *AFTER)}
    return pa.table(columns, schema=schema())


def _text(value: Any) -> Any:
    """Text that UTF-8 can hold, as the name of a file need not be."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


def _groups(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group: list[dict[str, Any]] = []
    for row in rows:
        group.append(row)
        if len(group) == _ROW_GROUP:
            yield group
            group = []
    if group:
        yield group
