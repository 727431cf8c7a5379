"""A Training screen with folders of its own, films in name alone, and no process started."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pneumo_core.config import load_settings
from pneumo_core.dataset.sources import data_dir, remember_source
from pneumo_core.training.hardware import Machine, machine_key
from pneumo_core.training.runs import queue
from tests import ROOT


@pytest.fixture
def settings(tmp_path, monkeypatch):
    for name in ("MODELS", "RUNS", "CACHE"):
        monkeypatch.setenv(f"PNEUMO_{name}", str(tmp_path / name.lower()))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))  # no weights of this machine are found
    monkeypatch.delenv("PNEUMO_JOBS", raising=False)
    made = load_settings()
    # The machine is known, so that no process is asked for it.
    found = Machine(2, 24 * 2**30, "2 CPU cores", (), "tensorflow", "float32", False, machine_key())
    made.cache_dir.mkdir()
    (made.cache_dir / "machine.json").write_text(json.dumps(asdict(found)))
    monkeypatch.setattr("pneumo_core.training.network.weights_at", lambda _: "")
    st.cache_data.clear()
    return made


@pytest.fixture
def started(monkeypatch):
    """Runs are made, but no process is started for them."""
    begun = []

    def start(run, _settings):
        run.update(phase="waiting")  # this process summary for the run's own
        begun.append(run)

    monkeypatch.setattr(queue, "_start_process", start)
    return begun


@pytest.fixture
def films(settings):
    """A data set in its names alone."""
    folder = data_dir(settings) / "synthetic-36"
    for number in range(12):
        for name in (
            f"NORMAL/IM-{number:04}-0001.jpeg",
            f"PNEUMONIA/person{number}_bacteria_1.jpeg",
            f"PNEUMONIA/person{number}_virus_1.jpeg",
        ):
            (folder / "train" / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / "train" / name).touch()
    remember_source("synthetic", folder, settings=settings)
    return folder


@pytest.fixture
def page(settings):
    return AppTest.from_file(str(ROOT / "pages" / "training.py"), default_timeout=300)
