"""The database of the log: SQLite in a private file, or PostgreSQL; its tables brought up to date.

Every failure of it comes as a ReadingLogError in words: a locked file, a full disk, a server that
does not answer. Messages hold neither a password nor a value of a row.
"""

from __future__ import annotations

import errno
import logging
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from pneumo_core.errors import ReadingLogError, disk_words
from pneumo_core.readings.schema import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection, Engine

    from pneumo_core.config import Settings

BUSY_SECONDS = 15.0  # how long a writer waits for another one
CONNECT_SECONDS = 10.0
_MIGRATING = 0x706E65756D6F  # "pneumo": the advisory lock of PostgreSQL while tables are made
# Its messages about closed connections come with a trace, and the failure is told in words.
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
OPTIONAL = "Answers are not lost: they stay on the screen. Set PNEUMO_LOG_READINGS=0 to go without."


def connect(settings: Settings) -> Engine:
    """An engine whose tables are those of this version, made or migrated where they were not.

    Raises ReadingLogError.
    """
    url = url_of(settings)
    with in_words(url):
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
        try:
            _bring_up_to_date(engine, url)
        except BaseException:
            engine.dispose()
            raise
    return engine


def url_of(settings: Settings) -> URL:
    """The address of the log's database. Raises ReadingLogError on one that is not supported."""
    expected = (
        "Expected postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////FOLDER/FILE.db in "
        "PNEUMO_DATABASE_URL, got"
    )
    if not settings.database_url:
        return make_url("sqlite://").set(database=str(settings.readings_db.absolute()))
    try:
        url = make_url(settings.database_url)
    except (ArgumentError, ValueError):  # the text may hold a password: it is not repeated
        raise ReadingLogError(f"{expected} something else. Correct or unset it.") from None
    kind = url.drivername.partition("+")[0]
    if kind == "sqlite" and url.database:
        return url.set(drivername="sqlite")
    if kind in {"postgresql", "postgres"} and url.database:
        return url.set(drivername="postgresql+pg8000")
    shown = url.render_as_string(hide_password=True)
    raise ReadingLogError(f"{expected} {shown!r}. Correct or unset it.")


def writing(engine: Engine) -> Engine:
    """The engine for transactions that write: on SQLite they queue before their first read."""
    return engine.execution_options(pneumo_writes=True)


@contextmanager
def in_words(url: URL) -> Iterator[None]:
    """Errors of the database and of the disk under it as ReadingLogError."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise ReadingLogError(f"{_reason(error, url)} {OPTIONAL}") from error
    except OSError as error:
        if url.get_backend_name() != "sqlite":  # the connection, not a disk
            raise ReadingLogError(
                f"{_SILENT.format(place=url.render_as_string(hide_password=True))} {OPTIONAL}"
            ) from error
        raise ReadingLogError(
            f"The log of readings cannot be written: {disk_words(error)}. {OPTIONAL}"
        ) from error


def _reason(error: Exception, url: URL) -> str:
    original = error.orig if isinstance(error, DBAPIError) and error.orig else error
    said = _said(original)
    place = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite":
        place = Path(str(url.database)).name
    for signs, words in _SIGNS:
        if any(sign in said for sign in signs):
            return words.format(place=place)
    if isinstance(error, PoolTimeout):
        return f"The log of readings ({place}) is busy. Try again."
    return f"The log of readings ({place}) failed ({type(original).__name__})."


def _said(error: BaseException) -> str:
    """What the database says, in small letters; of PostgreSQL its code and message alone."""
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):
        first = f"{first.get('C', '')} {first.get('M', '')}"
    return str(first).lower()


_SILENT = (
    "The database of the log ({place}) does not answer. Start it, or correct PNEUMO_DATABASE_URL."
)
# What SQLite, PostgreSQL (by SQLSTATE) and its driver say, and what a person is told.
_SIGNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("constraint failed", "23503", "23514"),
        (
            "Expected a reading that is in the log and a verdict with known words, got another. "
            "Load the history again: the reading may have been deleted."
        ),
    ),
    (
        ("database is locked", "database table is locked", "locking protocol"),
        (
            f"The log of readings ({{place}}) has been locked by another program for more than "
            f"{BUSY_SECONDS:.0f} s. Close it, then try again."
        ),
    ),
    (
        ("disk is full", "no space left", "53100", "disk i/o error"),
        (
            "The log of readings ({place}) cannot be written: the disk is full. Make room, then "
            "try again."
        ),
    ),
    (
        ("readonly database", "read-only", "unable to open database", "permission denied"),
        (
            "The log of readings ({place}) cannot be opened or written here. Check the permissions "
            "of its folder, or set PNEUMO_READINGS to another one."
        ),
    ),
    (
        ("not a database", "malformed", "encrypted"),
        (
            "The file of the log of readings ({place}) is damaged or no database. Move it away: a "
            "new one is made."
        ),
    ),
    (
        ("28p01", "28000", "password authentication", "pg_hba"),
        (
            "The database of the log ({place}) refuses this user or password. Correct "
            "PNEUMO_DATABASE_URL."
        ),
    ),
    (
        ("3d000",),
        (
            "The server of the log has no such database ({place}). Create it, or correct "
            "PNEUMO_DATABASE_URL."
        ),
    ),
    (
        ("can't create a connection", "network error", "communication error", "57p0", "timed out"),
        _SILENT,
    ),
)


def _sqlite(url: URL) -> Engine:
    _make_private(Path(str(url.database)))
    engine = create_engine(
        url, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS, "isolation_level": None}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # a crash of a program loses nothing
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")  # what was deleted is overwritten

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The driver itself would begin only at the first write, and not before CREATE TABLE.
        writes = connection.get_execution_options().get("pneumo_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(path: Path) -> None:
    """Make the file, readable by its owner alone; SQLite gives its side files the same rights."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from None


def _postgresql(url: URL) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": CONNECT_SECONDS})

    @event.listens_for(engine, "checkout")
    def ping(connection: Any, _record: Any, _proxy: Any) -> None:
        """Make a connection anew that the server has closed, as in a restart.

        `pool_pre_ping` does not know all of them: pg8000 lets some errors of the socket through.
        """
        try:
            engine.dialect.do_ping(connection)
        except Exception as error:
            raise DisconnectionError("the server has closed the connection") from error

    return engine


def _bring_up_to_date(engine: Engine, url: URL) -> None:
    with engine.connect() as connection:
        if _version(connection) == VERSION:
            return
    with writing(engine).begin() as connection:  # SQLite: one writer at a time
        if engine.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATING})"))
        found = _version(connection)
        if found == VERSION:  # another process was first
            return
        _migrate(connection, found, url)


def _version(connection: Connection) -> str | None:
    """The version of the tables; None where there are none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection, found: str | None, url: URL) -> None:
    """Run the migrations that are missing, in the transaction of `connection`: all or none."""
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        place = url.render_as_string(hide_password=True)
        raise ReadingLogError(
            f"Expected a log of readings of version {VERSION} or older, got {found} ({place}): it "
            "was written by a newer Pneumo. Install that one, or name another log."
        )
    command.upgrade(config, "head")
