"""Synthetic films, one click away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache

if TYPE_CHECKING:
    from pages.ui.cache import Sample


def chosen_sample(*, pictures: bool) -> Sample | None:
    """The sample film that was clicked: shown with their pictures, or folded into a menu."""
    if pictures:
        return _gallery()
    samples = {sample.name: sample for sample in cache.samples()}
    name = st.menu_button("Try a synthetic film", list(samples), key="diagnose.samples")
    return None if name is None else samples[name]


def _gallery() -> Sample | None:
    chosen = None
    st.html('<p class="pn-label">No film at hand? Try a synthetic one:</p>')
    with st.container(horizontal=True, gap="small", key="samples"):
        for sample in cache.samples():
            with st.container(width="content", gap="xxsmall"):
                st.html(
                    f'<img src="{sample.thumb}" width="104" alt="{sample.name}: not a real film">'
                )
                if st.button(sample.name, key=f"diagnose.{sample.name}"):
                    chosen = sample
    return chosen
