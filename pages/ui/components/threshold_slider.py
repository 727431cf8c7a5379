"""The threshold as a slider on which the locked thresholds are marked.

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
_slider = st.components.v2.component(
    "pneumo.threshold-slider",
    html='<div class="slider"></div>',
    css=_HERE.with_suffix(".css").read_text("utf-8"),
    js=_HERE.with_suffix(".js").read_text("utf-8"),
)
KEY = "metrics.slider"


def show_threshold_slider(
    subject: str,
    at: float,
    points: Sequence[tuple[str, float]],
    zone: tuple[float, float],
    path: str,
) -> None:
    """The slider at `at`, 0..1, with a mark for each (name, threshold); runs inside a fragment.

    zone: between these films are referred, shaded; path: `chart_threshold.path` as JSON text, with
    which the marks on the charts follow the hand.
    """

    def moved() -> None:
        value = st.session_state[KEY].threshold
        if isinstance(value, int | float):
            state.set_threshold(subject, float(value))

    _slider(
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
