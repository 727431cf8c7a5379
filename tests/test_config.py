"""Settings of the environment, on machines without a home and with values that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumo_core.config import ROOT, as_environment, load_settings
from pneumo_core.errors import PneumoError

FOLDERS = (
    *("PNEUMO_MODELS", "PNEUMO_RUNS", "PNEUMO_CACHE", "PNEUMO_JOBS", "PNEUMO_READINGS"),
    "PNEUMO_DATA_ROOTS",
)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*FOLDERS, "PNEUMO_DATABASE_URL", "PNEUMO_LOG_READINGS"):
        monkeypatch.delenv(name, raising=False)


def test_folders_lie_in_the_project_unless_said() -> None:
    settings = load_settings()
    assert settings.models_dir == ROOT / "models"
    assert settings.jobs_dir == ROOT / ".pneumo" / "jobs"
    assert settings.data_roots == (Path.home(), Path.cwd(), ROOT.parent)


def test_a_user_without_a_home_and_a_folder_that_was_deleted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    def no_folder() -> Path:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(Path, "cwd", no_folder)
    assert load_settings().data_roots == (ROOT.parent,)


@pytest.mark.parametrize("home", ["/", ""])
def test_a_whole_disk_is_no_place_for_films(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path(home))
    assert Path(home) not in load_settings().data_roots


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_leads_nowhere_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "~nobody-of-this-name/films")
    with pytest.raises(PneumoError, match=rf"folder in {name}, got '~nobody-of-.*Name it in full"):
        load_settings()


def test_where_only_the_cache_has_a_place_jobs_and_readings_are_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path))
    assert load_settings().jobs_dir == tmp_path / "jobs"
    assert load_settings().readings_db == tmp_path / "readings" / "readings.db"
    monkeypatch.setenv("PNEUMO_READINGS", str(tmp_path / "kept"))
    assert load_settings().readings_db == tmp_path / "kept" / "readings.db"


def test_the_log_of_readings_is_on_unless_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().log_readings
    monkeypatch.setenv("PNEUMO_LOG_READINGS", "0")
    assert not load_settings().log_readings
    monkeypatch.setenv("PNEUMO_LOG_READINGS", "maybe")
    with pytest.raises(PneumoError, match="Expected 1 or 0 in PNEUMO_LOG_READINGS, got 'maybe'"):
        load_settings()


def test_a_password_in_the_database_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMO_DATABASE_URL", "postgresql://pneumo:secret@localhost/pneumo")
    assert "secret" not in repr(load_settings())


@pytest.mark.parametrize("text", ["0", "-5", "many", "1.5", "²"])
def test_a_limit_is_a_positive_whole_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PNEUMO_MAX_BYTES", text)
    with pytest.raises(PneumoError, match="positive whole number in PNEUMO_MAX_BYTES, got"):
        load_settings()


def test_settings_go_along_to_another_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))
    monkeypatch.setenv("PNEUMO_MAX_SIDE", "5000")
    settings = load_settings()
    for name, value in as_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings
