"""A tiny training that ran through: what interrupted trainings are compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, Path]:
    """Logits of the films held out by `tiny_training.train`, and its folder."""
    from tests.conftest import train_quickly
    from tests.training.tiny_training import train

    folder = tmp_path_factory.mktemp("undisturbed") / "fold-0"
    with pytest.MonkeyPatch.context() as monkeypatch:
        train_quickly(monkeypatch)
        return train(folder), folder
