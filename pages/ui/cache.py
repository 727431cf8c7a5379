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
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from pages.ui.dataset.conditions import Condition
    from pages.ui.dataset.facets import Cloud
    from pages.ui.metrics.measures import Measures
    from pneumo_core.bundle import Bundle, Found, OperatingPoints
    from pneumo_core.config import Settings
    from pneumo_core.films.catalogue import Catalogue
    from pneumo_core.learning.material import Material
    from pneumo_core.reading.predict import Reader, Reading
    from pneumo_core.review.compare import Contender
    from pneumo_core.review.comparison import Comparison
    from pneumo_core.review.seen import ListedFilms

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


def role_of(bundle: Bundle, sha256: str, pixels: NDArray[np.uint8] | None) -> str:
    """What a model did with the film of this file or of these pixels, uint8 (H, W), of
    `bundle.films_file.ROLES`; "" if nothing, or where it does not list its films. Raises
    BundleError on a damaged list.
    """
    from pneumo_core.films.neighbours import perceptual_hash

    phash = "" if pixels is None else perceptual_hash(pixels)
    return _listed_films(f"{bundle.name}/{bundle.digest}", bundle).role(sha256, phash)


@st.cache_resource(show_spinner=False, max_entries=2)
def _listed_films(key: str, _bundle: Bundle) -> ListedFilms:  # noqa: ARG001 - name and digest
    from pneumo_core.review.seen import listed_films

    return listed_films(_bundle)


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


def cover_of(catalogue: Catalogue, cloud: Cloud, conditions: tuple[Condition, ...]) -> str:
    """What lies over the axes of a cloud, as HTML: drawn once for the same choice of films."""
    return _cover(f"{catalogue.key} {cloud.name} {conditions}", catalogue, cloud, conditions)


@st.cache_resource(show_spinner=False, max_entries=60)
def _cover(
    key: str,  # noqa: ARG001
    _catalogue: Catalogue,
    _cloud: Cloud,
    _conditions: tuple[Condition, ...],
) -> str:
    from pages.ui.dataset.facets import cover

    return cover(facets_of(_catalogue), _cloud, _conditions)


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


def measures_of(key: str, table: pd.DataFrame, points: OperatingPoints) -> Measures:
    """All figures of a table of predictions; `key` is another one for another table."""
    return _measures(key, (points.screening, points.balanced, points.ruling_in), table, points)


@st.cache_resource(show_spinner="Counting films, drawing patients…", max_entries=6)
def _measures(
    key: str,  # noqa: ARG001
    thresholds: tuple[float, float, float],  # noqa: ARG001
    _table: pd.DataFrame,
    _points: OperatingPoints,
) -> Measures:
    from pages.ui.metrics.measures import measure

    return measure(_table, _points)


@st.cache_resource(show_spinner=False, max_entries=24)
def drawn(key: tuple[object, ...], _draw: Callable[[], go.Figure]) -> go.Figure:  # noqa: ARG001
    """A chart that does not depend on the slider: drawn once a `key`, not at each of its steps."""
    return _draw()


@st.cache_resource(show_spinner=False, max_entries=6)
def comparison(key: tuple[str, ...], _contenders: list[Contender]) -> Comparison:  # noqa: ARG001
    """Models on the same films; `key` names each and its predictions. DataSetError as `compare`."""
    from pneumo_core.review.compare import compare

    return compare(_contenders)


@st.cache_resource(show_spinner="Comparing the films with those the model has seen…", max_entries=4)
def evaluated(
    path: Path,
    changed: int,  # noqa: ARG001
    root: Path,
    _settings: Settings,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Predictions made on the spot, and the index of their folder, None where that has gone."""
    from pneumo_core.films.catalogue import catalogue_ready, open_catalogue
    from pneumo_core.films.drawn import are_drawn
    from pneumo_core.films.index import index_folder
    from pneumo_core.review.predictions import read_predictions

    table = read_predictions(path)
    try:
        ready = catalogue_ready(root, settings=_settings)
        index = open_catalogue(root, settings=_settings).index if ready else index_folder(root)
    except DataSetError:
        return table, None
    return table, index.assign(drawn=are_drawn(index, root))


@st.cache_resource(show_spinner=False, ttl=60, max_entries=4)
def catalogue_at(root: Path, _settings: Settings) -> Catalogue | None:
    """The catalogue of a folder, looked for once a minute; None where there is none yet."""
    from pneumo_core.films.catalogue import catalogue_ready, open_catalogue

    if not catalogue_ready(root, settings=_settings):
        return None
    return open_catalogue(root, settings=_settings)


def rows_of(catalogue: Catalogue, key: str, table: pd.DataFrame) -> dict[str, int]:
    """Place in the catalogue's index of each film of a table that it has."""
    return _rows(catalogue.key, key, catalogue, table)


@st.cache_resource(show_spinner=False, max_entries=8)
def _rows(
    catalogue_key: str,  # noqa: ARG001
    key: str,  # noqa: ARG001
    _catalogue: Catalogue,
    _table: pd.DataFrame,
) -> dict[str, int]:
    wanted = set(_table["film"])
    films = _catalogue.index["film"].tolist()
    return {film: at for at, film in enumerate(films) if film in wanted}


def film_reading(bundle: Bundle, root: Path, film: str, sha256: str) -> Reading:
    """A film of a data set read with a model; raises as `film_bytes` and `reader_of` do."""
    return _film_reading(f"{bundle.name}/{bundle.digest}", sha256, bundle, root, film)


@st.cache_resource(show_spinner=False, max_entries=32)
def _film_reading(
    model: str,  # noqa: ARG001
    sha256: str,
    _bundle: Bundle,
    _root: Path,
    _film: str,
) -> Reading:
    return reader_of(_bundle).read_bytes(film_bytes(_root, _film, sha256))
