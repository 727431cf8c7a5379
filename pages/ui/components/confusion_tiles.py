"""The four counts as tiles that open their films."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from pages.ui.components import component

if TYPE_CHECKING:
    from pneumo_core.metrics import AtThreshold, ThreeWay
    from pneumo_core.metrics.confusion import Confusion

_tiles = component("confusion_tiles", '<div class="cells"></div>')


@dataclass(frozen=True)
class Cell:
    """One cell: `name` as in `evaluation.summary.CELLS`, its count, of how many, how many of them
    Diagnose refers, in words.
    """

    name: str
    count: int
    of: int
    referred: int
    words: str
    sign: str
    kind: str
    wrong: bool


def cells_of(counts: Confusion, referred: Confusion) -> list[Cell]:
    """Pneumonia above, normal below; correct on the left, errors on the right."""
    c, r = counts, referred
    positive, negative = c.tp + c.fn, c.tn + c.fp
    return [
        Cell("found", c.tp, positive, r.tp, "pneumonia, found", "▲", "pneumonia", wrong=False),
        Cell("missed", c.fn, positive, r.fn, "pneumonia, missed", "▲", "pneumonia", wrong=True),
        Cell("cleared", c.tn, negative, r.tn, "normal, cleared", "●", "normal", wrong=False),
        Cell(
            "false alarms", c.fp, negative, r.fp, "normal, false alarm", "●", "normal", wrong=True
        ),
    ]


def sums_html(counts: Confusion, three: ThreeWay) -> str:
    """How the four add up to all films, and the three-way decisions."""
    c, a = counts, three.answered
    referred = three.referred_sick + three.referred_well
    return (
        f'<p class="pn-hint pn-sums">▲ {c.tp + c.fn:,} with pneumonia = {c.tp:,} found + {c.fn:,} '
        f"missed; ● {c.tn + c.fp:,} normal = {c.tn:,} cleared + {c.fp:,} false alarms; "
        f"{c.n:,} films in all.</p>"
        f'<p class="pn-hint pn-sums"><strong>Three-way decisions</strong>, as on Diagnose, at the '
        f"locked thresholds: {three.n:,} films = ◆ {referred:,} referred + {a.n:,} answered, "
        f"of these {a.fn:,} missed and {a.fp:,} false alarms.</p>"
    )


def show_confusion_tiles(at: AtThreshold, referred: Confusion, chosen: str) -> str | None:
    """The tiles; returns the cell that was just clicked. `chosen` is framed; referred: of each
    cell, what Diagnose refers.
    """
    result = _tiles(
        key="metrics.cells",
        data={"cells": [asdict(one) for one in cells_of(at.confusion, referred)], "chosen": chosen},
        on_opened_change=_nothing,
    )
    opened: str | None = result.opened
    return opened


def _nothing() -> None:
    """Streamlit reports a click only where there is a callback."""
