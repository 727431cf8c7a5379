"""Words that others may have had a hand in, such as the name of a file, shown as they stand."""

from __future__ import annotations

import re

# An underscore inside of a word is none of Markdown's signs, a colon only before a letter (":red").
_SIGNS = re.compile(r"([\\`*\[\]$~<]|(?<!\w)_|_(?!\w)|:(?=[A-Za-z]))")
# Addresses become links even where their signs are escaped: a mark of no width parts them.
_ADDRESS = re.compile(r"(?<=:)(?=//)|(?<=\bwww)(?=\.)|(?<=\w)(?=@\w)", re.IGNORECASE)
_UNSEEN = "\u2060"


def plain(text: str) -> str:
    """Text for st.error and its kin, which read Markdown: no picture, link, formula or badge."""
    return _ADDRESS.sub(_UNSEEN, _SIGNS.sub(r"\\\1", text))
