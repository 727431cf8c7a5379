"""The audit log: who did what to models, runs, data and readings. Entries are added, never changed.

In the database of readings where that is on; else, and while the database fails, as JSON lines in
`audit-log.jsonl` in the folder of readings. An export has both.
"""

from __future__ import annotations

import csv
import io
import json
import os
import threading
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pneumo_core.access import Event
from pneumo_core.errors import ReadingLogError, disk_words
from pneumo_core.inference.table import spreadsheet_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Engine

    from pneumo_core.config import Settings

COLUMNS = ("at", "who", "role", "action", "subject", "outcome")
_LONGEST = 200  # characters of a text


class AuditLog:
    """The audit log of an installation; safe for several threads and processes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = settings.readings_dir / "audit-log.jsonl"
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def add(self, event: Event) -> None:
        """Add an entry. Raises ReadingLogError where neither database nor file can be written."""
        from sqlalchemy import insert

        from pneumo_core.readings.database import in_words, writing
        from pneumo_core.readings.schema import AuditRow

        event = Event(event.at, *(_short(one) for one in list(asdict(event).values())[1:]))
        if self._settings.log_readings:
            try:
                engine = self._connected()
                with in_words(engine.url), writing(engine).begin() as connection:
                    connection.execute(insert(AuditRow).values(asdict(event)))
            except ReadingLogError:
                pass  # the file takes it
            else:
                return
        self._append(event)

    def entries(self) -> list[Event]:
        """All entries, the oldest first. Raises ReadingLogError."""
        from sqlalchemy import select

        from pneumo_core.readings.database import in_words
        from pneumo_core.readings.schema import AuditRow

        found = self._from_file()
        if self._settings.log_readings:
            engine = self._connected()
            with in_words(engine.url), engine.connect() as connection:
                rows = connection.execute(select(AuditRow.__table__)).mappings().all()
            found += [Event(**{name: row[name] for name in COLUMNS}) for row in rows]
        return sorted(found, key=lambda one: one.at)

    def close(self) -> None:
        """Close the connections."""
        if self._engine is not None:
            self._engine.dispose()

    def _connected(self) -> Engine:
        from pneumo_core.readings.database import connect

        with self._lock:
            if self._engine is None:
                self._engine = connect(self._settings)
            return self._engine

    def _append(self, event: Event) -> None:
        line = json.dumps(as_row(event), ensure_ascii=False) + "\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
            descriptor = os.open(self._file, flags, 0o600)
            try:
                os.write(descriptor, line.encode("utf-8", "backslashreplace"))
            finally:
                os.close(descriptor)
        except OSError as error:
            raise ReadingLogError(
                f"The audit log cannot be written: {disk_words(error)}. Check the folder of "
                "readings (PNEUMO_READINGS)."
            ) from error

    def _from_file(self) -> list[Event]:
        try:
            lines = self._file.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise ReadingLogError(f"{self._file.name} cannot be read. Look at it.") from error
        return [_event(line, number) for number, line in enumerate(lines, 1)]


def recorder(settings: Settings) -> Callable[[Event], None]:
    """What `access.record_with` takes: the log is opened at the first entry."""
    return AuditLog(settings).add


def as_row(event: Event) -> dict[str, Any]:
    """An entry for JSON and CSV, by COLUMNS; the time as ISO 8601."""
    return asdict(event) | {"at": event.at.isoformat(timespec="seconds")}


def to_csv(events: Iterable[Event]) -> bytes:
    """UTF-8 CSV of entries, by COLUMNS."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for event in events:
        row = as_row(event)
        writer.writerow([spreadsheet_cell(row[name]) for name in COLUMNS])
    return out.getvalue().encode("utf-8", "backslashreplace")


def _event(line: str, number: int) -> Event:
    try:
        found = json.loads(line)
        at = datetime.fromisoformat(found["at"])
        return Event(at, *(str(found[name]) for name in COLUMNS[1:]))
    except (ValueError, KeyError, TypeError) as error:
        raise ReadingLogError(f"Expected an entry in line {number} of audit-log.jsonl.") from error


def _short(text: str) -> str:
    """Text as both databases take it."""
    return "".join(sign for sign in text if sign.isprintable())[:_LONGEST]
