"""The four counts as tiles that open their films."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

if TYPE_CHECKING:
    from pneumo_core.metrics import AtThreshold
    from pneumo_core.metrics.counts import Confusion

_HERE = Path(__file__)
_tiles = st.components.v2.component(
    "pneumo.cells",
    html='<div class="cells"></div>',
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)


@dataclass(frozen=True)
class Cell:
    """One of the four: `name` as in `review.cells`, how many, of how many, in words."""

    name: str
    count: int
    of: int
    words: str
    sign: str
    kind: str
    wrong: bool


def cells_of(counts: Confusion) -> list[Cell]:
    """Films with pneumonia above, normal films below; right on the left, wrong on the right."""
    c = counts
    sick, well = c.tp + c.fn, c.tn + c.fp
    return [
        Cell("found", c.tp, sick, "pneumonia, found", "▲", "pneumonia", wrong=False),
        Cell("missed", c.fn, sick, "pneumonia, missed", "▲", "pneumonia", wrong=True),
        Cell("cleared", c.tn, well, "normal, cleared", "●", "normal", wrong=False),
        Cell("false alarms", c.fp, well, "normal, false alarm", "●", "normal", wrong=True),
    ]


def show_cells(at: AtThreshold, chosen: str) -> str | None:
    """The tiles; returns the cell that was just clicked. `chosen` is framed."""
    result = _tiles(
        key="metrics.cells",
        data={"cells": [asdict(one) for one in cells_of(at.confusion)], "chosen": chosen},
        on_opened_change=_nothing,
    )
    opened: str | None = result.opened
    return opened


def _nothing() -> None:
    """Streamlit tells of a click only where there is something to call."""
