"""One film behind a number: its picture with the model's map, what was said and what is true."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache
from pages.ui.charts.theme import NORMAL, PNEUMONIA, SUBTYPES
from pages.ui.film_view import LEGEND
from pages.ui.frame import plain_words
from pages.ui.pictures import jpeg
from pages.ui.plain import plain
from pages.ui.stepper import show_film_steps
from pages.ui.words import sense_of, why_unread
from pneumo_core.errors import PneumoError
from pneumo_core.words import per_cent, per_cent_range, told_apart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pages.ui.metrics.subject import Subject
    from pages.ui.metrics.whereabouts import Whereabouts
    from pneumo_core.reading.predict import Reading

_OPEN = "metrics.film"
VIEWS = ("Film", "Blend", "Map")
SAME = 0.02  # a reading further than this from the table is of another file, or another model
_OTHER = (
    "The prediction comes from a network that had not seen this film, or the file is another one."
)
_CALLS = {
    (True, True): "pneumonia, found",
    (True, False): "pneumonia, missed",
    (False, True): "normal, a false alarm",
    (False, False): "normal, cleared",
}


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
        picture, words = st.columns([3, 2], gap="medium")
        with picture:
            reading, why = _read(subject, row, place)
            _show_picture(reading, film)
        with words:
            ground = "light" if st.context.theme.type == "light" else "dark"
            st.html(f'<span class="pn-on-{ground}"></span>{verdict_html(row, threshold)}')
            if why:
                st.warning(plain(why), icon=":material/image_not_supported:")
            elif reading is not None:
                st.html(_reading_html(reading, row))
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
    from pneumo_core.reading.saliency import heat, overlay

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


def verdict_html(row: Any, threshold: float) -> str:
    """What the model said, against what the film is."""
    sick, called = row.label == "pneumonia", row.p_pneumonia >= threshold
    look = PNEUMONIA if sick else NORMAL
    side = "at or above" if called else "below"
    p, at = told_apart(row.p_pneumonia, threshold)
    return (
        f'<section class="pn-verdict"><h2><span class="pn-{look.words}">{look.sign}</span> '
        f"{_CALLS[sick, called].capitalize()}</h2>"
        f'<p class="pn-number"><strong>{p}</strong> probability of '
        f"pneumonia<br><span>{side} the threshold of {at}</span></p></section>"
    )


def _reading_html(reading: Reading, row: Any) -> str:
    """What reading the file now adds."""
    sense = sense_of(reading)
    if reading.p_pneumonia is None:
        return f'<p class="pn-hint">{escape(why_unread(reading))}</p>'
    low, high = reading.p_low or 0.0, reading.p_high or 0.0
    rows = [
        ("On Diagnose", f'<span class="pn-{sense.name}">{sense.title}</span>'),
        ("Re-framed", f"{per_cent_range(low, high)} under small re-framings"),
        ("Looked at", escape(reading.where or "no single place")),
    ]
    if abs(reading.p_pneumonia - row.p_pneumonia) > SAME:
        now = f"Read now it is {per_cent(reading.p_pneumonia)}."
        rows.append(("Mind", f"{now} {_OTHER}"))
    return _facts(rows)


def facts_html(row: Any, facts: dict[str, Any]) -> str:
    """What is known of the film."""
    look = SUBTYPES.get(row.subtype)
    kind = f" ({look.words})" if look and row.label == "pneumonia" else ""
    rows = [
        ("Label", f"{escape(row.label)}{kind}"),
        ("Patient", escape(str(row.group))),
        ("Split", escape(str(row.split))),
    ]
    if facts.get("width"):
        rows.append(("Size", f"{facts['width']:,} × {facts['height']:,} pixels"))
    rows.append(("File", escape(row.film)))
    return _facts(rows)


def _facts(rows: list[tuple[str, str]]) -> str:
    inner = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in rows)
    return f'<dl class="pn-facts">{inner}</dl>'
