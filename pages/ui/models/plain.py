"""Words that others may have had a hand in, such as the name of a file in a zip, as they stand."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*\[\]$~])")


def plain(text: str) -> str:
    """Text for st.error and its kin, which read Markdown: no picture, link, formula or badge."""
    return _SIGNS.sub(r"\\\1", text)
