"""The films behind each number as a gallery, the surest first: of the errors the worst."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.components.gallery import Tile, show_gallery
from pages.ui.metrics.film import open_film
from pages.ui.metrics.whereabouts import Whereabouts, show_way, whereabouts
from pneumo_core.evaluation.summary import CELLS, films_by_cell, referred_films
from pneumo_core.formatting import per_cent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.subject import Subject
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold

REFERRED = "referred"
PAGE = 18
_TITLES = {REFERRED: "◆ of these, referred"}
_KINDS = {"normal": "normal", "bacterial": "pneumonia", "viral": "pneumonia"}
_ABOUT = {
    "found": "Pneumonia films at or above the threshold, the surest first.",
    "missed": "Pneumonia films below the threshold: the model was surest, and wrong, of the first.",
    "false alarms": "Normal films at or above the threshold: the surest errors first.",
    "cleared": "Normal films below the threshold, the surest first.",
    REFERRED: "Films that three answers would refer: between the screening and the ruling-in "
    "point, whatever the threshold. Each is in one of the other groups too, for two answers know "
    "no refer. The most suspicious first.",
}
_BLANK = "data:image/svg+xml," + quote(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" '
    'fill="#2a2c2e"/><path d="M30 62l14-18 10 12 6-7 8 13z" fill="#5a5f64"/></svg>'
)


def cells(measures: Measures, threshold: float) -> dict[str, pd.DataFrame]:
    """The rows of the table in each cell, and those referred, each in the order to show them."""
    import pandas as pd

    points = measures.points
    found = films_by_cell(measures.table, threshold)
    between = referred_films(measures.table, points.screening, points.ruling_in)
    ordered = pd.concat(between.values()).sort_values("p_pneumonia", ascending=False, kind="stable")
    return found | {REFERRED: ordered}


def show_films(subject: Subject, measures: Measures, at: AtThreshold, settings: Settings) -> None:
    """Which films to see, the gallery, and where no picture is at hand the way to them."""
    of = cells(measures, at.threshold)
    st.session_state["metrics.cell"] = state.confusion_cell()
    cell = st.segmented_control(
        "Films behind the numbers",
        [*CELLS, REFERRED],
        key="metrics.cell",
        required=True,
        format_func=lambda name: f"{_TITLES.get(name, name)} {len(of[name]):,}",
        on_change=_chose,
    )
    cell = cell or state.MISSED
    films = of[cell]
    st.html(f'<p class="pn-hint">{_ABOUT[cell]}</p>')
    place = whereabouts(subject, settings)
    show_way(subject, place, settings)  # before the tiles: without pictures it says why
    if films.empty:
        st.html('<p class="pn-empty">There is no such film at this threshold.</p>')
    else:
        gallery(films, place, _opener(subject, films, at, place), key=f"metrics.gallery.{cell}")


def gallery(
    films: pd.DataFrame, place: Whereabouts, open_one: Callable[[str], None], *, key: str
) -> None:
    """These films, a page at a time; a click opens one."""
    clicked = show_gallery(
        len(films),
        lambda start, stop: tiles(films.iloc[start:stop], place),
        key=key,
        page_size=PAGE,
        look=state.cell_requests(),
    )
    if clicked is not None:
        open_one(clicked)


def tiles(films: pd.DataFrame, place: Whereabouts) -> Sequence[Tile]:
    """Tiles of these rows: what the model said, what the film is, its name."""
    return [_tile(row, place) for row in films.itertuples()]


def _tile(row: Any, place: Whereabouts) -> Tile:
    look = SUBTYPES.get(row.subtype) or SUBTYPES["normal" if row.label == "normal" else "unknown"]
    picture, aspect = place.thumbnail(row.film)
    return Tile(
        film=row.film,
        picture=picture or _BLANK,
        caption=f"{look.words}: {per_cent(row.p_pneumonia)}",
        sign=look.sign,
        kind=_KINDS.get(row.subtype, "unread"),
        aspect=aspect,
        note=PurePosixPath(row.film).stem,
    )


def _opener(
    subject: Subject, films: pd.DataFrame, at: AtThreshold, place: Whereabouts
) -> Callable[[str], None]:
    def open_one(film: str) -> None:
        open_film(subject, film, films["film"].tolist(), threshold=at.threshold, place=place)

    return open_one


def _chose() -> None:
    name = st.session_state["metrics.cell"]
    if name:
        state.show_cell(name)
