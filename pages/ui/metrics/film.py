"""One film behind a number: its picture with the model's map, what was said and what is true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache
from pages.ui.diagnose.viewer import LEGEND, show_film_steps
from pages.ui.images import jpeg
from pages.ui.metrics.film_words import facts_html, reading_html, verdict_html
from pages.ui.page import plain, plain_words
from pneumo_core.errors import PneumoError
from pneumo_core.evaluation.leakage import film_roles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.subject import Subject
    from pages.ui.metrics.whereabouts import Whereabouts
    from pneumo_core.inference.predict import Reading

_OPEN = "metrics.film"
VIEWS = ("Film", "Blend", "Map")


def open_film(
    subject: Subject,
    film: str,
    order: Sequence[str],
    *,
    threshold: float,
    place: Whereabouts,
) -> None:
    """Show `film` over the page; `order` are the films that one may go through from it."""
    _open(film)
    st.dialog("Film", width="large")(_show)(subject, order, threshold, place)


def _show(subject: Subject, order: Sequence[str], threshold: float, place: Whereabouts) -> None:
    with plain_words():
        film = st.session_state[_OPEN]
        table = subject.table
        row: Any = next(table[table["film"] == film].itertuples())
        show_film_steps(film, order, _open, "metrics.film")
        picture, told = st.columns([3, 2], gap="medium")
        with picture:
            reading, why = _read(subject, row, place)
            _show_picture(reading, film)
        with told:
            ground = "light" if st.context.theme.type == "light" else "dark"
            st.html(
                f'<span class="pn-on-{ground}"></span>'
                f"{verdict_html(row, threshold, subject.bundle.points)}"
            )
            if why:
                st.warning(plain(why), icon=":material/image_not_supported:")
            elif reading is not None:
                st.html(reading_html(reading, row, learnt=_learnt(subject, row, place)))
            st.html(facts_html(row, place.facts(film)))


def _open(film: str) -> None:
    st.session_state[_OPEN] = film


def _read(subject: Subject, row: Any, place: Whereabouts) -> tuple[Reading | None, str]:
    """The film read with the model, or why it is not."""
    known = place.facts(row.film).get("sha256") or getattr(row, "sha256", "")
    if place.root is None or not known:
        return None, (
            "The film itself is not at hand, only what the model said of it. Choose the folder of "
            "the films below the gallery to see it."
        )
    try:
        with st.spinner(f"{subject.bundle.name} reads the film…"):
            return cache.film_reading(subject.bundle, place.root, row.film, str(known)), ""
    except PneumoError as error:
        return None, str(error)


def _show_picture(reading: Reading | None, film: str) -> None:
    if reading is None or reading.pixels is None:
        return
    from pneumo_core.inference.saliency import heat, overlay

    cam, pixels = reading.cam, reading.pixels
    view = "Film"
    if cam is not None:
        view = st.segmented_control(
            "Picture",
            VIEWS,
            default="Blend",
            required=True,
            key="metrics.view",
            label_visibility="collapsed",
        )
    if view == "Film" or cam is None:
        shown = jpeg(pixels)
    else:
        shown = jpeg(heat(cam, pixels.shape) if view == "Map" else overlay(pixels, cam))
    with st.container(key="film"):
        st.image(shown, width="stretch", alt=f"{view} of the film {film}")
    if cam is not None:
        st.html(LEGEND)


def _learnt(subject: Subject, row: Any, place: Whereabouts) -> bool:
    """Whether the shipped network learnt from a film whose prediction it was shipped with: then
    that prediction is of another network.
    """
    if subject.root is not None:
        return False
    import pandas as pd

    film = {name: [getattr(row, name)] for name in ("film", "split", "label")}
    known = place.facts(row.film)
    film |= {name: [known[name]] for name in ("sha256", "phash") if known.get(name)}
    return bool(film_roles(subject.bundle, pd.DataFrame(film)).trained[0])
