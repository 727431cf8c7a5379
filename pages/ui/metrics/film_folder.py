"""The folder that holds the films of a table of predictions, if it is on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.dataset.source import catalogue_of
from pages.ui.folder_field import show_picker
from pages.ui.html import data_uri
from pages.ui.images import jpeg
from pages.ui.page import plain
from pneumo_core.bundle.provenance import synthetic_share
from pneumo_core.dataset.sources import check_folder, remember_source, remembered_source
from pneumo_core.errors import DataSetError
from pneumo_core.synthetic.demo_data import MARKER

if TYPE_CHECKING:
    from pathlib import Path

    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.dataset.catalogue import Catalogue

_TYPED = "metrics.where.typed"


@dataclass(frozen=True, eq=False)
class FilmFolder:
    """A folder that may hold the films, None where none is known.

    catalogue: its index, None where it was not indexed; rows: place in that index of each film of
    the table; synthetic: whether the folder's films are synthetic and the model's own are not.
    """

    root: Path | None = None
    catalogue: Catalogue | None = None
    rows: dict[str, int] | None = None
    synthetic: bool = False

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


def find_folder(subject: Predictions, settings: Settings) -> FilmFolder:
    """The folder that was measured, or the one of the Dataset screen, as far as it has the films.

    A folder that has gone is as good as none.
    """
    root = subject.root
    if root is None:
        source = remembered_source(settings=settings)
        root = source.path if source else None
    if root is None:
        return FilmFolder()
    if (
        subject.root is None
        and (root / MARKER).is_file()
        and not synthetic_share(subject.bundle.card)
    ):
        return FilmFolder(root, synthetic=True)
    try:
        catalogue = cache.catalogue_at(root, settings)
    except DataSetError:
        return FilmFolder()
    if catalogue is None:
        return FilmFolder(root)
    return FilmFolder(root, catalogue, cache.rows_of(catalogue, subject.keyed))


def offer_folder(subject: Predictions, place: FilmFolder, settings: Settings) -> None:
    """What to do where the images are missing; nothing where they are there."""
    if place.catalogue is not None and place.rows:
        missing = len(subject.table) - len(place.rows)
        if missing:
            st.caption(f"{missing:,} of the films are not in {place.catalogue.root.name}.")
        return
    if place.root is not None and place.catalogue is None and not place.synthetic:
        _offer_index(place.root, settings)
        return
    st.info(_missing(subject, place), icon=":material/image:")
    _choose(settings)


def _missing(subject: Predictions, place: FilmFolder) -> str:
    """Which films these are, that they are missing, and what to do."""
    n, one = len(subject.table), subject.table["film"].iloc[0]
    words = f"Measured on {plain(subject.films)} ({n:,}, such as {plain(one)})."
    if place.root is None:
        words += " The model brings its predictions, not the images."
    elif place.synthetic:
        words += (
            f" The open folder, {plain(place.root.name)}, holds synthetic films, none of these."
        )
    else:
        words += f" The open folder, {plain(place.root.name)}, holds none of them."
    return f"{words} To see the images, open their folder below."


def _choose(settings: Settings) -> None:
    with st.form("metrics.where", border=False):
        typed = st.text_input(
            "Folder of labelled films: class folders, or images with a table of labels",
            placeholder="/home/me/chest_xray",
            key=_TYPED,
        )
        if st.form_submit_button("Open"):
            try:
                path = check_folder(typed, settings=settings)
            except DataSetError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            remember_source("folder", path, settings=settings)
            state.scanned_folder.set(str(path))
            st.rerun()
    show_picker(settings, _TYPED)


def _offer_index(root: Path, settings: Settings) -> None:
    """Thumbnails are made once a folder, on request."""
    if state.scanned_folder.get() == str(root):
        if catalogue_of(root, settings) is not None:
            cache.catalogue_at.clear(root, settings)
            st.rerun()
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"The open folder, {plain(root.name)}, is not indexed yet, so there are no thumbnails."
        )
        st.button(
            "Index the folder",
            key="metrics.where.look",
            on_click=state.scanned_folder.set,
            args=(str(root),),
        )
