"""Caches of the screens: the model in service, sample films, data sets, evaluations, charts."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import streamlit as st

from pages.ui.html import jpeg, thumbnail
from pneumo_core.bundle import Bundle
from pneumo_core.config import Settings
from pneumo_core.dataset.catalogue import Catalogue
from pneumo_core.errors import BundleError, DataSetError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go
    from numpy.typing import NDArray

    from pneumo_core.bundle import BundleStatus
    from pneumo_core.evaluation.comparison import Comparison, Contender
    from pneumo_core.inference.explain_worker import Explainer
    from pneumo_core.inference.predict import Reader, Reading
    from pneumo_core.readings.log import ReadingLog
    from pneumo_core.training.dataset import Material
    from pneumo_core.training.plan.parent import ListedFilms

T = TypeVar("T")
_DISPLAY_SIDE = 1024  # pixels


@dataclass(frozen=True, eq=False)
class Keyed(Generic[T]):
    """An argument of a cached function that is too large to hash, and the key of its content."""

    key: str
    value: T


# The key of each large argument: another one for another content.
HASH_FUNCS: dict[str | type, Callable[[Any], str]] = {
    Bundle: lambda bundle: f"{bundle.name}/{bundle.digest}",
    Catalogue: lambda catalogue: catalogue.key,
    Settings: repr,
    Keyed: lambda keyed: keyed.key,
}


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
    """The one reader of a bundle for all sessions and the API, see `shared_reader`."""
    from pneumo_core.inference.shared import shared_reader

    return shared_reader(bundle)


def role_of(bundle: Bundle, sha256: str, pixels: NDArray[np.uint8] | None) -> str:
    """What a model did with the film of this file or of these pixels, uint8 (H, W), of
    `bundle.provenance.ROLES`; "" if nothing, or where it does not list its films. Raises
    BundleError on a damaged list.
    """
    from pneumo_core.dataset.similarity import perceptual_hash

    phash = "" if pixels is None else perceptual_hash(pixels)
    return _listed_films(bundle).role(sha256, phash)


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=HASH_FUNCS)
def _listed_films(bundle: Bundle) -> ListedFilms:
    from pneumo_core.training.plan.parent import listed_films

    return listed_films(bundle)


@st.cache_resource(show_spinner=False)
def explainer() -> Explainer:
    """What computes explanations for all sessions, in one process of its own."""
    from pneumo_core.inference.explain_worker import Explainer

    return Explainer()


def reading_log() -> ReadingLog | None:
    """The log of this installation, one for all sessions; None where it is turned off.

    Raises ReadingLogError where its database fails.
    """
    from pneumo_core.config import load_settings

    settings = load_settings()
    if not settings.log_readings:
        return None
    return _opened_log(Keyed(f"{settings} {settings.database_url}", settings))


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=HASH_FUNCS)
def _opened_log(settings: Keyed[Settings]) -> ReadingLog | None:
    from pneumo_core.readings.log import ReadingLog

    return ReadingLog.open(settings.value)


@st.cache_data(
    show_spinner="Checking the files of the models…", max_entries=64, hash_funcs=HASH_FUNCS
)
def checked_bundle(folder: Keyed[Path]) -> tuple[BundleStatus, str]:
    """A bundle with its hashes compared, and when; the key changes with its files."""
    from pneumo_core.bundle.registry import inspect_bundle

    return inspect_bundle(folder.value), f"{datetime.now().astimezone():%H:%M:%S}"


@st.cache_resource(show_spinner=False)
def samples() -> tuple[Sample, ...]:
    """The sample films, synthetic all of them."""
    from pneumo_core.synthetic.appearance import sample_films

    return tuple(
        Sample(
            name=film.name,
            origin=f"synthetic, class {film.subtype}; shows no patient",
            data=jpeg(film.pixels, quality=95),
            thumb=thumbnail(film.pixels),
        )
        for film in sample_films()
    )


@st.cache_resource(show_spinner=False, max_entries=2, hash_funcs=HASH_FUNCS)
def warm_up(bundle: Bundle) -> bool:
    """Load, once a model, what the first film would otherwise wait for."""
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped]  # noqa: F401 - Streamlit needs it to send

    from pneumo_core.inference.saliency import overlay

    reading = reader_of(bundle).read_bytes(samples()[0].data)
    if reading.pixels is not None and reading.cam is not None:
        jpeg(overlay(reading.pixels, reading.cam))
    with suppress(BundleError):  # said where a film is read
        role_of(bundle, "", reading.pixels)
    pd.DataFrame().style.to_html()  # the table of films
    return True


@st.cache_data(show_spinner=False, ttl=300)
def weights_of(backbone: str) -> str:
    """Where its ImageNet weights can be had, see `weights_at`; asked every five minutes."""
    from pneumo_core.training.network import weights_at

    return weights_at(backbone)


@st.cache_data(show_spinner=False, ttl=60, hash_funcs=HASH_FUNCS)
def weights_files_of(settings: Settings) -> list[Path]:
    """Weights files in the folders that may be opened."""
    from pneumo_core.training.network import weights_files

    return weights_files(settings.data_roots)


@st.cache_data(show_spinner=False, ttl=30)
def parents_of(backbone: str) -> list[str]:
    """Models with this backbone, which a training may start from."""
    from pneumo_core.bundle import survey

    return [
        one.name
        for one in survey()
        if one.bundle is not None
        and not one.fault
        and one.bundle.card.document.get("training", {}).get("backbone") == backbone
    ]


@st.cache_data(show_spinner=False, max_entries=64)
def film_picture(root: Path, film: str, sha256: str) -> bytes:
    """A film of a data set at display size, as JPEG; raises as `film_bytes` does, and
    UnreadableImage.
    """
    from pneumo_core.imaging.decode import decode, fit_to_side

    pixels = decode(film_bytes(root, film, sha256)).pixels
    return jpeg(fit_to_side(pixels, _DISPLAY_SIDE))


def film_bytes(root: Path, film: str, sha256: str) -> bytes:
    """A film's file; raises DataSetError if it is not what was indexed, or has gone."""
    path = (root / film).resolve()
    try:
        data = path.read_bytes() if path.is_relative_to(root.resolve()) else b""
    except OSError:
        data = b""
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataSetError(
            f"Expected {film} as it was when the folder was indexed; it has changed or is missing. "
            "Open the folder again."
        )
    return data


@st.cache_data(show_spinner=False, max_entries=8, hash_funcs=HASH_FUNCS)
def folds_of(catalogue: Catalogue, folds: int, seed: int) -> pd.DataFrame:
    """The films that may be trained on, with their `fold`; raises as `grouped_folds` does."""
    from pneumo_core.dataset.folds import grouped_folds, training_films

    films = training_films(catalogue.index)
    return films.assign(fold=grouped_folds(films, folds=folds, seed=seed))


def manifest_of(catalogue: Catalogue, folds: int, seed: int) -> str:
    """The manifest of such a split, JSON."""
    from tempfile import TemporaryDirectory

    from pneumo_core.dataset.folds import write_manifest

    films = folds_of(catalogue, folds, seed)
    with TemporaryDirectory() as folder:
        path = Path(folder, "manifest.json")
        write_manifest(films, films["fold"].to_numpy(), path, seed=seed)
        return path.read_text("utf-8")


@st.cache_data(show_spinner=False, ttl=20, max_entries=8)
def material_of(root: Path) -> Material:
    """What a folder offers a training; DataSetError where there are no films."""
    from pneumo_core.training.dataset import material

    return material(root)


def chart(key: tuple[object, ...], draw: Callable[[], go.Figure]) -> go.Figure:
    """A chart that does not depend on the slider: drawn once a `key`, not at each of its steps."""
    return _chart(Keyed(repr(key), draw))


@st.cache_resource(show_spinner=False, max_entries=24, hash_funcs=HASH_FUNCS)
def _chart(draw: Keyed[Callable[[], go.Figure]]) -> go.Figure:
    return draw.value()


@st.cache_resource(show_spinner=False, max_entries=6, hash_funcs=HASH_FUNCS)
def comparison(contenders: Keyed[list[Contender]]) -> Comparison:
    """Models on the same films. Raises DataSetError as `compare`."""
    from pneumo_core.evaluation.comparison import compare

    return compare(contenders.value)


@st.cache_resource(
    show_spinner="Comparing the films with the training images…",
    max_entries=4,
    hash_funcs=HASH_FUNCS,
)
def evaluated(
    predictions: Keyed[Path], root: Path, settings: Settings
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """A file of predictions, and the index of their folder, None where that has gone."""
    from pneumo_core.dataset.catalogue import catalogue_ready, open_catalogue
    from pneumo_core.dataset.index import index_folder
    from pneumo_core.evaluation.evaluate import read_predictions
    from pneumo_core.synthetic.demo_data import are_synthetic

    table = read_predictions(predictions.value)
    try:
        ready = catalogue_ready(root, settings=settings)
        index = open_catalogue(root, settings=settings).index if ready else index_folder(root)
    except DataSetError:
        return table, None
    return table, index.assign(synthetic=are_synthetic(index, root))


@st.cache_resource(show_spinner=False, ttl=60, max_entries=4, hash_funcs=HASH_FUNCS)
def catalogue_at(root: Path, settings: Settings) -> Catalogue | None:
    """The catalogue of a folder, looked for once a minute; None where there is none yet."""
    from pneumo_core.dataset.catalogue import catalogue_ready, open_catalogue

    if not catalogue_ready(root, settings=settings):
        return None
    return open_catalogue(root, settings=settings)


@st.cache_resource(show_spinner=False, max_entries=8, hash_funcs=HASH_FUNCS)
def rows_of(catalogue: Catalogue, table: Keyed[pd.DataFrame]) -> dict[str, int]:
    """Place in the catalogue's index of each film of a table that it has."""
    wanted = set(table.value["film"])
    films = catalogue.index["film"].tolist()
    return {film: at for at, film in enumerate(films) if film in wanted}


@st.cache_resource(show_spinner=False, max_entries=32, hash_funcs=HASH_FUNCS)
def film_reading(bundle: Bundle, root: Path, film: str, sha256: str) -> Reading:
    """A film of a data set read with a model; raises as `film_bytes` and `reader_of` do."""
    return reader_of(bundle).read_bytes(film_bytes(root, film, sha256))
