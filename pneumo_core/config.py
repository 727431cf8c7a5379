"""Where things are and how large they may be; every value can be set by a PNEUMO_* variable."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pneumo_core.access import is_demo
from pneumo_core.errors import PneumoError

ROOT = Path(__file__).resolve().parent.parent
_ON, _OFF = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


@dataclass(frozen=True)
class Limits:
    """What a picture may cost. Checked from the header, before any pixel is decoded."""

    max_bytes: int = 50 * 2**20
    max_pixels: int = 100_000_000
    max_side: int = 20_000
    min_side: int = 32


def _usual_data_roots() -> tuple[Path, ...]:
    """The person's home, the current folder and the project folder; never a whole disk."""
    roots = []
    for find in (Path.home, Path.cwd):
        with suppress(RuntimeError, OSError):  # no home of this user; a folder that was deleted
            roots.append(find())
    roots.append(ROOT.parent)
    return tuple(root for root in roots if root.is_absolute() and root.resolve() != root.parent)


@dataclass(frozen=True)
class ServerLimits:
    """What callers of the API may take. requests_per_minute: by token, a film of a batch counts as
    one; reads_at_once: films read at a time; reads_waiting: requests that may wait for their turn;
    body_bytes: of all request bodies that are held at a time; batch_files: in one request.
    """

    requests_per_minute: int = 600
    reads_at_once: int = 2
    reads_waiting: int = 64
    body_bytes: int = 512 * 2**20
    batch_files: int = 50


@dataclass(frozen=True)
class Settings:
    """Folders and limits of this installation.

    data_roots: the screen opens only folders of films inside one of them, or in the cache.
    readings_dir: the log of readings, the salt of its study keys, and the reader studies;
    database_url: the database of the log, the SQLite file `readings_db` where "";
    access_file: who may do what once signed in; None: nobody signs in, and whoever reaches the
    pages may do everything.
    """

    models_dir: Path = ROOT / "models"
    runs_dir: Path = ROOT / "runs"
    cache_dir: Path = ROOT / ".pneumo" / "cache"
    jobs_dir: Path = ROOT / ".pneumo" / "jobs"
    readings_dir: Path = ROOT / ".pneumo" / "readings"
    database_url: str = field(default="", repr=False)  # it may hold a password
    log_readings: bool = True
    data_roots: tuple[Path, ...] = field(default_factory=_usual_data_roots)
    runs_at_once: int = 1  # training runs on this machine; more of them wait
    limits: Limits = field(default_factory=Limits)
    access_file: Path | None = None
    server: ServerLimits = field(default_factory=ServerLimits)

    @property
    def readings_db(self) -> Path:
        """The SQLite file of the log of readings, where no other database is set."""
        return self.readings_dir / "readings.db"


def _whole_number(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) == 0:
        raise PneumoError(
            f"Expected a positive whole number in {name}, got {text!r}. Correct or unset it."
        )
    return int(text)


def _switch(name: str, *, default: bool) -> bool:
    text = os.environ.get(name, "").strip().lower()
    if text in _ON or text in _OFF:
        return text in _ON
    if not text:
        return default
    raise PneumoError(f"Expected 1 or 0 in {name}, got {text!r}. Correct or unset it.")


def _folder(name: str, default: Path) -> Path:
    text = os.environ.get(name, "").strip()
    return _expanded(name, text) if text else default


def _file(name: str) -> Path | None:
    text = os.environ.get(name, "").strip()
    return _expanded(name, text) if text else None


def _expanded(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser().resolve()
    except (RuntimeError, OSError) as error:  # no such home; links that lead in a circle
        raise PneumoError(
            f"Expected a folder in {name}, got {text!r}, which leads nowhere. Name it in full."
        ) from error


def _folders(name: str, default: tuple[Path, ...]) -> tuple[Path, ...]:
    texts = [text.strip() for text in os.environ.get(name, "").split(os.pathsep)]
    return tuple(_expanded(name, text) for text in texts if text) or default


def load_settings() -> Settings:
    """Settings of the environment: PNEUMO_MODELS, PNEUMO_RUNS, PNEUMO_CACHE, PNEUMO_JOBS,
    PNEUMO_READINGS (folders), PNEUMO_DATA_ROOTS (folders, separated as in PATH),
    PNEUMO_DATABASE_URL, PNEUMO_LOG_READINGS (1 or 0), PNEUMO_RUNS_AT_ONCE, PNEUMO_MAX_BYTES,
    PNEUMO_MAX_PIXELS, PNEUMO_MAX_SIDE (whole numbers), PNEUMO_ACCESS (a file), PNEUMO_API_RATE,
    PNEUMO_READS_AT_ONCE (whole numbers). PNEUMO_DEMO=1 keeps no readings.

    Where only the cache has a place of its own, jobs and readings are kept in it.
    """
    usual, limits, server = Settings(), Limits(), ServerLimits()
    cache_dir = _folder("PNEUMO_CACHE", usual.cache_dir)
    moved = cache_dir != usual.cache_dir
    jobs_dir = cache_dir / "jobs" if moved else usual.jobs_dir
    readings_dir = cache_dir / "readings" if moved else usual.readings_dir
    return Settings(
        models_dir=_folder("PNEUMO_MODELS", usual.models_dir),
        runs_dir=_folder("PNEUMO_RUNS", usual.runs_dir),
        cache_dir=cache_dir,
        jobs_dir=_folder("PNEUMO_JOBS", jobs_dir),
        readings_dir=_folder("PNEUMO_READINGS", readings_dir),
        database_url=os.environ.get("PNEUMO_DATABASE_URL", "").strip(),
        log_readings=_switch("PNEUMO_LOG_READINGS", default=usual.log_readings) and not is_demo(),
        data_roots=_folders("PNEUMO_DATA_ROOTS", usual.data_roots),
        runs_at_once=_whole_number("PNEUMO_RUNS_AT_ONCE", usual.runs_at_once),
        limits=Limits(
            max_bytes=_whole_number("PNEUMO_MAX_BYTES", limits.max_bytes),
            max_pixels=_whole_number("PNEUMO_MAX_PIXELS", limits.max_pixels),
            max_side=_whole_number("PNEUMO_MAX_SIDE", limits.max_side),
            min_side=limits.min_side,
        ),
        access_file=_file("PNEUMO_ACCESS"),
        server=ServerLimits(
            requests_per_minute=_whole_number("PNEUMO_API_RATE", server.requests_per_minute),
            reads_at_once=_whole_number("PNEUMO_READS_AT_ONCE", server.reads_at_once),
        ),
    )


def as_environment(settings: Settings) -> dict[str, str]:
    """The PNEUMO_* variables that give another process these settings."""
    return {
        "PNEUMO_MODELS": str(settings.models_dir.absolute()),
        "PNEUMO_RUNS": str(settings.runs_dir.absolute()),
        "PNEUMO_CACHE": str(settings.cache_dir.absolute()),
        "PNEUMO_JOBS": str(settings.jobs_dir.absolute()),
        "PNEUMO_READINGS": str(settings.readings_dir.absolute()),
        "PNEUMO_DATABASE_URL": settings.database_url,
        "PNEUMO_LOG_READINGS": str(int(settings.log_readings)),
        "PNEUMO_DATA_ROOTS": os.pathsep.join(str(root.absolute()) for root in settings.data_roots),
        "PNEUMO_RUNS_AT_ONCE": str(settings.runs_at_once),
        "PNEUMO_MAX_BYTES": str(settings.limits.max_bytes),
        "PNEUMO_MAX_PIXELS": str(settings.limits.max_pixels),
        "PNEUMO_MAX_SIDE": str(settings.limits.max_side),
    }
