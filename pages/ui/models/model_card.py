"""The model card of a bundle, shown as text: what others wrote runs nothing and fetches nothing."""

from __future__ import annotations

import re

import streamlit as st

_HEADING = re.compile(r"^(#{1,4})(?=\s)", re.MULTILINE)


def safe_markdown(text: str) -> str:
    """Markdown that shows no picture (which would be fetched) and none of Streamlit's own signs.

    Streamlit shows HTML as text by itself. Headings are two levels lower, to fit into a page.
    """
    text = text.replace("![", "!\\[")  # a picture becomes the text that asked for it
    text = re.sub(r":(?=[a-z_]+[-\[/:])", "\\:", text)  # icons, colours, badges
    text = text.replace("$", "\\$")  # formulas
    return _HEADING.sub(r"##\1", text)


@st.dialog("Model card", width="large")
def show_model_card(readme: str) -> None:
    """The card in a window of its own."""
    with st.container(key="model-card"):
        st.markdown(safe_markdown(readme), anchors=False)
