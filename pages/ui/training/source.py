"""The films that the next run learns from: the data set that the Dataset screen looks at."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache
from pages.ui.dataset.source import show_chooser, show_making
from pages.ui.page import plain
from pneumo_core.dataset.sources import remembered_source
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from pneumo_core.config import Settings
    from pneumo_core.dataset.sources import Source
    from pneumo_core.training.dataset import Material

_FIRST = "First the films to learn from. Synthetic ones are drawn in seconds and show no patient."


def show_source(settings: Settings) -> tuple[Source, Material] | None:
    """The data set with its counts, and the way to another one; None where there is none yet."""
    if show_making(settings):
        return None
    source = remembered_source(settings=settings)
    if source is None:
        st.info(_FIRST, icon=":material/folder_open:")
        show_chooser(settings, "synthetic")
        return None
    try:
        found = cache.material_of(source.path)
    except DataSetError as error:
        st.error(plain(str(error)), icon=":material/error:")
        show_chooser(settings)
        return None
    badge = '<span class="pn-badge">synthetic</span>' if source.kind == "synthetic" else ""
    st.html(
        f'<p class="pn-name">{escape(source.path.name)} {badge}</p>'
        f'<p class="pn-aside">{escape(found.sentence())}</p>'
    )
    with st.expander("Another data set"):
        show_chooser(settings, source.kind)
    return source, found
