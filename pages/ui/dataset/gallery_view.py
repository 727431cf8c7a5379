"""The gallery of films, with the filters that the charts do not have."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.components.gallery import Tile, show_gallery
from pages.ui.dataset import filters
from pages.ui.dataset.facets import SPLITS
from pages.ui.dataset.filters import NAMES, Among, Named, OneOf, Span, on, put, show_chips, without
from pages.ui.html import data_uri
from pages.ui.images import jpeg
from pages.ui.page import plain_words
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue

    Open = Callable[[str, list[str]], None]


_UNREADABLE = data_uri(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" '
    b'fill="#2a2c2e"/><path d="M36 36l24 24m0-24L36 60" stroke="#a6abb0" stroke-width="4"/></svg>',
    "image/svg+xml",
)


def show_films(
    catalogue: Catalogue, shown: pd.DataFrame, findings: Sequence[Finding], open_film: Open
) -> None:
    """Filters and gallery of the films `shown`; a click hands a film and all shown to
    `open_film`.
    """
    st.html(f'<h2 class="pn-section">{heading(len(shown), len(catalogue.index))}</h2>')
    _show_filters(catalogue.index, findings)
    show_chips("films")
    if shown.empty:
        st.html('<p class="pn-empty">No film matches all filters. Remove one.</p>')
    else:
        _show_gallery(catalogue, shown, open_film)


def heading(shown: int, films: int) -> str:
    """What the gallery shows: all films, or how many of them."""
    every = count(films, "films")
    if shown == films:
        return f"All {every}" if films > 1 else "1 film"
    return f"{shown:,} of {every}"


def tiles(catalogue: Catalogue, films: pd.DataFrame) -> list[Tile]:
    """Tiles of these rows of the index, pictures from the catalogue's memory map."""
    return [
        Tile(
            film=row.film,
            picture=picture(catalogue, row),
            caption=PurePosixPath(row.film).stem,
            sign=SUBTYPES[row.subtype].sign,
            kind=SUBTYPES[row.subtype].css,
            aspect=row.width / row.height if row.readable else 1.0,
            note=f"{row.split} · {SUBTYPES[row.subtype].words}",
        )
        for row in films.itertuples()
    ]


def picture(catalogue: Catalogue, row: object) -> str:
    """The small picture of a row as a data URI; of an unreadable film, a cross."""
    if not row.readable:
        return _UNREADABLE
    return data_uri(jpeg(catalogue.thumbnails[int(row.thumbnail)], quality=85))


@st.fragment
def _show_gallery(catalogue: Catalogue, shown: pd.DataFrame, open_film: Open) -> None:
    """The gallery in a fragment of its own: paging and opening redraw no chart."""
    with plain_words():
        clicked = show_gallery(
            len(shown),
            lambda start, stop: tiles(catalogue, shown.iloc[start:stop]),
            key="dataset.gallery",
            request=state.gallery_request.get(),
        )
        if clicked is not None:
            open_film(clicked, shown["film"].tolist())


def _show_filters(films: pd.DataFrame, findings: Sequence[Finding]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="filters"):
        _pills("split", _present(films, "split", SPLITS))
        _pills("label", ["normal", "pneumonia"])
        _pills("subtype", _present(films, "subtype", SUBTYPES))
        _name_field()
        with st.popover("More", icon=":material/tune:"):
            _width_slider(films)
            _finding_box(findings)


def _present(films: pd.DataFrame, column: str, order: Iterable[str]) -> list[str]:
    there = set(films[column].unique())
    return [one for one in order if one in there]


def _pills(column: str, values: list[str]) -> None:
    key = f"dataset.filter.{column}"
    own = on(filters.current_conditions(), column)
    st.session_state[key] = [one for one in values if isinstance(own, OneOf) and one in own.among]
    st.pills(
        NAMES[column].capitalize(),
        values,
        selection_mode="multi",
        format_func=lambda value: SUBTYPES[value].title if column == "subtype" else value,
        key=key,
        on_change=_pilled,
        args=(column,),
    )


def _pilled(column: str) -> None:
    values = tuple(st.session_state[f"dataset.filter.{column}"])
    before = filters.current_conditions()
    if values:
        filters.choose(put(before, OneOf(column, values, NAMES[column])))
    else:
        filters.choose(without(before, frozenset({column})))


def _name_field() -> None:
    own = on(filters.current_conditions(), "film", "group")
    st.session_state["dataset.filter.name"] = own.text if isinstance(own, Named) else ""
    st.text_input(
        "Name or patient",
        key="dataset.filter.name",
        placeholder="person12",
        icon=":material/search:",
        width=180,
        on_change=_named,
    )


def _named() -> None:
    text = st.session_state["dataset.filter.name"].strip()
    new = Named(text)
    before = without(filters.current_conditions(), new.columns)
    filters.choose((*before, new) if text else before)


def _width_slider(films: pd.DataFrame) -> None:
    widths = films.loc[films["readable"], "width"]
    low, high = int(widths.min()), int(widths.max())
    if low == high:
        st.caption(f"All films are {low:,} pixels wide.")
        return
    own = on(filters.current_conditions(), "width")
    ends = (int(own.low), int(own.high)) if isinstance(own, Span) else (low, high)
    st.session_state["dataset.filter.width"] = ends
    st.slider(
        "Width (pixels)", low, high, key="dataset.filter.width",
        on_change=_widened, args=((low, high),),
    )  # fmt: skip


def _widened(all_of: tuple[int, int]) -> None:
    ends = st.session_state["dataset.filter.width"]
    new = Span("width", *ends, "width", "px")
    before = without(filters.current_conditions(), new.columns)
    filters.choose(before if tuple(ends) == all_of else (*before, new))


def _finding_box(findings: Sequence[Finding]) -> None:
    options = {finding.title: finding for finding in findings if finding.films}
    own = on(filters.current_conditions(), "film")
    marked = own.name if isinstance(own, Among) and own.name in options else None
    st.session_state["dataset.filter.finding"] = marked
    st.selectbox(
        "Audit finding", list(options), index=None, placeholder="any",
        key="dataset.filter.finding", on_change=_flagged, args=(options,),
    )  # fmt: skip


def _flagged(options: dict[str, Finding]) -> None:
    title = st.session_state["dataset.filter.finding"]
    before = without(filters.current_conditions(), frozenset({"film"}))
    new = () if title is None else (Among(options[title].films, title),)
    filters.choose((*before, *new))
