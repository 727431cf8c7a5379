"""One film large: image, facts, the patient's other films, near-duplicates, and Diagnose."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from pages.ui import cache, state
from pages.ui.cache import Sample
from pages.ui.charts.theme import SUBTYPES
from pages.ui.components.gallery import show_tiles
from pages.ui.dataset import filters
from pages.ui.dataset.filters import OneOf
from pages.ui.dataset.gallery_view import tiles
from pages.ui.diagnose.upload import read_sample
from pages.ui.diagnose.viewer import show_film_steps
from pages.ui.html import facts_list
from pages.ui.page import plain, plain_words
from pneumo_core.dataset.similarity import near_hashes, pack_hashes
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import pandas as pd

    from pages.ui.dataset.filters import Rows
    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue

_MOST = 12  # other films of a patient shown


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
