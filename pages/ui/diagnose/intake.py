"""Intake: the files of a drop are read in a thread of their own, while the page stays usable.

The thread knows nothing of the page. It holds the bytes of what waits, lets go of each file as it
is read, and logs each answer at once: a reload in the middle loses no answer.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from pages.ui import state
from pages.ui.diagnose.reading_log import RETRY_SECONDS, log_entry
from pages.ui.session_film import Entry, Record, content_of, full_picture, make_entry
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError, PneumoError, ReadingLogError, UnreadableImage
from pneumo_core.formatting import count, were
from pneumo_core.inference.zip_films import (
    NO_ROOM,
    REFUSED,
    ZippedFilms,
    is_system_file,
    is_zip,
    open_films,
)
from pneumo_core.progress import Rate, eta

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.film import Film
    from pneumo_core.inference.predict import Reader, Reading
    from pneumo_core.readings.log import ReadingLog

_LONGEST_PAUSE = 2.0  # seconds: a page that hangs does not hold up the films
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arrived:
    """A file that was read, or whose content was known (`entry` is None); `full`: its JPEG at full
    size, b"" where there is none or where none is needed.
    """

    name: str
    content: str
    entry: Entry | None
    full: bytes = b""


@dataclass
class Intake:
    """The files of a session that wait to be read by `bundle`, and those read since the last look.

    known: contents that need no reading; pictures: how many films the list holds; sized: contents
    whose picture at full size is kept.
    """

    bundle: Bundle
    reader: Reader
    readings: ReadingLog | None
    known: set[str]
    pictures: int
    sized: set[str] = field(default_factory=set)
    total: int = 0
    done: int = 0
    name: str = ""  # of the file that is being read
    notices: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    rate: Rate = field(default_factory=Rate)
    ended: threading.Event = field(default_factory=threading.Event)
    _waiting: deque[tuple[str, bytes]] = field(default_factory=deque)
    _arrived: deque[Arrived] = field(default_factory=deque)
    _news: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _quiet: threading.Event = field(default_factory=threading.Event)
    _system: int = 0
    _cancelled: bool = False
    _log_failed: float | None = None

    def submit(self, files: Iterable[tuple[str, bytes]]) -> bool:
        """Add files, (name, bytes), to those that wait; False where the reading has ended."""
        with self._turn:
            if self.ended.is_set():
                return False
            for name, data in files:
                if is_system_file(name):
                    self._system += 1
                else:
                    self._waiting.append((name, data))
                    self.total += 1
            return True

    def start(self) -> None:
        """Begin to read."""
        thread = threading.Thread(target=self._work, daemon=True, name="intake")
        add_script_run_ctx(thread, get_script_run_ctx())  # for the caches of Streamlit
        self.rate.start(time.monotonic())
        self._quiet.set()
        thread.start()

    def cancel(self) -> None:
        """Let go of what waits; the file that is being read is the last."""
        with self._turn:
            self._cancelled = True

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Begin no further film in this block: the page that a click runs has the processor."""
        self._quiet.clear()
        try:
            yield
        finally:
            self._quiet.set()

    def arrived(self) -> Iterator[Arrived]:
        """What was read since the last look."""
        self._news.clear()
        while self._arrived:
            yield self._arrived.popleft()

    def wait_for_news(self, seconds: float) -> bool:
        """Wait so long at most until something was read; whether anything waits to be fetched."""
        return self._news.wait(seconds)

    def seconds_left(self) -> float | None:
        """Seconds until all is read, None while that is not known."""
        return eta(self.rate, self.total - self.done)

    def _work(self) -> None:
        try:
            while (file := self._next()) is not None:
                self._take(*file)
                del file  # its bytes
        except Exception as error:
            log.exception("The films of a drop could not be read.")
            words = str(error) if isinstance(error, PneumoError) else "Something went wrong."
            left = count(self.total - self.done, "files")
            self.notices.append(f"{words} Not read: {left}. Drop them again.")
        finally:
            with self._turn:
                self._waiting.clear()
                self.ended.set()
                self._news.set()

    def _next(self) -> tuple[str, bytes] | None:
        with self._turn:
            if self._cancelled:
                left = self.total - self.done
                if left:
                    words = f"{count(left, 'files')} {were(left)} not read. Those read are kept."
                    self.notices.append(f"Cancelled: {words}")
                self._waiting.clear()
            if self._waiting:
                return self._waiting.popleft()
            if self._system:
                files = count(self._system, "files")
                self.notices.append(
                    f"{files} of the operating system (such as .DS_Store) left out."
                )
            self.ended.set()  # under the lock: what is submitted from here on needs another intake
            return None

    def _take(self, name: str, data: bytes) -> None:
        if not is_zip(data):
            return self._read(name, data)
        self.total -= 1
        try:
            zipped = open_films(data, load_settings().limits.max_bytes)
        except BundleError:
            self.notices.append(f"{name}: {REFUSED}")
            return None
        return self._read_zip(name, zipped)

    def _read_zip(self, name: str, zipped: ZippedFilms) -> None:
        """Read the films of a zip, as many as the list has room for."""
        self.total += len(zipped.members)
        read = 0
        for info in zipped.members:
            if self._cancelled:
                return
            room = self.pictures < state.MAX_FILMS
            data = zipped.read(info) if room else b""
            if data:
                self._read(zipped.name(info), data)
                read += 1
            else:
                if not room:
                    zipped.left_out[NO_ROOM] += 1
                self.total -= 1
        if words := zipped.summary(name, read):
            self.notices.append(words)

    def _read(self, name: str, data: bytes) -> None:
        self._quiet.wait(_LONGEST_PAUSE)
        self.name = name
        content = content_of(data, self.bundle.digest)
        if content in self.known:
            self.duplicates.append(name)
            full = b"" if content in self.sized else _full_of(data)
            self._arrived.append(Arrived(name, content, None, full))
        else:
            entry, full = self._entry(name, content, data)
            self.known.add(content)
            self.pictures += bool(entry.picture)
            self._arrived.append(Arrived(name, content, entry, full))
        self._news.set()
        self._spare_memory()
        self.done += 1
        self.rate.add(time.monotonic(), self.done)

    def _entry(self, name: str, content: str, data: bytes) -> tuple[Entry, bytes]:
        if self.pictures >= state.MAX_FILMS:
            record = Record(log_id="")
            return make_entry(name, content, no_room(self.bundle), self.bundle, record=record), b""
        entry, full = read_entry(name, data, self.bundle, self.reader)
        return self._logged(entry), full

    def _logged(self, entry: Entry) -> Entry:
        """The entry with its row in the log; the page tries again where the log fails."""
        failed = self._log_failed
        waits = failed is not None and time.monotonic() - failed < RETRY_SECONDS
        if self.readings is None or waits:
            return entry
        try:
            log_id, verdicts = log_entry(self.readings, entry)
        except ReadingLogError:
            self._log_failed = time.monotonic()
            return entry
        self._log_failed = None
        return replace(entry, record=replace(entry.record, log_id=log_id, verdicts=verdicts))

    def _spare_memory(self) -> None:
        """Drop the oldest full pictures where nobody has fetched them for long."""
        held = 0
        for at in range(len(self._arrived) - 1, -1, -1):
            with suppress(IndexError):  # fetched meanwhile
                one = self._arrived[at]
                held += len(one.full)
                if held > state.FULL_BYTES and one.full:
                    self._arrived[at] = replace(one, full=b"")


def read_entry(
    name: str, data: bytes, bundle: Bundle, reader: Reader, *, origin: str = ""
) -> tuple[Entry, bytes]:
    """The entry of a file, and the JPEG of its film at full size, b"" where there is none."""
    reading, film = _answer(data, reader)
    content = content_of(data, bundle.digest)
    entry = make_entry(name, content, reading, bundle, origin=origin, record=_record(data))
    return entry, full_picture(film.pixels) if film is not None and entry.picture else b""


def no_room(bundle: Bundle) -> Reading:
    """The reading of a film that the list has no room for."""
    from pneumo_core.inference.predict import Reading

    points = bundle.points
    model = f"{bundle.name} {bundle.version}"
    return Reading("error", state.full_words(), model, points.screening, points.ruling_in)


def _answer(data: bytes, reader: Reader) -> tuple[Reading, Film | None]:
    """The reading of a file, and the film in it, None where there is none."""
    from pneumo_core.imaging.decode import decode

    start = time.perf_counter()
    try:
        film = decode(data)
    except Exception:  # noqa: BLE001 - the reader has words for whatever it is
        return reader.read_bytes(data), None
    reading = reader.read_bytes(data, film)
    return replace(reading, ms=1000 * (time.perf_counter() - start)), film


def _record(data: bytes) -> Record:
    """What a file says beside its picture; of a DICOM file, its study and its UIDs."""
    from pneumo_core.imaging.formats import format_of
    from pneumo_core.readings.dicom_source import source_of
    from pneumo_core.readings.study_key import study_facts

    sha256 = hashlib.sha256(data).hexdigest()
    if format_of(data) != "DICOM":
        return Record(sha256=sha256)
    sources = (source_of(data), source_of(data, with_patient=True))
    return Record(sha256=sha256, study=study_facts(data), sources=sources)


def _full_of(data: bytes) -> bytes:
    """The picture at full size of a film that is dropped again."""
    from pneumo_core.imaging.decode import decode

    try:
        return full_picture(decode(data).pixels)
    except UnreadableImage:
        return b""
