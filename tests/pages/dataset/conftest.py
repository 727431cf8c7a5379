"""A small data set, looked through or not yet, and the Dataset page that shows it."""

import shutil
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages.ui.dataset import source
from pneumo_core.audit import as_document
from pneumo_core.config import load_settings
from pneumo_core.dataset.catalogue import open_catalogue
from pneumo_core.dataset.sources import remember_source
from pneumo_core.jobs.status import Status
from pneumo_core.synthetic.demo_data import write_demo_data
from tests import ROOT

FILMS = 48


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A synthetic data set, one film of it there a second time under another name."""
    folder = tmp_path_factory.mktemp("data") / "demo"
    write_demo_data(folder, films=FILMS - 1, seed=3)
    film = next((folder / "train" / "NORMAL").iterdir())
    shutil.copy(film, film.with_name("IM-9999-0001.jpeg"))
    return folder


@pytest.fixture(scope="session")
def test_evaluations(demo, tmp_path_factory):
    """A cache in which this data set has been looked through."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMO_CACHE", str(folder))
        as_document(open_catalogue(demo, settings=load_settings()))
    return folder


@pytest.fixture
def settings(tmp_path, demo, monkeypatch):
    """An installation that has seen nothing and may open what lies beside the demo data set."""
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(demo.parent))
    st.cache_data.clear()
    return load_settings()


@pytest.fixture
def full(settings, demo, test_evaluations):
    """The same, with the demo data set chosen and looked through."""
    shutil.copytree(test_evaluations, settings.cache_dir)
    remember_source("folder", demo, settings=settings)
    return settings


@pytest.fixture
def jobs(monkeypatch):
    """Nothing is started: what would be is noted, and stands as the test says."""
    noted = SimpleNamespace(started=[], status=Status("running", phase="films"), job=None)
    noted.job = SimpleNamespace(
        id="job.1", status=lambda: noted.status, stop=lambda: None, log_tail=lambda _: "its log"
    )

    def start(kind, arguments, *, settings, key):
        noted.started.append(tuple(arguments))
        return noted.job

    def latest(kind, *, settings, key):
        return noted.job if any(kind == one[0] and key in one for one in noted.started) else None

    for module in (source, source):
        monkeypatch.setattr(module, "start_job", start)
        monkeypatch.setattr(module, "latest_job", latest)
    return noted


@pytest.fixture
def page(reader, settings):
    return AppTest.from_file(str(ROOT / "pages" / "dataset.py"), default_timeout=300)
