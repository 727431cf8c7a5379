"""The audit log: entries are added, never changed; what the database does not take, a file does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from pneumo_core.access import Event
from pneumo_core.errors import ReadingLogError
from pneumo_core.readings.audit_log import AuditLog, to_csv
from pneumo_core.readings.database import connect, writing

if TYPE_CHECKING:
    from pneumo_core.config import Settings

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def event(subject: str = "m", **changes: object) -> Event:
    return replace(Event(AT, "ann", "admin", "model.delete", subject, "done"), **changes)


def check_that_entries_stay(settings: Settings) -> None:
    log = AuditLog(settings)
    log.add(event("a"))
    log.add(event("b", outcome="refused"))
    assert [one.subject for one in log.entries()] == ["a", "b"]
    assert log.entries()[0] == event("a")
    engine = connect(settings)
    for statement in ("UPDATE audit_log SET who = 'eve'", "DELETE FROM audit_log"):
        with (
            pytest.raises(Exception, match="entries of the audit log stay as they are"),
            writing(engine).begin() as connection,
        ):
            connection.execute(text(statement))
    assert [one.who for one in log.entries()] == ["ann", "ann"]
    engine.dispose()
    log.close()


def test_sqlite_refuses_to_change_an_entry(settings: Settings) -> None:
    check_that_entries_stay(settings)
    assert not (settings.readings_dir / "audit-log.jsonl").exists()


def test_postgresql_refuses_to_change_an_entry(settings: Settings, postgresql_url: str) -> None:
    check_that_entries_stay(replace(settings, database_url=postgresql_url))


def test_without_the_log_of_readings_entries_are_lines_of_json(settings: Settings) -> None:
    log = AuditLog(replace(settings, log_readings=False))
    for subject in ("first\nline", "x" * 500):
        log.add(event(subject))
    path = settings.readings_dir / "audit-log.jsonl"
    assert len(path.read_text().splitlines()) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert [one.subject for one in log.entries()] == ["firstline", "x" * 200]
    path.write_text("{}\n")
    with pytest.raises(ReadingLogError, match=r"an entry in line 1 of audit-log\.jsonl"):
        log.entries()


def test_what_a_database_does_not_take_is_in_the_file_and_in_the_export(settings: Settings) -> None:
    broken = AuditLog(replace(settings, database_url="sqlite:////proc/none/readings.db"))
    broken.add(event("lost?"))
    whole = AuditLog(settings)
    whole.add(event("kept", at=AT.replace(hour=13)))
    assert [one.subject for one in whole.entries()] == ["lost?", "kept"]
    whole.close()


def test_the_export_is_a_table_without_formulas() -> None:
    rows = to_csv([event("=1+1")]).decode().splitlines()
    assert rows == [
        "at,who,role,action,subject,outcome",
        "2026-11-26T12:00:00+00:00,ann,admin,model.delete,'=1+1,done",
    ]


def test_a_log_of_the_version_before_gets_the_table(settings: Settings) -> None:
    connect(settings).dispose()
    engine = create_engine(f"sqlite:///{settings.readings_db}")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE audit_log"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    engine.dispose()
    log = AuditLog(settings)
    log.add(event("a"))
    assert [one.subject for one in log.entries()] == ["a"]
    log.close()
