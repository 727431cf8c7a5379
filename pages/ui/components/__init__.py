"""Custom components: Python, script, style and example together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st


def component(name: str, html: str) -> Any:
    """The component of `name.css` and `name.js` beside this file, mounted on `html`."""
    css, js = (
        Path(__file__).with_name(f"{name}.{kind}").read_text("utf-8") for kind in ("css", "js")
    )
    return st.components.v2.component(f"pneumo.{name.replace('_', '-')}", html=html, css=css, js=js)
