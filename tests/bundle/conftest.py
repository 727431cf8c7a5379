"""The bundle "tiny" as a zip, and a folder of models to import into."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from pneumo_core.bundle import transfer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def exported(tiny_models_dir: Path) -> bytes:
    """The bundle "tiny" as a zip."""
    return transfer.export_bundle("tiny", models_dir=tiny_models_dir)


@pytest.fixture
def models(tiny_models_dir: Path, tmp_path: Path) -> Path:
    """A folder of models with "tiny" in service, to import into."""
    return shutil.copytree(tiny_models_dir, tmp_path / "models")


@pytest.fixture
def no_trial(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Imports go without the trial, which takes seconds; the bundles that would have been tried."""
    tried: list[Path] = []
    monkeypatch.setattr(transfer, "try_out", tried.append)
    return tried
