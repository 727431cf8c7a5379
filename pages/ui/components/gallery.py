"""Films as a gallery: a page of thumbnails with captions; a click opens one.

Only the films of the page shown are encoded and sent. Any screen may use it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.components import component

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PAGE = 36  # films a page

_grid = component("gallery", '<div class="grid" role="list"></div>')


@dataclass(frozen=True)
class Tile:
    """One film of a gallery.

    film: what a click gives back; picture: a data URI; caption: a line under it; sign and kind:
    "▲" in the colour of "pneumonia" ("normal", "refer", "unread", "" for no colour); aspect:
    width ÷ height at which the picture is shown; note: quiet lines under it.
    """

    film: str
    picture: str
    caption: str
    sign: str = ""
    kind: str = ""
    aspect: float = 1.0
    note: str = ""

    @property
    def alt(self) -> str:
        """What is said to those who do not see the picture."""
        return ", ".join(
            part for part in (self.caption, *self.note.splitlines(), "open this film") if part
        )


def show_gallery(
    films: int,
    tiles: Callable[[int, int], Sequence[Tile]],
    *,
    key: str,
    page_size: int = PAGE,
    request: int = 0,
) -> str | None:
    """A gallery of `films` films, page by page; returns the film that was just clicked, if any.

    `tiles(start, stop)` makes those of one page, and is asked for no others. `key` names the
    gallery on its page; where the films change, the page shown is the first again if there is no
    such page any more. Whenever `request` is another number than before, the browser goes there.
    """
    pages = max(1, -(-films // page_size))
    page = _shown_page(pages, f"{key}.page")
    start = (page - 1) * page_size
    shown = tiles(start, min(start + page_size, films))
    clicked = show_tiles(shown, key=f"{key}.films", request=request)
    if pages > 1:
        with st.container(horizontal_alignment="center", key=f"{key}.pager"):
            st.pagination(pages, key=f"{key}.page", max_visible_pages=5)
    return clicked


def show_tiles(
    tiles: Sequence[Tile], *, key: str, marked: str = "", request: int = 0
) -> str | None:
    """Some films side by side; returns the one that was just clicked. `marked` is framed."""
    result = _grid(
        key=key,
        data={
            "name": key,
            "marked": marked,
            "request": request,
            "tiles": [asdict(tile) | {"alt": tile.alt} for tile in tiles],
        },
        on_opened_change=_nothing,
    )
    opened: str | None = result.opened
    return opened


def _shown_page(pages: int, key: str) -> int:
    page = st.session_state.get(key, 1)
    return page if 1 <= page <= pages else 1


def _nothing() -> None:
    """Streamlit reports a click only where there is a callback."""
