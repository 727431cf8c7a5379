"""The recorded test-set evaluations of a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import streamlit as st

from pneumo_core.evaluation.test_log import logged_evaluations
from pneumo_core.formatting import estimate
from pneumo_core.metrics import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from pages.ui.metrics.measures import Measures
    from pages.ui.metrics.predictions import Predictions
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.test_log import LoggedEvaluation
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
    past = logged_evaluations(subject.bundle)
    if not past:
        st.info(
            "This model has not been evaluated on a test set on this machine.",
            icon=":material/visibility_off:",
        )
        return
    st.dataframe(table(past), hide_index=True, placeholder="–", alt="Test-set evaluations")


def table(past: list[LoggedEvaluation]) -> pd.DataFrame:
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


def _moment(one: LoggedEvaluation) -> str:
    return f"{one.at:.16}".replace("T", " ")


def _rate(one: LoggedEvaluation, name: str) -> str | None:
    rate = Estimate.from_dict(one.figures, name)
    return None if math.isnan(rate.value) else estimate(rate, as_percent=True)


def _area(one: LoggedEvaluation) -> str | None:
    area = Estimate.from_dict(one.figures, "auc")
    return None if math.isnan(area.value) else estimate(area)
