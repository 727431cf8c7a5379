"""The threshold as a slider on which the locked points are marked.

Streamlit's own slider waits a fifth of a second before it says that it moved, and has no marks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import state

if TYPE_CHECKING:
    from collections.abc import Sequence

_HERE = Path(__file__)
_dial = st.components.v2.component(
    "pneumo.dial",
    html='<div class="dial"></div>',
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)
KEY = "metrics.dial"


def show_dial(
    subject: str,
    at: float,
    points: Sequence[tuple[str, float]],
    zone: tuple[float, float],
    path: str,
) -> None:
    """The slider at `at`, 0..1, with a mark for each (name, threshold); moving it is a choice.

    zone: between these films are referred, shaded; path: `mark.path` as JSON, so that the
    marks on the charts follow the hand; as text it costs no time on its way. It runs inside of a
    fragment.
    """

    def moved() -> None:
        value = st.session_state[KEY].threshold
        if isinstance(value, int | float):
            state.set_threshold(subject, float(value))

    _dial(
        key=KEY,
        data={
            "subject": subject,
            "at": at,
            "zone": list(zone),
            "path": path,
            "points": [{"name": name, "at": value} for name, value in points],
        },
        on_threshold_change=moved,
    )
