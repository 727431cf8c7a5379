"""The only st.cache_* of the screens: the model that reads, sample films, data sets, checks."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.pictures import jpeg, thumbnail
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.bundle import Bundle, Found
    from pneumo_core.films.catalogue import Catalogue
    from pneumo_core.learning.material import Material
    from pneumo_core.reading.predict import Reader

_DISPLAY_SIDE = 1024  # pixels


@dataclass(frozen=True)
class Sample:
    """A synthetic film as a file that may be read like any other."""

    name: str
    origin: str
    data: bytes
    thumb: str


def model_in_service() -> Bundle:
    """The bundle in service, its files not yet checked. Raises BundleError where there is none."""
    from pneumo_core.bundle import load_bundle

    return load_bundle(verify=False)


def reader_of(bundle: Bundle) -> Reader:
    """The one reader of a bundle for all sessions; made once, on first use (about a second).

    Raises BundleError on a bundle that is incomplete or altered.
    """
    return _reader(f"{bundle.name}/{bundle.digest}", bundle)


@st.cache_resource(show_spinner=False, max_entries=2)
def _reader(key: str, _bundle: Bundle) -> Reader:  # noqa: ARG001 - name and digest
    from pneumo_core.bundle import verify_bundle
    from pneumo_core.reading.predict import Reader

    verify_bundle(_bundle.path)
    return Reader(_bundle)


@st.cache_data(show_spinner="Checking the files of the models…", max_entries=64)
def checked_bundle(path: str, stamp: tuple[object, ...]) -> tuple[Found, str]:  # noqa: ARG001
    """A bundle with its hashes compared, and when; the stamp changes with its files."""
    from pneumo_core.bundle.survey import look_at

    return look_at(Path(path)), f"{datetime.now().astimezone():%H:%M:%S}"


@st.cache_resource(show_spinner=False)
def samples() -> tuple[Sample, ...]:
    """The sample films, synthetic all of them."""
    from pneumo_core.films.samples import sample_films

    return tuple(
        Sample(
            name=film.name,
            origin=f"synthetic, drawn as {film.subtype}; nobody's film",
            data=jpeg(film.pixels, quality=95),
            thumb=thumbnail(film.pixels),
        )
        for film in sample_films()
    )


@st.cache_resource(show_spinner=False, max_entries=2)
def warm_up(digest: str, _bundle: Bundle) -> bool:  # noqa: ARG001 - the digest is the key
    """Load, once a model, what the first film would otherwise wait for."""
    import pandas as pd  # noqa: F401 - the table of films needs it, and
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: F401 - Streamlit this, to send it

    from pneumo_core.reading.saliency import overlay

    reading = reader_of(_bundle).read_bytes(samples()[0].data)
    if reading.pixels is not None and reading.cam is not None:
        jpeg(overlay(reading.pixels, reading.cam))
    return True


@st.cache_data(show_spinner=False, max_entries=64)
def film_picture(root: Path, film: str, sha256: str) -> bytes:
    """A film of a data set at display size, as JPEG; raises as `film_bytes` does, and
    UnreadableImage.
    """
    import cv2

    from pneumo_core.films.decode import decode

    pixels = decode(film_bytes(root, film, sha256)).pixels
    scale = min(1.0, _DISPLAY_SIDE / max(pixels.shape))
    height, width = (max(1, round(scale * side)) for side in pixels.shape)
    return jpeg(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA))


def film_bytes(root: Path, film: str, sha256: str) -> bytes:
    """A film's file; raises DataSetError if it is not what was indexed, or has gone."""
    path = (root / film).resolve()
    try:
        data = path.read_bytes() if path.is_relative_to(root.resolve()) else b""
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataSetError(
            f"Expected {film} as it was when the folder was looked at; it has changed or gone. "
            "Open the folder again."
        )
    return data


def facets_of(catalogue: Catalogue) -> pd.DataFrame:
    """The index of a catalogue with what the charts add to it."""
    return _facets(catalogue.key, catalogue)


@st.cache_resource(show_spinner=False, max_entries=2)
def _facets(key: str, _catalogue: Catalogue) -> pd.DataFrame:  # noqa: ARG001
    from pages.ui.dataset.facets import with_facets

    return with_facets(_catalogue.index)


def folds_of(catalogue: Catalogue, folds: int, seed: int) -> pd.DataFrame:
    """The films that may be learnt from, with their `fold`; raises as `grouped_folds` does."""
    return _folds(catalogue.key, folds, seed, catalogue)


@st.cache_data(show_spinner=False, max_entries=8)
def _folds(key: str, folds: int, seed: int, _catalogue: Catalogue) -> pd.DataFrame:  # noqa: ARG001
    from pneumo_core.films.folds import grouped_folds, learning_films

    films = learning_films(_catalogue.index)
    return films.assign(fold=grouped_folds(films, folds=folds, seed=seed))


def manifest_of(catalogue: Catalogue, folds: int, seed: int) -> str:
    """The manifest of such a split, JSON."""
    from tempfile import TemporaryDirectory

    from pneumo_core.films.folds import write_manifest

    films = folds_of(catalogue, folds, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder, "manifest.json")
        write_manifest(films, films["fold"].to_numpy(), path, seed=seed)
        return path.read_text("utf-8")


@st.cache_data(show_spinner=False, ttl=20, max_entries=8)
def material_of(root: Path) -> Material:
    """What a folder offers a training; DataSetError where there are no films."""
    from pneumo_core.learning.material import material

    return material(root)
