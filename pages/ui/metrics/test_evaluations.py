"""How often somebody has looked at test films with this model: the ledger."""

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
    from pages.ui.metrics.predictions import Subject
    from pneumo_core.config import Settings
    from pneumo_core.evaluation.test_log import LoggedEvaluation
    from pneumo_core.metrics import AtThreshold

WHY = (
    "A test split is a test once. Whoever changes a model because of what it showed has learnt "
    "from it, and the next look flatters. So every look is counted, and none is ever taken out."
)


def show_looks(
    subject: Subject,
    measures: Measures,  # noqa: ARG001 - all parts are called alike
    at: AtThreshold,  # noqa: ARG001
    settings: Settings,  # noqa: ARG001
) -> None:
    """Every recorded look at a split called test."""
    st.caption(WHY)
    past = logged_evaluations(subject.bundle)
    if not past:
        st.info(
            "Nobody has measured this model on test films on this machine.",
            icon=":material/visibility_off:",
        )
        return
    st.dataframe(table(past), hide_index=True, placeholder="–", alt="Looks at test films")


def table(past: list[LoggedEvaluation]) -> pd.DataFrame:
    """One row a look, the latest first."""
    import pandas as pd

    return pd.DataFrame(
        {
            "when (UTC)": [_moment(one) for one in past],
            "version": [look.version for look in past],
            "films": [look.n for look in past],
            "AUC (DeLong)": [_area(look) for look in past],
            "sensitivity": [_rate(look, "sensitivity") for look in past],
            "specificity": [_rate(look, "specificity") for look in past],
            "data": [look.data for look in past],
        }
    )[::-1]


def _moment(look: LoggedEvaluation) -> str:
    return f"{look.at:.16}".replace("T", " ")


def _rate(look: LoggedEvaluation, name: str) -> str | None:
    rate = Estimate.from_dict(look.figures, name)
    return None if math.isnan(rate.value) else estimate(rate, as_percent=True)


def _area(look: LoggedEvaluation) -> str | None:
    area = Estimate.from_dict(look.figures, "auc")
    return None if math.isnan(area.value) else estimate(area)
