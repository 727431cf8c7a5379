"""The row of facts on the films that are looked at, and what narrows them down, as chips."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.charts.theme import SUBTYPES
from pages.ui.dataset import choice
from pages.ui.page import plain
from pneumo_core.formatting import amount

if TYPE_CHECKING:
    import pandas as pd

# CSS classes of the kinds of film, by SUBTYPES.
KIND_CLASSES = {
    "normal": "pn-normal",
    "bacterial": "pn-pneumonia",
    "viral": "pn-viral",
    "unknown": "pn-unread",
}


def show_facts(films: pd.DataFrame, shown: pd.DataFrame) -> None:
    """What is shown of all `films`: films, patients, kinds, duplicates, unreadable files."""
    parts = [
        _fact(len(shown), "films")
        if len(shown) == len(films)
        else _told(len(shown), f"of {amount(len(films), 'films')}"),
        _fact(shown["group"].nunique(), "patients"),
        *(_told(count, SUBTYPES[kind].title, KIND_CLASSES[kind]) for kind, count in _kinds(shown)),
        _fact(duplicates(shown), "pairs", " of duplicates"),
        _told(int((~shown["readable"]).sum()), "unreadable"),
    ]
    st.html(f'<ul class="pn-figures">{"".join(parts)}</ul>')


def show_chips(place: str, otherwise: str = "") -> None:
    """Each condition in words, with a click to let go of it; `otherwise` where there is none.

    `place` tells two such rows apart.
    """
    conditions = choice.conditions()
    if not conditions and not otherwise:
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"chips-{place}"):
        words = "Only films with" if conditions else otherwise
        st.html(f'<span class="pn-hint">{words}</span>', width="content")
        for at, condition in enumerate(conditions):
            st.button(
                plain(condition.words),
                key=f"dataset.chip.{place}.{at}",
                icon=":material/close:",
                icon_position="right",
                help="Take this condition away",
                on_click=choice.drop,
                args=(condition.columns,),
            )
        if len(conditions) > 1:
            st.button(
                "Show all films", key=f"dataset.all.{place}", type="tertiary", on_click=choice.clear
            )


def duplicates(films: pd.DataFrame) -> int:
    """How many pairs of readable files are the same byte by byte; three of a kind make three."""
    counts = films.loc[films["readable"], "sha256"].value_counts()
    return int((counts * (counts - 1) // 2).sum())


def _kinds(films: pd.DataFrame) -> list[tuple[str, int]]:
    counts = films["subtype"].value_counts()
    return [(kind, int(counts[kind])) for kind in SUBTYPES if kind in counts.index]


def _fact(number: int, unit: str, rest: str = "") -> str:
    return _told(number, amount(number, unit).partition(" ")[2] + rest)


def _told(number: int, words: str, css: str = "") -> str:
    return f'<li><strong>{number:,}</strong> <span class="{css}">{escape(words)}</span></li>'
