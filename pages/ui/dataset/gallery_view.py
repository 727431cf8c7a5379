"""The gallery of films with its filters, and the dialog of one film with the patient's others."""

from __future__ import annotations

import math
from html import escape
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui import cache, state
from pages.ui.cache import Sample
from pages.ui.charts.theme import SUBTYPES
from pages.ui.components.gallery import Tile, show_gallery, show_tiles
from pages.ui.dataset import filters
from pages.ui.dataset.facets import SPLITS
from pages.ui.dataset.filters import NAMES, Among, Named, OneOf, Span, on, put, show_chips, without
from pages.ui.diagnose.upload import read_sample
from pages.ui.diagnose.viewer import show_film_steps
from pages.ui.html import data_uri, facts_list, jpeg
from pages.ui.page import plain, plain_words
from pneumo_core.dataset.similarity import near_hashes, pack_hashes
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    import pandas as pd

    from pages.ui.dataset.filters import Rows
    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue

    Open = Callable[[str, list[str]], None]

_UNREADABLE = data_uri(
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" '
    b'fill="#2a2c2e"/><path d="M36 36l24 24m0-24L36 60" stroke="#a6abb0" stroke-width="4"/></svg>',
    "image/svg+xml",
)
_MOST = 12  # other films of a patient shown


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


def open_film(
    catalogue: Catalogue,
    film: str,
    order: Sequence[str],
    *,
    findings: Sequence[Finding],
    origin: str,
) -> None:
    """Show `film` over the page; `order` are the films that one may go through from it, `origin`
    describes films that are no patient's.
    """
    state.dataset_film.set(film)
    st.dialog("Film", width="large")(_show)(catalogue, order, findings, origin)


def _show(
    catalogue: Catalogue, order: Sequence[str], findings: Sequence[Finding], origin: str
) -> None:
    with plain_words():
        films = catalogue.index
        row: Any = next(films[films["film"] == state.dataset_film.get()].itertuples())
        show_film_steps(row.film, order, _open, "dataset.film")
        picture, words = st.columns([3, 2], gap="medium")
        with picture, st.container(key="film"):
            _show_picture(catalogue, row)
        with words:
            st.html(facts_html(row, findings))
            _show_actions(catalogue, row, origin)
        _show_siblings(catalogue, row)


def _open(film: str) -> None:
    state.dataset_film.set(film)


def _show_picture(catalogue: Catalogue, row: Any) -> None:
    if row.readable:
        st.image(
            cache.film_picture(catalogue.root, row.film, row.sha256),
            width="stretch",
            alt=f"The film {row.film}",
        )
    else:
        st.warning(f"This file cannot be read as an image. {plain(row.problem)}")


def facts_html(row: Any, findings: Sequence[Finding]) -> str:
    """What is known of a film, and which findings it is part of."""
    style = SUBTYPES[row.subtype]
    facts = [
        ("Label", f"{style.title}, split {escape(row.split)}"),
        ("Patient", escape(row.group)),
        ("Size", f"{row.width:,} × {row.height:,} pixels, shape {row.aspect:.2f}"),
        ("File", f"{row.bytes / 1000:,.0f} kB, {row.bytes_per_pixel:.2f} bytes per pixel"),
    ]
    if not math.isnan(row.quality):  # a JPEG
        facts.append(("JPEG quality", f"{row.quality:.0f} of 100"))
    facts.append(("Grey levels", f"mean {row.mean:.0f}, contrast {row.contrast:.0f} (0–255)"))
    flags = [finding.title for finding in findings if row.film in finding.films]
    facts.append(("Audit", "; ".join(map(escape, flags)) or "no findings"))
    facts.append(("SHA-256", f"<code>{row.sha256}</code>"))
    return facts_list(facts)


def _show_actions(catalogue: Catalogue, row: Any, origin: str) -> None:
    """Read it on Diagnose; show all films of its patient."""
    with st.container(horizontal=True):
        if st.button(
            "Read with the model", type="primary", disabled=not row.readable, key="dataset.read"
        ):
            data = cache.film_bytes(catalogue.root, row.film, row.sha256)
            name = row.film.rpartition("/")[2]
            read_sample(Sample(name, origin, data, thumb=""), cache.model_in_service())
            st.switch_page("pages/diagnose.py")
        if st.button("All films of this patient"):
            filters.choose((OneOf("group", (row.group,), "patient"),), go_to_films=True)
            st.rerun()


def _show_siblings(catalogue: Catalogue, row: Any) -> None:
    """The patient's films, and near-duplicates of any patient."""
    films = catalogue.index
    own = films[films["group"] == row.group]
    _show_row(catalogue, own, row.film, f"All {len(own):,} films of this patient")
    same = near_duplicates(films, row.phash) | near_copies(films, row.copies)
    same = films[same & (films["film"] != row.film).to_numpy()]
    _show_row(catalogue, same, row.film, f"{count(len(same), 'near-duplicates')}")


def _show_row(catalogue: Catalogue, films: pd.DataFrame, film: str, words: str) -> None:
    if set(films["film"]) <= {film}:
        return
    more = f", the first {_MOST} shown" if len(films) > _MOST else ""
    st.html(f'<p class="pn-label">{words}{more}</p>')
    key = "dataset.siblings" if film in set(films["film"]) else "dataset.alike"
    clicked = show_tiles(tiles(catalogue, films.head(_MOST)), key=key, marked=film)
    if clicked and clicked != film:
        _open(clicked)
        st.rerun(scope="fragment")


def near_duplicates(films: pd.DataFrame, phash: str) -> Rows:
    """Whether the perceptual hash of each film is near `phash`, mirrored or turned, bool (N,)."""
    known = np.flatnonzero(films["phash"] != "")
    found = np.zeros(len(films), np.bool_)
    found[known[near_hashes(phash, pack_hashes(films["phash"].iloc[known].tolist()))]] = True
    return found


def near_copies(films: pd.DataFrame, copies: str) -> Rows:
    """Whether each film was found to be a near copy of that whose `copies` these are, bool (N,)."""
    return np.asarray((films["copies"] == copies) & (copies != ""), np.bool_)
