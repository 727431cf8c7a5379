"""A shelf with a model in service, another one and a damaged one."""

from __future__ import annotations

import shutil

import pytest
import streamlit as st

from pages.ui import cache
from pneumo_core.bundle import transfer


@pytest.fixture
def models(tiny_models_dir, tmp_path, monkeypatch):
    """A folder with "tiny" in service, "other" and the damaged "spoilt"; nothing is really read."""
    folder = shutil.copytree(tiny_models_dir, tmp_path / "models")
    for name in ("other", "spoilt"):
        shutil.copytree(folder / "tiny", folder / name)
    (folder / "spoilt" / "README.md").write_text("Altered.")
    monkeypatch.setenv("PNEUMO_MODELS", str(folder))
    monkeypatch.setattr(cache, "reader_of", lambda bundle: bundle)
    monkeypatch.setattr(transfer, "try_out", lambda _: None)
    st.cache_data.clear()
    return folder


@pytest.fixture
def zipped(tiny_models_dir):
    return transfer.export_bundle("tiny", models_dir=tiny_models_dir)
