"""The log of readings, in SQLite and in PostgreSQL: kept, found, judged, deleted, never lost."""

from __future__ import annotations

import csv
import io
import os
import sqlite3
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.schema import MetaData

from pneumo_core.errors import ReadingLogError
from pneumo_core.readings import database
from pneumo_core.readings.database import connect, url_of
from pneumo_core.readings.log import COLUMNS, VERDICT_COLUMNS, Filter, ReadingLog, Verdict, as_row
from pneumo_core.readings.schema import VERSION, Base
from tests import ROOT
from tests.readings.examples import DIGEST, SHA256, reading, rejected

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_reading_comes_back_as_it_was_logged(log):
    added = log.add(reading(), digest=DIGEST, study_key="ab" * 16, label=" bed 4 ", at=NOON)
    found = log.get(added)
    assert (found.at, found.sha256, found.model, found.digest) == (
        NOON,
        SHA256,
        "tiny 1",
        DIGEST[:16],
    )
    assert (found.status, found.decision, found.image_check) == ("ok", "PNEUMONIA", "ok")
    assert (found.p_pneumonia, found.p_low, found.p_high) == (0.9312345678, 0.88, 0.95)
    assert (found.threshold_low, found.threshold_high, found.inside_lungs) == (0.2, 0.8, 0.71)
    assert (found.study_key, found.label, found.verdicts) == ("ab" * 16, "bed 4", ())


def test_of_a_rejected_picture_the_reasons_are_kept_and_no_number(log):
    found = log.get(log.add(replace(rejected(), facts=None), digest=DIGEST, sha256="e" * 64))
    assert (found.sha256, found.status, found.decision) == ("e" * 64, "rejected", None)
    assert (found.p_pneumonia, found.p_low, found.inside_lungs) == (None, None, None)
    assert found.image_check == "This picture is in colour."


def test_verdicts_stay_in_order_and_the_latest_counts(log):
    added = log.add(reading(), digest=DIGEST)
    before = Verdict("Dr. A", None, "normal", 2, phase="before", at=NOON)
    after = Verdict(
        "Dr. A", "agree", "pneumonia", 4, "upper zone", "after", at=NOON + timedelta(minutes=1)
    )
    log.add_verdict(added, after)
    log.add_verdict(added, before)
    found = log.get(added)
    assert found.verdicts == (before, after)
    assert found.verdict == after


FOUND = (
    (Filter(), "cba"),
    (Filter(decision="PNEUMONIA"), "ba"),
    (Filter(status="rejected"), "c"),
    (Filter(since=NOON + timedelta(hours=1)), "cb"),
    (Filter(until=NOON + timedelta(hours=1)), "a"),
    (Filter(agreement="disagree"), "b"),
    (Filter(finding="normal", reader="Dr. B"), "b"),
    (Filter(finding="pneumonia"), ""),
    (Filter(with_verdict=False), "ca"),
    (Filter(with_verdict=True), "b"),
    (Filter(text="SCAR 10%"), "b"),
    (Filter(text="a_"), ""),
    (Filter(limit=1), "c"),
    (Filter(limit=1, offset=1), "b"),
    (Filter(offset=2), "a"),
)


def test_readings_are_found_by_what_a_person_knows(log):
    for hour, label in enumerate("ab"):
        added = log.add(reading(), digest=DIGEST, label=label, at=NOON + timedelta(hours=hour))
    log.add_verdict(added, Verdict("Dr. B", "disagree", "normal", 5, "old scar 10% of the lung"))
    log.add(rejected(), digest=DIGEST, label="c", at=NOON + timedelta(hours=2))
    found = [(wanted, "".join(one.label for one in log.find(wanted))) for wanted, _ in FOUND]
    assert found == list(FOUND)
    for wanted, labels in FOUND:
        assert log.count(replace(wanted, limit=None, offset=0)) >= len(labels)


def test_what_is_deleted_is_gone_with_its_verdicts(log):
    kept, gone = (log.add(reading(), digest=DIGEST) for _ in range(2))
    log.add_verdict(gone, Verdict("Dr. A", "agree"))
    assert log.delete([gone, "no-such-id"]) == 1
    assert [one.id for one in log.find()] == [kept]
    with pytest.raises(ReadingLogError, match="Expected the id of a reading in the log"):
        log.get(gone)


def test_a_deleted_note_leaves_no_trace_in_the_files(sqlite_log, settings):
    added = sqlite_log.add(reading(), digest=DIGEST)
    sqlite_log.add_verdict(added, Verdict("Dr. A", note="a-note-to-forget"))
    files = list(settings.readings_dir.iterdir())
    assert any(b"a-note-to-forget" in path.read_bytes() for path in files)
    sqlite_log.delete([added])
    assert not any(b"a-note-to-forget" in path.read_bytes() for path in files)


def test_an_id_may_be_shortened_while_it_is_the_only_one(sqlite_log):
    ids = [sqlite_log.add(reading(), digest=DIGEST) for _ in range(2)]
    assert sqlite_log.get(ids[0][:13]).id == ids[0]
    for vague in ("", "%"):
        with pytest.raises(ReadingLogError, match=r"Expected the id|Several readings"):
            sqlite_log.get(vague)


def test_a_verdict_on_no_reading_is_refused(log):
    with pytest.raises(ReadingLogError, match="may have been deleted"):
        log.add_verdict("no-such-id", Verdict("Dr. A", "agree"))


@pytest.mark.parametrize(
    ("faulty", "words"),
    [
        ({"agreement": "maybe"}, "agree, disagree, unsure as agreement, got 'maybe'"),
        ({"finding": "tumour"}, "normal, pneumonia, other, not readable as finding"),
        ({"confidence": 6}, "1, 2, 3, 4, 5 as confidence, got 6"),
        ({"phase": "during"}, "open, before, after as phase"),
        ({"reader": "x" * 81}, "name of the reader of at most 80 characters, got 81"),
        ({"note": "x" * 4001}, "note of at most 4,000 characters, got 4,001"),
    ],
)
def test_a_verdict_has_known_words_only(faulty, words):
    with pytest.raises(ReadingLogError, match=words):
        Verdict(**faulty)


def test_the_csv_has_a_row_a_verdict_three_decimals_and_no_formula(sqlite_log):
    added = sqlite_log.add(reading(), digest=DIGEST, label="=1+1", at=NOON)
    sqlite_log.add(rejected(), digest=DIGEST, at=NOON - timedelta(1))
    sqlite_log.add_verdict(added, Verdict("Dr. A", None, "normal", 2, phase="before", at=NOON))
    sqlite_log.add_verdict(added, Verdict("Dr. A", "agree", phase="after", at=NOON))
    rows = list(csv.DictReader(io.StringIO(sqlite_log.export_csv().decode())))
    assert list(rows[0]) == [*COLUMNS, *VERDICT_COLUMNS]
    assert [row["phase"] for row in rows] == ["before", "after", ""]
    first = rows[0]
    assert (first["p_pneumonia"], first["at"]) == ("0.931", "2026-03-01T12:00:00+00:00")
    assert (first["sha256"], first["label"], first["digest"]) == (SHA256, "'=1+1", DIGEST[:16])
    assert rows[2]["p_pneumonia"] == ""
    assert as_row(sqlite_log.get(added))["p_pneumonia"] == 0.931


def test_control_characters_are_left_out_of_what_was_typed(log):
    added = log.add(reading(), digest=DIGEST, label="bed\0 4\x1b[2J")
    log.add_verdict(added, Verdict("Dr.\x07 A", note="first\nsecond\0 – Ä 漢"))
    found = log.get(added)
    assert (found.label, found.verdict.reader) == ("bed 4[2J", "Dr. A")
    assert found.verdict.note == "first\nsecond – Ä 漢"


def test_threads_share_a_log(log):
    def add(name):
        for i in range(25):
            log.add(reading(), digest=DIGEST, label=f"{name} {i}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, "ABCDEFGH"))
    assert log.count() == 200


def test_a_label_can_be_replaced(log):
    added = log.add(reading(), digest=DIGEST, label="bed 4")
    log.set_label(added, "bed 5")
    assert log.get(added).label == "bed 5"
    with pytest.raises(ReadingLogError, match="Expected the id"):
        log.set_label("no-such-id", "bed 6")


def test_a_log_that_is_switched_off_is_none_and_makes_nothing(settings):
    assert ReadingLog.open(replace(settings, log_readings=False)) is None
    assert not settings.readings_dir.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_the_files_are_for_their_owner_alone(sqlite_log, settings):
    sqlite_log.add(reading(), digest=DIGEST)
    files = list(settings.readings_dir.iterdir())
    assert {path.name for path in files} == {
        "readings.db",
        "readings.db-shm",
        "readings.db-wal",
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert stat.S_IMODE(settings.readings_dir.stat().st_mode) == 0o700


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from pneumo_core.config import Settings
from pneumo_core.readings.log import ReadingLog
from tests.readings.examples import DIGEST, reading
settings = replace(Settings(), readings_dir=Path(sys.argv[1]), database_url=sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
with ReadingLog.open(settings) as log:
    for i in range(200):
        log.add(reading(), digest=DIGEST, label=f"{sys.argv[3]} {i}")
"""


def test_two_processes_that_begin_at_once_lose_none_of_400_readings(any_settings):
    writers = [
        subprocess.Popen(
            [
                *(sys.executable, "-c", WRITER, str(any_settings.readings_dir)),
                *(any_settings.database_url, name),
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "AB"
    ]
    ready = [writer.stdout.readline() for writer in writers]
    for writer in writers if ready == ["ready\n"] * 2 else ():
        writer.stdin.write("go\n")
        writer.stdin.flush()
    errors = [writer.communicate(timeout=300)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], errors
    with ReadingLog.open(any_settings) as log:
        labels = {one.label for one in log.find()}
    assert labels == {f"{name} {i}" for name in "AB" for i in range(200)}


# The tables and their migrations


def test_the_migrations_make_the_tables_that_the_code_knows(any_settings):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = connect(any_settings)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
        assert (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == VERSION
        )
    engine.dispose()


def _first_version(settings) -> None:
    """A log as the first migration left it, with a reading in it."""
    from alembic import command
    from alembic.config import Config

    url = url_of(settings)
    if url.get_backend_name() == "sqlite":
        settings.readings_dir.mkdir()
    engine = create_engine(url)
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option(
            "script_location", str(ROOT / "pneumo_core" / "readings" / "migrations")
        )
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO readings VALUES ('old', '2025-01-01 00:00:00', :sha, 'tiny 1', 'd', "
                "'ok', 'NORMAL', 0.1, 0.05, 0.15, 0.2, 0.8, 'ok', '', 'kept')"
            ),
            {"sha": SHA256},
        )
    engine.dispose()


def test_a_log_of_the_first_version_is_migrated_with_its_readings(any_settings):
    _first_version(any_settings)
    with ReadingLog.open(any_settings) as log:
        old = log.get("old")
        assert (old.label, old.p_pneumonia, old.inside_lungs) == ("kept", 0.1, None)
        log.add(reading(), digest=DIGEST)
        assert log.count() == 2


def test_a_migration_that_fails_leaves_the_log_as_it_was(settings, monkeypatch):
    from alembic import op

    _first_version(settings)

    def cut_off(*_words, **_options):
        raise RuntimeError("cut off")

    with monkeypatch.context() as broken:
        broken.setattr(op, "create_index", cut_off)
        with pytest.raises(RuntimeError, match="cut off"):
            ReadingLog.open(settings)
    metadata = MetaData()
    engine = create_engine(url_of(settings))
    metadata.reflect(engine)
    assert "inside_lungs" not in metadata.tables["readings"].columns
    engine.dispose()
    with ReadingLog.open(settings) as log:
        assert log.get("old").label == "kept"


def test_a_log_of_a_newer_version_is_refused(settings):
    with ReadingLog.open(settings):
        pass
    with sqlite3.connect(settings.readings_db) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ReadingLogError, match="version 0003 or older, got 9999"):
        ReadingLog.open(settings)


# What can go wrong is told in words


def test_a_locked_log_is_told_in_words(settings, monkeypatch):
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    with ReadingLog.open(settings) as log:
        other = sqlite3.connect(settings.readings_db, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(ReadingLogError, match="locked by another program") as caught:
            log.add(reading(), digest=DIGEST, label="bed 4")
        other.execute("ROLLBACK")
        other.close()
        assert "Answers are not lost" in str(caught.value)
        assert "bed 4" not in str(caught.value)
        log.add(reading(), digest=DIGEST)
        assert log.count() == 1


def test_a_full_disk_is_told_in_words(sqlite_log):
    with sqlite_log._engine.connect() as connection:  # SQLite's own limit stands for the disk's
        pages = connection.execute(text("PRAGMA page_count")).scalar()
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))
    with pytest.raises(ReadingLogError, match=r"the disk is full. Make room"):
        sqlite_log.add(reading(gate_ok=False, gate_reasons=("x" * 50_000,)), digest=DIGEST)
    sqlite_log.add(reading(), digest=DIGEST)


def test_a_folder_that_cannot_be_made_is_told_in_words(settings, tmp_path):
    (tmp_path / "readings").write_text("a file in its place")
    with pytest.raises(ReadingLogError, match=r"cannot be written: .*exists"):
        ReadingLog.open(settings)


def test_a_damaged_file_is_told_in_words(settings):
    settings.readings_dir.mkdir()
    settings.readings_db.write_bytes(b"no database at all" * 100)
    with pytest.raises(ReadingLogError, match=r"damaged or no database. Move it away"):
        ReadingLog.open(settings)


def test_a_server_that_does_not_answer_is_told_without_the_password(settings):
    url = "postgresql://pneumo:secret@127.0.0.1:1/readings"
    with pytest.raises(ReadingLogError, match=r"does not answer. Start it") as caught:
        ReadingLog.open(replace(settings, database_url=url))
    assert "secret" not in str(caught.value)


def test_a_wrong_password_and_a_missing_database_are_told(settings, postgresql_url):
    wrong = postgresql_url.replace("only-for-this-test", "wrong")
    with pytest.raises(ReadingLogError, match="refuses this user or password"):
        ReadingLog.open(replace(settings, database_url=wrong))
    missing = postgresql_url.removesuffix("readings") + "absent"
    with pytest.raises(ReadingLogError, match="has no such database"):
        ReadingLog.open(replace(settings, database_url=missing))


def test_a_connection_that_the_server_closed_is_made_again(settings, postgresql_url):
    with ReadingLog.open(replace(settings, database_url=postgresql_url)) as log:
        log.add(reading(), digest=DIGEST)
        engine = create_engine(postgresql_url.replace("postgresql:", "postgresql+pg8000:"))
        with engine.connect() as other:
            others = "FROM pg_stat_activity WHERE datname = 'readings' AND pid <> pg_backend_pid()"
            other.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        engine.dispose()
        log.add(reading(), digest=DIGEST)
        assert log.count() == 2


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "postgresql://", "no url", "sqlite://"])
def test_an_address_that_is_not_supported_is_refused(settings, url):
    with pytest.raises(ReadingLogError, match="Expected postgresql://USER") as caught:
        ReadingLog.open(replace(settings, database_url=url))
    assert "secret" not in str(caught.value)
