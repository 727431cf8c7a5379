"""The only st.cache_* of the screens: the model that reads, and the sample films."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.pictures import jpeg, thumbnail

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.reading.predict import Reader


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
    return _reader(bundle.digest, bundle)


@st.cache_resource(show_spinner=False, max_entries=2)
def _reader(digest: str, _bundle: Bundle) -> Reader:  # noqa: ARG001 - the digest is the key
    from pneumo_core.bundle import verify_bundle
    from pneumo_core.reading.predict import Reader

    verify_bundle(_bundle.path)
    return Reader(_bundle)


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
