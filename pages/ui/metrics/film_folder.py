"""Where the films of a table of predictions lie, if they are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache
from pages.ui.dataset.source import catalogue_of
from pages.ui.html import data_uri
from pages.ui.images import jpeg
from pages.ui.page import plain
from pneumo_core.bundle.provenance import share_drawn
from pneumo_core.dataset.sources import check_folder, remember_source, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from pathlib import Path

    from pages.ui.metrics.predictions import Subject
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue

_ASKED = "metrics.look-through"


@dataclass(frozen=True, eq=False)
class Whereabouts:
    """root: a folder that may hold the films, None where none is known; catalogue: what is known
    of its films, None where it was not looked through; rows: place in the catalogue's index of
    each film of the table that is there; drawn: whether Pneumo drew the folder's films, which the
    model's own are not, whatever they are called.
    """

    root: Path | None = None
    catalogue: Catalogue | None = None
    rows: dict[str, int] | None = None
    drawn: bool = False

    def thumbnail(self, film: str) -> tuple[str, float]:
        """A small picture as a data URI, and width ÷ height; ("", 1.0) where there is none."""
        at = (self.rows or {}).get(film)
        if at is None or self.catalogue is None:
            return "", 1.0
        row = self.catalogue.index.iloc[at]
        if not row["readable"]:
            return "", 1.0
        pixels = self.catalogue.thumbnails[int(row["thumbnail"])]
        return data_uri(jpeg(pixels, quality=85)), float(row["width"] / row["height"])

    def facts(self, film: str) -> dict[str, object]:
        """What the catalogue knows of a film; empty where it does not."""
        at = (self.rows or {}).get(film)
        if at is None or self.catalogue is None:
            return {}
        return {str(name): value for name, value in self.catalogue.index.iloc[at].items()}


def whereabouts(subject: Subject, settings: Settings) -> Whereabouts:
    """The folder that was measured, or the one of the Dataset screen, as far as it has the films.

    A folder that has gone is as good as none.
    """
    root = subject.root
    if root is None:
        source = remembered_source(settings=settings)
        root = source.path if source else None
    if root is None:
        return Whereabouts()
    if subject.root is None and (root / MARKER).is_file() and not share_drawn(subject.bundle.card):
        return Whereabouts(root, drawn=True)
    try:
        catalogue = cache.catalogue_at(root, settings)
    except DataSetError:
        return Whereabouts()
    if catalogue is None:
        return Whereabouts(root)
    return Whereabouts(root, catalogue, cache.rows_of(catalogue, subject.keyed))


def show_way(subject: Subject, place: Whereabouts, settings: Settings) -> None:
    """What to do where the pictures are not at hand; nothing where they are."""
    if place.catalogue is not None and place.rows:
        missing = len(subject.table) - len(place.rows)
        if missing:
            st.caption(f"{missing:,} of the films are not in {place.catalogue.root.name}.")
        return
    if place.root is not None and place.catalogue is None and not place.drawn:
        _look_through(place.root, settings)
        return
    st.info(_missing(subject, place), icon=":material/image:")
    _choose(settings)


def _missing(subject: Subject, place: Whereabouts) -> str:
    """Which films these are, that they are not at hand, and what to do."""
    n, one = len(subject.table), subject.table["film"].iloc[0]
    words = f"These figures are of {plain(subject.films)}: {n:,}, such as {plain(one)}."
    if place.root is None:
        words += " The films themselves are not known here: the model brought only its predictions."
    elif place.drawn:
        words += (
            f" The folder that is open, {plain(place.root.name)}, holds films that Pneumo drew, "
            "and none of these."
        )
    else:
        words += f" None of these films is in the folder {plain(place.root.name)}, which is open."
    return f"{words} To see them, open below the folder that holds them."


def _choose(settings: Settings) -> None:
    with st.form("metrics.where", border=False):
        typed = st.text_input(
            "Folder of the films, the one that holds train/ or NORMAL/ and PNEUMONIA/",
            placeholder="/home/me/chest_xray",
            key="metrics.where.typed",
        )
        if st.form_submit_button("Open"):
            try:
                path = check_folder(typed, settings=settings)
            except DataSetError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            remember_source("folder", path, settings=settings)
            st.session_state[_ASKED] = str(path)
            st.rerun()


def _look_through(root: Path, settings: Settings) -> None:
    """Small pictures are made once a folder, when they are asked for."""
    if st.session_state.get(_ASKED) == str(root):
        if catalogue_of(root, settings) is not None:
            cache.catalogue_at.clear(root, settings)
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The open folder, {plain(root.name)}, was not looked through yet: whether it holds "
            "these films is not known, and there are no pictures."
        )
        st.button(
            "Look through them",
            key="metrics.where.look",
            on_click=lambda: st.session_state.update({_ASKED: str(root)}),
        )
