"""A stand-in for the model, so that the screens are tested without OpenVINO or TensorFlow."""

from __future__ import annotations

import gc
import io
import shutil
from dataclasses import replace
from functools import cache as cache_of
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.components.v2 import manifest_scanner

from pages.ui import cache
from pages.ui.components import film_viewer
from pages.ui.diagnose import upload
from pneumo_core.bundle import OperatingPoints
from pneumo_core.bundle.card import Card
from pneumo_core.errors import UnreadableImage
from pneumo_core.imaging.decode import decode
from pneumo_core.inference.predict import Reading, decide
from pneumo_core.synthetic import appearance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from pneumo_core.imaging.film import Film

POINTS = OperatingPoints(screening=0.2, balanced=0.5, ruling_in=0.8)
CAM = np.array([[0.0, 1.0], [0.2, 0.0]], np.float32)


def make_reading(p: float | None = 0.9, **changes: Any) -> Reading:
    """A reading of probability `p`, 0.05 either way; None for a file that was not read."""
    blank = Reading("error", "Expected a film.", "stand-in 1.0", POINTS.screening, POINTS.ruling_in)
    if p is None:
        return replace(blank, **changes)
    low, high = max(p - 0.05, 0.0), min(p + 0.05, 1.0)
    decision, message = decide(p, low, high, POINTS)
    answer = {"status": "ok", "message": message, "decision": decision, "p_pneumonia": p}
    answer |= {"p_low": low, "p_high": high, "p_bacterial": 0.7 * p, "p_viral": 0.3 * p}
    answer |= {"gate_ok": True, "where": "mostly the left upper zone", "cam": CAM, "ms": 12.0}
    return replace(blank, **(answer | changes))


@pytest.fixture(scope="session", autouse=True)
def _done_once() -> Iterator[None]:
    """Each AppTest reads the metadata of every installed package anew, which takes a second, and
    each cleared cache lets the sample films be made anew: once is enough for all tests.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (manifest_scanner, "scan_component_manifests"),
            (appearance, "sample_films"),
        ):
            patch.setattr(module, name, cache_of(getattr(module, name)))
        yield


@pytest.fixture(scope="module", autouse=True)
def _nothing_old_is_searched() -> None:
    """Streamlit collects garbage after every run of a script: spare it what is loaded already,
    which with TensorFlow in the process is a second of work.
    """
    gc.freeze()


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings of a test go to a log of its own."""
    monkeypatch.setenv("PNEUMO_READINGS", str(tmp_path / "readings"))
    monkeypatch.delenv("PNEUMO_DATABASE_URL", raising=False)
    monkeypatch.delenv("PNEUMO_LOG_READINGS", raising=False)


@pytest.fixture(autouse=True)
def _patient_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits until all of a drop is read, however slow the machine."""
    monkeypatch.setattr(upload, "PATIENCE", 60.0)


class StandIn:
    """Reads like the real Reader, but P(pneumonia) is the film's mean grey level; counts films."""

    def __init__(self) -> None:
        self.films = 0

    def read_bytes(self, data: bytes, _film: Film | None = None) -> Reading:
        try:
            film = decode(data)
        except UnreadableImage as error:
            self.films += 1
            return make_reading(None, message=str(error))
        return self.read(film)

    def read(self, film: Film) -> Reading:
        self.films += 1
        return make_reading(float(film.pixels.mean()) / 255, pixels=film.pixels, facts=film.facts)


class Viewer:
    """Stands in for the browser's part of the film viewer: keeps what it is given; `choose` is what
    a person then chooses in it.
    """

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.chosen: dict[str, Any] | None = None

    def choose(self, view: str, opacity: int = 45, *, outline: bool = False) -> None:
        self.chosen = {"view": view, "opacity": opacity, "outline": outline}

    def __call__(
        self, *, key: str, data: dict[str, Any], on_shown_change: Callable[[], None]
    ) -> None:
        self.data = data
        if self.chosen is not None:
            st.session_state[key] = SimpleNamespace(shown=self.chosen)
            self.chosen = None
            on_shown_change()


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> Viewer:
    """The film viewer without a browser."""
    one = Viewer()
    monkeypatch.setattr(film_viewer, "_viewer", one)
    return one


@pytest.fixture
def reading() -> Callable[..., Reading]:
    """`make_reading`, for tests that need a reading of their own."""
    return make_reading


@pytest.fixture
def bundle(tmp_path: Path) -> SimpleNamespace:
    return SimpleNamespace(
        name="stand-in",
        version="1.0",
        digest="0" * 64,
        points=POINTS,
        path=tmp_path,
        card=Card.from_document({}),
    )


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch, bundle: SimpleNamespace) -> Iterator[StandIn]:
    """The pages read with the stand-in."""
    one = StandIn()
    st.cache_resource.clear()
    monkeypatch.setattr(cache, "model_in_service", lambda: bundle)
    monkeypatch.setattr(cache, "reader_of", lambda _: one)
    monkeypatch.setattr(cache, "warm_up", lambda *_: True)
    yield one
    st.cache_resource.clear()


@pytest.fixture
def png() -> Callable[[int], bytes]:
    """PNG bytes of a smooth film of the given mean grey level, 20 pixels wider than high."""

    def make(grey: int) -> bytes:
        ramp = np.linspace(grey - 20, grey + 20, 120).astype(np.uint8)
        out = io.BytesIO()
        Image.fromarray(np.tile(ramp, (100, 1))).save(out, "PNG")
        return out.getvalue()

    return make


@pytest.fixture
def models(
    tiny_models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A folder with "tiny" in service, in an installation that has seen nothing else."""
    folder = shutil.copytree(tiny_models_dir, tmp_path / "models")
    monkeypatch.setenv("PNEUMO_MODELS", str(folder))
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_DATA_ROOTS", str(tmp_path))
    st.cache_data.clear()
    st.cache_resource.clear()
    yield folder
    st.cache_resource.clear()


@pytest.fixture
def folder(models: Path, tiny_predictions: pd.DataFrame, tmp_path: Path) -> Path:
    """The 60 films of the tiny predictions, as bright as they are suspicious, looked through."""
    from pneumo_core.config import load_settings
    from pneumo_core.dataset.catalogue import open_catalogue
    from pneumo_core.dataset.sources import remember_source

    place = tmp_path / "films"
    for row in tiny_predictions.itertuples():
        path = place / row.film
        path.parent.mkdir(parents=True, exist_ok=True)
        grey = np.full((64, 80), round(255 * row.p_pneumonia), np.uint8)
        Image.fromarray(grey).save(path)
    remember_source("folder", place, settings=load_settings())
    open_catalogue(place, settings=load_settings())
    return place
