"""The log of readings: what the model answered, and what a person said of it.

Holds hashes, numbers, decisions and the words that a person typed: never pixels, a patient tag or
the name of a file.
"""

from __future__ import annotations

import csv
import io
import uuid
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from pneumo_core.access import Right, recorded, require
from pneumo_core.errors import ReadingLogError
from pneumo_core.inference.table import spreadsheet_cell
from pneumo_core.readings.database import connect, in_words, url_of, writing
from pneumo_core.readings.schema import (
    AGREEMENTS,
    FINDINGS,
    LONGEST_NAME,
    LONGEST_NOTE,
    PHASES,
    Agreement,
    Finding,
    Phase,
    ReadingRow,
    VerdictRow,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType
    from typing import Self

    from sqlalchemy import URL, ColumnElement, Engine, Select

    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reading

COLUMNS = (
    *("id", "at", "sha256", "model", "digest", "status", "decision"),
    *("p_pneumonia", "p_low", "p_high", "threshold_low", "threshold_high"),
    *("image_check", "inside_lungs", "study_key", "label"),
)
VERDICT_COLUMNS = ("reader", "agreement", "finding", "confidence", "note", "phase", "verdict_at")
PASSED = "ok"
DIGITS = 3  # of numbers in the CSV
DIGEST_DIGITS = 16  # of a model's digest, as everywhere else that it is shown


@dataclass(frozen=True)
class Verdict:
    """What a reader says of a film and of the model's answer. Raises ReadingLogError.

    reader: a name or pseudonym as typed; agreement: with the model ("" in the phase "before", when
    it has not been seen); finding: the reader's own; confidence: 1 (guess) to 5 (certain) or None;
    phase: "open", or of a blinded reading "before" and "after" the model's answer was shown.
    """

    reader: str = ""
    agreement: Agreement | None = None
    finding: Finding | None = None
    confidence: int | None = None
    note: str = ""
    phase: Phase = "open"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("agreement", self.agreement, (None, *AGREEMENTS)),
            ("finding", self.finding, (None, *FINDINGS)),
            ("phase", self.phase, PHASES),
            ("confidence", self.confidence, (None, 1, 2, 3, 4, 5)),
        ):
            if value not in allowed:
                words = ", ".join(str(one) for one in allowed if one is not None)
                raise ReadingLogError(f"Expected one of {words} as {name}, got {value!r}.")
        object.__setattr__(self, "reader", _typed("name of the reader", self.reader, LONGEST_NAME))
        object.__setattr__(self, "note", _typed("note", self.note, LONGEST_NOTE))


@dataclass(frozen=True)
class LoggedReading:
    """A reading as the log keeps it, with its verdicts, oldest first.

    image_check: "ok", "ok:" and remarks, or the reasons against the image; study_key: pseudonym of
    the DICOM study, "" for other files; label: what a person typed to find it again.
    """

    id: str
    at: datetime
    sha256: str
    model: str
    digest: str
    status: str
    decision: str | None
    p_pneumonia: float | None
    p_low: float | None
    p_high: float | None
    threshold_low: float
    threshold_high: float
    image_check: str
    inside_lungs: float | None
    study_key: str
    label: str
    verdicts: tuple[Verdict, ...] = ()

    @property
    def verdict(self) -> Verdict | None:
        """The latest verdict, or None."""
        return self.verdicts[-1] if self.verdicts else None

    @property
    def passed(self) -> bool:
        """Whether the image passed the image check, with or without remarks."""
        return self.image_check.partition(":")[0] == PASSED


@dataclass(frozen=True)
class Filter:
    """Which readings to find; what is None or "" does not restrict.

    agreement, finding, reader: of any of the reading's verdicts; with_verdict: whether it has one;
    text: in its label or in a note, whatever the case; since and until: UTC, until excluded.
    """

    decision: str = ""
    status: str = ""
    digest: str = ""
    sha256: str = ""
    study_key: str = ""
    since: datetime | None = None
    until: datetime | None = None
    agreement: Agreement | None = None
    finding: Finding | None = None
    reader: str = ""
    with_verdict: bool | None = None
    text: str = ""
    limit: int | None = None
    offset: int = 0


class ReadingLog:
    """The log of this installation; safe for several threads and several processes at once.

    Every method raises ReadingLogError, in words, where the database fails.
    """

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._url = engine, url_of(settings)

    @classmethod
    def open(cls, settings: Settings) -> ReadingLog | None:
        """The log, its database made at first use; None where PNEUMO_LOG_READINGS is 0."""
        return cls(connect(settings), settings) if settings.log_readings else None

    def add(  # noqa: PLR0913 - what a reading does not know of its file
        self,
        reading: Reading,
        *,
        digest: str,
        sha256: str = "",
        study_key: str = "",
        label: str = "",
        at: datetime | None = None,
    ) -> str:
        """Log a reading; its id.

        digest: of the model's bundle; sha256: of the file's content, where the reading has none
        because the file could not be decoded; study_key: by `study_key`, for DICOM.
        """
        require(Right.READ, "reading.add")
        remarks = " ".join(reading.gate_reasons)
        passed = f"{PASSED}: {remarks}" if remarks else PASSED
        row = ReadingRow(
            id=str(uuid.uuid4()),
            at=at or datetime.now(UTC),
            sha256=reading.facts.sha256 if reading.facts else sha256,
            model=reading.bundle,
            digest=digest[:DIGEST_DIGITS],
            status=reading.status,
            decision=reading.decision.value if reading.decision else None,
            p_pneumonia=reading.p_pneumonia,
            p_low=reading.p_low,
            p_high=reading.p_high,
            threshold_low=reading.threshold_low,
            threshold_high=reading.threshold_high,
            image_check=passed if reading.gate_ok else remarks,
            inside_lungs=reading.inside_lungs,
            study_key=study_key,
            label=_typed("label", label, LONGEST_NAME),
        )
        with self._writing() as session:
            session.add(row)
            return row.id

    def add_verdict(self, reading_id: str, verdict: Verdict) -> None:
        """Add what a reader said of a logged reading; earlier verdicts stay."""
        require(Right.READ, "verdict.add")
        row = VerdictRow(
            id=str(uuid.uuid4()),
            reading_id=reading_id,
            at=verdict.at,
            reader=verdict.reader,
            agreement=verdict.agreement or "",
            finding=verdict.finding or "",
            confidence=verdict.confidence,
            note=verdict.note,
            phase=verdict.phase,
        )
        with self._writing() as session:
            session.add(row)

    def set_label(self, reading_id: str, label: str) -> None:
        """Replace the label of a logged reading."""
        require(Right.READ, "reading.label")
        label = _typed("label", label, LONGEST_NAME)
        with self._writing() as session:
            row = session.get(ReadingRow, reading_id)
            if row is None:
                raise _missing(reading_id)
            row.label = label

    def get(self, reading_id: str) -> LoggedReading:
        """The reading with this id, or with the only id that begins so."""
        with self._reading() as session:
            rows = session.scalars(
                select(ReadingRow)
                .where(ReadingRow.id.startswith(reading_id, autoescape=True))
                .limit(2)
            ).all()
            if len(rows) != 1 or not reading_id:
                raise _missing(reading_id, several=len(rows) > 1)
            return _logged(rows[0])

    def find(self, wanted: Filter | None = None) -> list[LoggedReading]:
        """The readings that pass the filter, the latest first."""
        wanted = wanted or Filter()
        query = _restricted(select(ReadingRow), wanted)
        query = query.order_by(ReadingRow.at.desc(), ReadingRow.id)
        query = query.limit(wanted.limit).offset(wanted.offset or None)
        with self._reading() as session:
            return [_logged(row) for row in session.scalars(query)]

    def count(self, wanted: Filter | None = None) -> int:
        """How many readings pass the filter, whatever its limit."""
        query = _restricted(select(func.count(ReadingRow.id)), wanted or Filter())
        with self._reading() as session:
            return session.scalar(query) or 0

    def delete(self, reading_ids: Iterable[str]) -> int:
        """Delete readings with their verdicts, for good; how many there were."""
        ids = list(reading_ids)
        with recorded(Right.MANAGE, "readings.delete", ", ".join(one[:8] for one in ids)):
            return self._delete(ids)

    def _delete(self, ids: list[str]) -> int:
        gone = 0
        with self._writing() as session:
            for start in range(0, len(ids), 500):  # SQLite takes 32,766 values a statement
                some = ids[start : start + 500]
                session.execute(delete(VerdictRow).where(VerdictRow.reading_id.in_(some)))
                gone += len(
                    session.scalars(
                        delete(ReadingRow).where(ReadingRow.id.in_(some)).returning(ReadingRow.id)
                    ).all()
                )
        if self._engine.dialect.name == "sqlite":  # what was deleted leaves the journal as well
            with in_words(self._url), closing(self._engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return gone

    def export_csv(self) -> bytes:
        """All readings as UTF-8 CSV, as `to_csv`."""
        return to_csv(self.find())

    def close(self) -> None:
        """Close the connections; the log can be used again."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _writing(self) -> AbstractContextManager[Session]:
        return _session(writing(self._engine), self._url)

    def _reading(self) -> AbstractContextManager[Session]:
        return _session(self._engine, self._url)


def to_csv(readings: Iterable[LoggedReading]) -> bytes:
    """UTF-8 CSV: COLUMNS, then VERDICT_COLUMNS; a row a verdict, one for a reading without any.

    Numbers have three decimals; a text that a spreadsheet would run as a formula gets an
    apostrophe before it.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *VERDICT_COLUMNS])
    for reading in readings:
        row = as_row(reading)
        start = [row[name] for name in COLUMNS]
        for verdict in row["verdicts"] or [dict.fromkeys(VERDICT_COLUMNS)]:
            cells = [*start, *(verdict[name] for name in VERDICT_COLUMNS)]
            writer.writerow([spreadsheet_cell(cell) for cell in cells])
    return out.getvalue().encode("utf-8", "backslashreplace")


def as_row(reading: LoggedReading) -> dict[str, Any]:
    """A logged reading for JSON: COLUMNS, and `verdicts`, a list by VERDICT_COLUMNS."""
    row = {name: _cell(getattr(reading, name)) for name in COLUMNS}
    verdicts = [
        {
            name: _cell(getattr(verdict, "at" if name == "verdict_at" else name))
            for name in VERDICT_COLUMNS
        }
        for verdict in reading.verdicts
    ]
    return {**row, "verdicts": verdicts}


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return round(value, DIGITS) if isinstance(value, float) else value


@contextmanager
def _session(engine: Engine, url: URL) -> Iterator[Session]:
    with in_words(url), Session(engine) as opened, opened.begin():
        yield opened


def _restricted(query: Select[Any], wanted: Filter) -> Select[Any]:
    equal = ("decision", "status", "digest", "sha256", "study_key")
    conditions: list[ColumnElement[bool]] = [
        getattr(ReadingRow, name) == getattr(wanted, name)
        for name in equal
        if getattr(wanted, name)
    ]
    if wanted.since is not None:
        conditions.append(ReadingRow.at >= wanted.since)
    if wanted.until is not None:
        conditions.append(ReadingRow.at < wanted.until)
    conditions += [
        _has_verdict(getattr(VerdictRow, name) == getattr(wanted, name))
        for name in ("agreement", "finding", "reader")
        if getattr(wanted, name)
    ]
    if wanted.with_verdict is not None:
        found = _has_verdict()
        conditions.append(found if wanted.with_verdict else ~found)
    if wanted.text:
        in_note = _has_verdict(VerdictRow.note.icontains(wanted.text, autoescape=True))
        conditions.append(ReadingRow.label.icontains(wanted.text, autoescape=True) | in_note)
    return query.where(*conditions)


def _has_verdict(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(VerdictRow.reading_id == ReadingRow.id, *conditions)


def _logged(row: ReadingRow) -> LoggedReading:
    verdicts = tuple(
        Verdict(
            reader=one.reader,
            agreement=one.agreement or None,  # type: ignore[arg-type] # checked by the table
            finding=one.finding or None,  # type: ignore[arg-type]
            confidence=one.confidence,
            note=one.note,
            phase=one.phase,  # type: ignore[arg-type]
            at=one.at,
        )
        for one in row.verdicts
    )
    return LoggedReading(**{name: getattr(row, name) for name in COLUMNS}, verdicts=verdicts)


def _typed(what: str, text: str, longest: int) -> str:
    """Text that a person typed, without control characters: PostgreSQL and PDF take none."""
    found = "".join(sign for sign in text if sign.isprintable() or sign in "\n\t").strip()
    if len(found) > longest:
        raise ReadingLogError(
            f"Expected a {what} of at most {longest:,} characters, got {len(found):,}. Shorten it."
        )
    return found


def _missing(reading_id: str, *, several: bool = False) -> ReadingLogError:
    if several:
        return ReadingLogError(
            f"Several readings have an id that begins with {reading_id!r}. Give more of it."
        )
    return ReadingLogError(
        f"Expected the id of a reading in the log, got {reading_id!r}. See: readings list."
    )
