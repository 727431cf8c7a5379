"""Settings of a log in a temporary folder, and a PostgreSQL server run by the tests themselves."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pneumo_core.config import Settings
from pneumo_core.readings.log import ReadingLog

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "only-for-this-test"  # noqa: S105


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(Settings(), readings_dir=tmp_path / "readings")


@pytest.fixture
def sqlite_log(settings: Settings) -> Iterator[ReadingLog]:
    log = ReadingLog.open(settings)
    assert log is not None
    with log:
        yield log


def _server_programs() -> Path | None:
    """Debian keeps PostgreSQL's server programs out of PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which("initdb")
    if found:
        folders.append(Path(found).parent)
    return next((one for one in folders if (one / "initdb").exists()), None)


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root: its own user does, where Debian made one."""
    if os.geteuid():
        return []
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    return ["runuser", "-u", "postgres", "--"]


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test run, on a free port of the loopback."""
    programs = _server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server on this machine (Debian: apt install postgresql)")
    prefix = _as_postgres()
    folder = Path(tempfile.mkdtemp(prefix="pneumo-postgresql-"))
    if prefix:
        shutil.chown(folder, "postgres", "postgres")
    (folder / "password").write_text(PASSWORD)
    if prefix:
        shutil.chown(folder / "password", "postgres", "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")

    def call(program: str, *words: str) -> None:
        subprocess.run(
            [*prefix, str(programs / program), *words],
            cwd=folder,
            check=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    call(
        *(
            "initdb",
            "-D",
            data,
            "-U",
            "pneumo",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "-N",
            "--no-locale",
        ),
        f"--pwfile={folder / 'password'}",
    )
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories='' -c fsync=off"
    )
    call("pg_ctl", "-D", data, "-l", str(folder / "log"), "-o", options, "-w", "start")
    try:
        yield f"postgresql://pneumo:{PASSWORD}@127.0.0.1:{port}/postgres"
    finally:
        call("pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: str) -> str:
    """A new, empty database of the server."""
    from sqlalchemy import create_engine, text

    url = postgresql_server.replace("postgresql:", "postgresql+pg8000:")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS readings WITH (FORCE)"))
        connection.execute(text("CREATE DATABASE readings"))
    engine.dispose()
    return postgresql_server.removesuffix("/postgres") + "/readings"


@pytest.fixture(params=["sqlite", "postgresql"])
def any_settings(request: pytest.FixtureRequest, settings: Settings) -> Settings:
    """Settings of a new log, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return settings
    return replace(settings, database_url=request.getfixturevalue("postgresql_url"))


@pytest.fixture
def log(any_settings: Settings) -> Iterator[ReadingLog]:
    opened = ReadingLog.open(any_settings)
    assert opened is not None
    with opened:
        yield opened
