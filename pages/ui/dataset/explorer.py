"""Everything of a data set that a click changes: one fragment, so that nothing else reruns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache
from pages.ui.dataset import choice
from pages.ui.dataset.conditions import chosen
from pages.ui.dataset.facts import show_chips, show_facts
from pages.ui.dataset.film import open_film
from pages.ui.dataset.films import show_films
from pages.ui.dataset.linked import show_charts
from pages.ui.frame import plain_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pneumo_core.films.audit import Finding
    from pneumo_core.films.catalogue import Catalogue


@st.fragment
def show_explorer(catalogue: Catalogue, findings: Sequence[Finding]) -> None:
    """Facts, linked charts, findings and films of a data set."""
    with plain_words():
        films = cache.facets_of(catalogue)
        shown = films[chosen(films, choice.conditions())]
        show_facts(films, shown)
        show_chips()
        show_charts(films)
        clicked = show_films(catalogue, shown, findings)
        if clicked is not None:
            open_film(catalogue, clicked, shown["film"].tolist(), findings)
