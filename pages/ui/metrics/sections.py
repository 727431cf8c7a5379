"""What lies below the charts, one part at a time: parts that are not looked at cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pages.ui.metrics.compare import show_comparison
from pages.ui.metrics.decisions import show_decisions
from pages.ui.metrics.exports import show_exports
from pages.ui.metrics.films import show_films
from pages.ui.metrics.groups import show_groups
from pages.ui.metrics.looks import show_looks
from pages.ui.metrics.stress import show_stress

if TYPE_CHECKING:
    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.subject import Subject
    from pneumo_core.config import Settings
    from pneumo_core.metrics import AtThreshold

_PARTS = {
    "Films": show_films,
    "Subgroups": show_groups,
    "Decisions": show_decisions,
    "Disturbed films": show_stress,
    "Compare": show_comparison,
    "Looks at test films": show_looks,
    "Take along": show_exports,
}


def show_sections(
    subject: Subject, measures: Measures, at: AtThreshold, settings: Settings
) -> None:
    """The choice of a part, and the part."""
    part = st.segmented_control(
        "More about this model", list(_PARTS), default="Films", required=True, key="metrics.part"
    )
    with st.container(key=f"metrics-part-{part.split()[0].lower()}"):
        _PARTS[part](subject, measures, at, settings)
