"""The recorded test-set evaluations of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.evaluation.test_log import looks

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.test_log import Look
    from pneumo_core.metrics import AtThreshold

WHY = (
    "A test set is independent only once: a model that is changed after a test result is fitted to "
    "the test. So every evaluation is recorded here, and none is removed."
)


def show_test_evaluations(
    subject: Predictions,
    measures: Measures,  # noqa: ARG001 - all parts are called alike
    at: AtThreshold,  # noqa: ARG001
    settings: Settings,  # noqa: ARG001
) -> None:
    """Every recorded evaluation on a split called test."""
    st.caption(WHY)
    past = looks(subject.bundle)
    if not past:
        st.info(
            "This model has not been evaluated on a test set on this machine.",
            icon=":material/visibility_off:",
        )
        return
    st.dataframe(table(past), hide_index=True, placeholder="–", alt="Test-set evaluations")


def table(past: list[Look]) -> pd.DataFrame:
    """One row an evaluation, the latest first."""
    import pandas as pd

    return pd.DataFrame(
        {
            "when (UTC)": [_moment(one) for one in past],
            "version": [one.version for one in past],
            "films": [one.n for one in past],
            "AUC (DeLong)": [_area(one) for one in past],
            "sensitivity": [_rate(one, "sensitivity") for one in past],
            "specificity": [_rate(one, "specificity") for one in past],
            "data": [one.data for one in past],
        }
    )[::-1]


def _moment(one: Look) -> str:
    return f"{one.at:.16}".replace("T", " ")


def _rate(one: Look, name: str) -> str | None:
    found = [one.figures.get(f"{name}{end}") for end in ("", "_low", "_high")]
    if None in found:
        return None
    value, low, high = (100 * float(end or 0) for end in found)
    return f"{value:.1f} % [{low:.1f}–{high:.1f}]"


def _area(one: Look) -> str | None:
    found = [one.figures.get(f"auc{end}") for end in ("", "_low", "_high")]
    if None in found:
        return None
    value, low, high = (float(end or 0) for end in found)
    return f"{value:.3f} [{low:.3f}–{high:.3f}]"
