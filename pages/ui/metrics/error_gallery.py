"""The films of each cell of the confusion matrix as a gallery, the most confident first; one film
large.
"""

from __future__ import annotations

from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.theme import NORMAL, PNEUMONIA, SUBTYPES
from pages.ui.components.gallery import Tile, show_gallery
from pages.ui.diagnose.viewer import legend_html, show_film_steps
from pages.ui.html import data_uri, facts_list, jpeg
from pages.ui.metrics.predictions import FilmFolder, find_folder, offer_folder
from pages.ui.outcomes import outcome_at, outcome_of, why_unread
from pages.ui.page import plain, plain_words
from pneumo_core.errors import PneumoError
from pneumo_core.evaluation.leakage import film_roles
from pneumo_core.evaluation.summary import OUTCOMES, films_by_outcome, referred_films
from pneumo_core.formatting import distinct_per_cents, per_cent, per_cent_range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pages.ui.outcomes import Outcome
    from pneumo_core.bundle import OperatingPoints
    from pneumo_core.config import Settings
    from pneumo_core.inference.predict import Reading
    from pneumo_core.metrics import AtThreshold


SAME = 0.02  # a reading further than this from the table is of another file, or another network
CALLS = {
    (True, True): "pneumonia, found",
    (True, False): "pneumonia, missed",
    (False, True): "normal, false alarm",
    (False, False): "normal, cleared",
}
VIEWS = ("Film", "Blend", "Map")
REFERRED = "referred"
PAGE = 18
_TITLES = {REFERRED: "◆ of these, referred"}
_ABOUT = {
    "found": "True positives: pneumonia at or above the threshold, highest probability first.",
    "missed": "False negatives: pneumonia below the threshold, lowest probability first.",
    "false alarms": "False positives: normal at or above the threshold, highest probability first.",
    "cleared": "True negatives: normal below the threshold, lowest probability first.",
    REFERRED: "Films between the screening and the ruling-in threshold, which Diagnose refers; "
    "each is in one of the other groups too. The most suspicious first.",
}
_NO_PICTURE = data_uri(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" '
    b'fill="#2a2c2e"/><path d="M30 62l14-18 10 12 6-7 8 13z" fill="#5a5f64"/></svg>',
    "image/svg+xml",
)


def show_films(
    subject: Predictions, measures: Measures, at: AtThreshold, settings: Settings
) -> None:
    """The choice of a cell, its gallery, and where images are missing the way to them."""
    of = cells(measures, at.threshold)
    st.session_state["metrics.cell"] = state.confusion_cell.get()
    cell = st.segmented_control(
        "Films by outcome",
        [*OUTCOMES, REFERRED],
        key="metrics.cell",
        required=True,
        format_func=lambda name: f"{_TITLES.get(name, name)} {len(of[name]):,}",
        on_change=_chose,
    )
    cell = cell or state.MISSED
    films = of[cell]
    st.html(f'<p class="pn-hint">{_ABOUT[cell]}</p>')
    place = find_folder(subject, settings)
    offer_folder(subject, place, settings)  # before the tiles: without pictures it says why
    if films.empty:
        st.html('<p class="pn-empty">There are no such films at this threshold.</p>')
    else:
        gallery(films, place, _opener(subject, films, at, place), key=f"metrics.gallery.{cell}")


def open_film(
    subject: Predictions,
    film: str,
    order: Sequence[str],
    *,
    threshold: float,
    place: FilmFolder,
) -> None:
    """Show `film` over the page; `order` are the films that one may go through from it."""
    _open(film)
    st.dialog("Film", width="large")(_show)(subject, order, threshold, place)


def cells(measures: Measures, threshold: float) -> dict[str, pd.DataFrame]:
    """The rows of the table in each cell, and those referred, each in the order to show them."""
    import pandas as pd

    points = measures.points
    found = films_by_outcome(measures.table, threshold)
    between = referred_films(measures.table, points.screening, points.ruling_in)
    ordered = pd.concat(between.values()).sort_values("p_pneumonia", ascending=False, kind="stable")
    return found | {REFERRED: ordered}


def gallery(
    films: pd.DataFrame, place: FilmFolder, open_one: Callable[[str], None], *, key: str
) -> None:
    """These films, a page at a time; a click opens one."""
    clicked = show_gallery(
        len(films),
        lambda start, stop: tiles(films.iloc[start:stop], place),
        key=key,
        page_size=PAGE,
        request=state.cell_requests.get(),
    )
    if clicked is not None:
        open_one(clicked)


def tiles(films: pd.DataFrame, place: FilmFolder) -> Sequence[Tile]:
    """Tiles of these rows: label, probability and name."""
    return [_tile(row, place) for row in films.itertuples()]


def prediction_html(row: Any, threshold: float, points: OperatingPoints) -> str:
    """The prediction against the label, with two decisions and with three."""
    positive, called = row.label == "pneumonia", row.p_pneumonia >= threshold
    style = PNEUMONIA if positive else NORMAL
    side = "at or above" if called else "below"
    p, at = distinct_per_cents(row.p_pneumonia, threshold)
    return (
        f'<section class="pn-result"><h2><span class="pn-{style.css}">{style.sign}</span> '
        f"{CALLS[positive, called].capitalize()}</h2>"
        f'<p class="pn-number"><strong>{p}</strong> probability of '
        f"pneumonia<br><span>{side} the threshold of {at}</span><br>"
        f"<span>three-way decision: {_three(row.p_pneumonia, points).title}</span></p></section>"
    )


def reading_html(reading: Reading, row: Any, *, trained_on: bool) -> str:
    """What reading the file now adds. trained_on: the shipped network, which the map is of, was
    trained on this film; the number in the figures is of one that was not.
    """
    sense = outcome_of(reading)
    if reading.p_pneumonia is None:
        return f'<p class="pn-hint">{escape(why_unread(reading))}</p>'
    low, high = reading.p_low or 0.0, reading.p_high or 0.0
    counted, now = distinct_per_cents(row.p_pneumonia, reading.p_pneumonia)
    rows = []
    if trained_on:
        rows += [
            ("Evaluated", f"{counted}, by a network not trained on this film"),
            (
                "This map",
                f"{now}, by the shipped network, which was trained on this film",
            ),
        ]
    elif abs(reading.p_pneumonia - row.p_pneumonia) > SAME:
        rows += [
            ("Evaluated", counted),
            ("This map", f"{now}: this file differs from the one that was evaluated"),
        ]
    rows += [
        ("On Diagnose", f'<span class="pn-{sense.name}">{sense.title}</span>'),
        ("Stability range", f"{per_cent_range(low, high)} when mirrored, cropped or shifted"),
        ("Saliency", escape(reading.where or "no single region")),
    ]
    return facts_list(rows)


def facts_html(row: Any, facts: dict[str, Any]) -> str:
    """What is known of the film."""
    style = SUBTYPES.get(row.subtype)
    kind = f" ({style.words})" if style and row.label == "pneumonia" else ""
    rows = [
        ("Label", f"{escape(row.label)}{kind}"),
        ("Patient", escape(str(row.group))),
        ("Split", escape(str(row.split))),
    ]
    if facts.get("width"):
        rows.append(("Size", f"{facts['width']:,} × {facts['height']:,} pixels"))
    rows.append(("File", escape(row.film)))
    return facts_list(rows)


def _three(p: float, points: OperatingPoints) -> Outcome:
    """The decision at the locked thresholds from the probability alone."""
    return outcome_at(p, points.screening, points.ruling_in)


def _show(subject: Predictions, order: Sequence[str], threshold: float, place: FilmFolder) -> None:
    with plain_words():
        film = state.metrics_film.get()
        table = subject.table
        row: Any = next(table[table["film"] == film].itertuples())
        show_film_steps(film, order, _open, "metrics.film")
        picture, words = st.columns([3, 2], gap="medium")
        with picture:
            reading, why = _read(subject, row, place)
            _show_picture(reading, film)
        with words:
            ground = "light" if st.context.theme.type == "light" else "dark"
            st.html(
                f'<span class="pn-on-{ground}"></span>'
                f"{prediction_html(row, threshold, subject.bundle.points)}"
            )
            if why:
                st.warning(plain(why), icon=":material/image_not_supported:")
            elif reading is not None:
                st.html(reading_html(reading, row, trained_on=_trained_on(subject, row, place)))
            st.html(facts_html(row, place.facts(film)))


def _open(film: str) -> None:
    state.metrics_film.set(film)


def _read(subject: Predictions, row: Any, place: FilmFolder) -> tuple[Reading | None, str]:
    """The film read with the model, or why it is not."""
    known = place.facts(row.film).get("sha256") or getattr(row, "sha256", "")
    if place.root is None or not known:
        return None, (
            "The image is not available here, only its prediction. Open the folder of the films "
            "above the gallery to see it."
        )
    try:
        with st.spinner(f"Reading the film with {subject.bundle.name}…"):
            return cache.film_reading(subject.bundle, place.root, row.film, str(known)), ""
    except PneumoError as error:
        return None, str(error)


def _show_picture(reading: Reading | None, film: str) -> None:
    if reading is None or reading.pixels is None:
        return
    from pneumo_core.inference.saliency import heat, overlay, shown_map

    cam, pixels = shown_map(reading), reading.pixels
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
        st.html(legend_html(reading))


def _trained_on(subject: Predictions, row: Any, place: FilmFolder) -> bool:
    """Whether the shipped network was trained on a film whose prediction it was shipped with: then
    that prediction is of another network.
    """
    if subject.root is not None:
        return False
    import pandas as pd

    film = {name: [getattr(row, name)] for name in ("film", "split", "label")}
    known = place.facts(row.film)
    film |= {name: [known[name]] for name in ("sha256", "phash") if known.get(name)}
    return bool(film_roles(subject.bundle, pd.DataFrame(film)).trained[0])


def _tile(row: Any, place: FilmFolder) -> Tile:
    style = SUBTYPES.get(row.subtype) or SUBTYPES["normal" if row.label == "normal" else "unknown"]
    picture, aspect = place.thumbnail(row.film)
    return Tile(
        film=row.film,
        picture=picture or _NO_PICTURE,
        caption=f"label {style.words}",
        sign=style.sign,
        kind=style.css,
        aspect=aspect,
        note=f"{per_cent(row.p_pneumonia)} pneumonia\n{PurePosixPath(row.film).stem}",
    )


def _opener(
    subject: Predictions, films: pd.DataFrame, at: AtThreshold, place: FilmFolder
) -> Callable[[str], None]:
    def open_one(film: str) -> None:
        open_film(subject, film, films["film"].tolist(), threshold=at.threshold, place=place)

    return open_one


def _chose() -> None:
    name = st.session_state["metrics.cell"]
    if name:
        state.confusion_cell.set(name)
