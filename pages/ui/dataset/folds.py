"""Splits by patient: make one, see what is in each fold, download its manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache, state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.page import plain_words
from pneumo_core.dataset.folds import straddling_groups
from pneumo_core.formatting import percent
from pneumo_core.training.dataset import HOLDOUT_FOLDS
from pneumo_core.training.recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue

_WHY = (
    "Training pools train and val and splits them by patient, so that no child is on both sides; "
    "test is not used. The same number of folds and seed always give the same split; the manifest "
    "records it, with the hash of every file."
)


@st.fragment
def show_folds(catalogue: Catalogue) -> None:
    """The split by patient of these films, with its manifest."""
    with plain_words():
        st.html(f'<h2 class="pn-section">Split by patient</h2><p class="pn-hint">{_WHY}</p>')
        with st.container(horizontal=True, vertical_alignment="bottom"):
            folds = st.number_input("Folds", 2, 20, HOLDOUT_FOLDS, key="dataset.folds", width=130)
            seed = st.number_input("Seed", 0, 10**6, Recipe.seed, key="dataset.seed", width=130)
            if st.button("Make the split", key="dataset.split"):
                state.shown_split.set((catalogue.key, folds, seed))
        if state.shown_split.get() == (catalogue.key, folds, seed):
            _show_split(catalogue, folds, seed)


def _show_split(catalogue: Catalogue, folds: int, seed: int) -> None:
    with st.spinner("Splitting by patient: a few seconds the first time"):
        films = cache.folds_of(catalogue, folds, seed)
    st.html(table_html(films))
    st.download_button(
        "Manifest (JSON)",
        lambda: cache.manifest_of(catalogue, folds, seed),
        f"{catalogue.root.name}-folds-{folds}-seed-{seed}.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="dataset.manifest",
    )


def table_html(films: pd.DataFrame) -> str:
    """Films with a `fold`, counted by fold and kind, and whether a patient is in two.

    Folds are numbered from 0, as the manifest and `folds` have them.
    """
    kinds = [kind for kind in SUBTYPES if kind in set(films["subtype"])]
    head = "".join(f"<th>{SUBTYPES[kind].title}</th>" for kind in kinds)
    rows = ""
    for fold, part in films.groupby("fold"):
        counts = part["subtype"].value_counts()
        cells = [len(part), part["group"].nunique(), *(counts.get(kind, 0) for kind in kinds)]
        share = percent((part["label"] == "pneumonia").mean())
        numbers = "".join(f"<td>{int(cell):,}</td>" for cell in cells)
        rows += f"<tr><th>{int(fold)}</th>{numbers}<td>{share}</td></tr>"
    torn = len(straddling_groups(films, films["fold"].to_numpy()))
    check = f"Patients in two folds: {torn:,}." if torn else "✓ No patient is in two folds."
    return (
        '<div class="pn-wide"><table class="pn-table"><thead><tr><th>Fold</th><th>Films</th>'
        f"<th>Patients</th>{head}<th>Pneumonia</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="pn-label">{check}</p>'
    )
