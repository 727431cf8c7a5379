"""The audit to take along: the same findings as the command line's `audit`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.audit import as_document, as_html

if TYPE_CHECKING:
    from pneumo_core.dataset.catalogue import Catalogue


def show_downloads(catalogue: Catalogue) -> None:
    """Both audits as JSON and as a page; made when asked for, from what is kept on disk."""
    st.html('<h2 class="pn-section">Take the audit along</h2>')
    name = f"{catalogue.root.name}-audit"
    with st.container(horizontal=True):
        st.download_button(
            "Audit (HTML)",
            lambda: as_html(as_document(catalogue)),
            f"{name}.html",
            "text/html",
            icon=":material/download:",
            on_click="ignore",
            key="dataset.audit.html",
        )
        st.download_button(
            "Audit (JSON)",
            lambda: json.dumps(as_document(catalogue), indent=1, ensure_ascii=False),
            f"{name}.json",
            "application/json",
            icon=":material/download:",
            on_click="ignore",
            key="dataset.audit.json",
        )
