"""A watched folder: each file that arrives is read once, and its answer lies beside it.

State is what lies in the folders, so that a stop at any moment, also by kill -9, loses and doubles
nothing: a file is answered when its `.json` is in OUT, which appears whole and last; a film is
moved only after that.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.access import Right, require
from pneumo_core.config import Limits
from pneumo_core.errors import ServerError, disk_words
from pneumo_core.formatting import count
from pneumo_core.server.answers import FILES, Wanted, answer
from pneumo_core.storage import read_json, write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pneumo_core.inference.predict import Reader
    from pneumo_core.server.answers import Keeper

# What copying programs call a file that they still write; a hidden file as well.
UNFINISHED = (".part", ".partial", ".tmp", ".crdownload", ".filepart", ".writing")
TAKEN = "read"  # folders of OUT for films that are moved there
REFUSED = "unreadable"
_STEM = 60  # signs of a file's name that its answer keeps


@dataclass
class WatchedFolder:
    """What to do with the files of `inbox`.

    wanted: what to write beside the JSON; keeper: keeps the readings in the log; max_bytes: of a
    file that is read; move: films go to `read/` or `unreadable/` in `out` once
    answered, else they stay where they are; settle: seconds for which size and time of a file have
    not changed before it is read.
    """

    inbox: Path
    out: Path
    wanted: Wanted = Wanted()  # noqa: RUF009 - frozen
    keeper: Keeper | None = None
    max_bytes: int = Limits().max_bytes
    move: bool = False
    settle: float = 2.0
    counts: Counter[str] = field(default_factory=Counter)
    _seen: dict[Path, tuple[tuple[int, int], float]] = field(default_factory=dict)
    _done: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the folders. Raises ServerError where they cannot be used."""
        if not self.inbox.is_dir():
            raise ServerError(f"Expected a folder to watch, {self.inbox} is none. Make it first.")
        if self.out.resolve().is_relative_to(self.inbox.resolve()):
            raise ServerError(
                f"Expected OUT outside of IN: the answers in {self.out} would be read as films. "
                "Name another folder."
            )
        try:
            for folder in (self.out, *((self.out / TAKEN, self.out / REFUSED) * self.move)):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_written(error) from error

    def arrived(self, now: float) -> list[Path]:
        """Files that are whole and not answered yet, by name.

        Whole is a file whose size and time are those of an earlier look, `settle` seconds ago.
        """
        found, seen = [], {}
        for path, stamp in self._files():
            if self._done.get(path) == stamp:
                continue
            before, since = self._seen.get(path, (None, now))
            seen[path] = (stamp, since if before == stamp else now)
            if before == stamp and now - since >= self.settle:
                found.append(path)
        self._seen = seen
        return sorted(found)

    def unsettled(self) -> bool:
        """Whether a file is there that was not whole yet at the last look."""
        return any(self._done.get(path) != stamp for path, stamp in self._files())

    def take(self, path: Path, reader: Reader) -> dict[str, Any] | None:
        """Read a file and write its answer; its row. None where it was answered before or went.

        Raises ServerError where the answer cannot be written: the file stays and is tried again.
        """
        require(Right.READ, "watch")
        try:
            before = _stamp(path)
            data = self._bytes(path)
            if _stamp(path) != before:  # still written to
                return None
        except OSError:
            return None  # gone, or not to be opened: looked at again next time
        relative = path.relative_to(self.inbox).as_posix()
        stem = _stem(relative, data)
        target = self.out / f"{stem}.json"
        row = read_json(target)
        if not row:
            row = self._answer(data, relative, stem, reader)
            self.counts[row["status"]] += 1
        else:
            self.counts["again"] += 1
        self._finish(path, before, row)
        return row

    def _answer(self, data: bytes, name: str, stem: str, reader: Reader) -> dict[str, Any]:
        """Write the parts, then, last and whole, the JSON that says that the file is answered."""
        made = answer(lambda: data, name, reader, self.wanted, self.keeper)
        row = made.row | ({"not_made": made.missing} if made.missing else {})
        try:
            for part, content in made.parts.items():
                file = f"{stem}{FILES[part][0]}"
                write_atomic(self.out / file, content)
                row[part] = file
            text = json.dumps(row, ensure_ascii=True, allow_nan=False) + "\n"
            write_atomic(self.out / f"{stem}.json", text)
        except OSError as error:
            raise _not_written(error) from error
        return row

    def _finish(self, path: Path, stamp: tuple[int, int], row: dict[str, Any]) -> None:
        """Move an answered file, or remember that it is."""
        if not self.move:
            self._done[path] = stamp
            return
        folder = self.out / (REFUSED if row["status"] == "error" else TAKEN)
        target = folder / path.relative_to(self.inbox)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():  # of the same name, another content
                number = sum(1 for _ in target.parent.glob(f"{target.stem}*"))
                target = target.with_name(f"{target.stem}~{number}{target.suffix}")
            shutil.move(path, target)
        except OSError as error:
            raise _not_written(error) from error

    def _files(self) -> Iterator[tuple[Path, tuple[int, int]]]:
        for folder, names, files in os.walk(self.inbox):
            names[:] = [name for name in names if not name.startswith(".")]
            for name in files:
                path = Path(folder) / name
                if name.startswith(".") or name.lower().endswith(UNFINISHED):
                    continue
                try:
                    if not path.is_file() or path.is_symlink():
                        continue
                    yield path, _stamp(path)
                except OSError:
                    continue

    def _bytes(self, path: Path) -> bytes:
        """The content; of a file too large to be read, as much as tells that it is."""
        with path.open("rb") as file:
            return file.read(self.max_bytes + 1)

    def summary(self) -> str:
        """What was counted so far, in words."""
        kinds = (
            ("ok", "read"),
            ("rejected", "rejected as no frontal chest film"),
            ("error", "unreadable"),
            ("again", "answered before"),
        )
        parts = [f"{self.counts[kind]:,} {words}" for kind, words in kinds if self.counts[kind]]
        total = sum(self.counts.values())
        return f"{count(total, 'files')}: {', '.join(parts)}" if parts else "No file yet"


def watch(  # noqa: PLR0913
    folder: WatchedFolder,
    reader: Callable[[], Reader],
    *,
    tell: Callable[[dict[str, Any]], None],
    interval: float,
    once: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Look every `interval` seconds; with `once`, until nothing is left that is not answered.

    `reader` is asked for every look, so that a model put in service meanwhile reads what follows.
    """
    folder.prepare()
    while True:
        waiting = folder.arrived(clock())
        current = reader() if waiting else None
        for path in waiting:
            if current is not None and (row := folder.take(path, current)):
                tell(row)
        if once and not waiting and not folder.unsettled():
            return
        sleep(interval)


def _stamp(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _stem(relative: str, data: bytes) -> str:
    """The name of the answer: that of the file, and a hash of its place and content."""
    place = hashlib.sha256(relative.encode("utf-8", "surrogateescape") + b"\0" + data).hexdigest()
    name = relative.replace("/", "-").encode("utf-8", "replace").decode("utf-8")
    return f"{name[-_STEM:].lstrip('.')}.{place[:12]}"


def _not_written(error: OSError) -> ServerError:
    return ServerError(
        f"Expected to write the answers, got: {disk_words(error)}. Free some space, or check the "
        "permissions of OUT. The films stay where they are."
    )
