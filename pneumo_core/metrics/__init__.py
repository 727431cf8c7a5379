"""Pure functions on arrays: how well, how surely and how honestly scores tell two classes apart.

Throughout, y holds 1 for pneumonia, the positive class, and 0 for normal; p scores pneumonia;
a film is called positive where p >= threshold. Nothing here draws, reads files or knows models.
"""

from pneumo_core.metrics.calibration import (
    Reliability,
    brier,
    ece,
    fit_temperature,
    probabilities,
    reliability,
)
from pneumo_core.metrics.counts import Confusion, confusion, wilson
from pneumo_core.metrics.ranking import auc, auc_delong, grouped_bootstrap_auc
from pneumo_core.metrics.thresholds import (
    balanced_threshold,
    threshold_at_sensitivity,
    threshold_at_specificity,
)

__all__ = [
    "Confusion",
    "Reliability",
    "auc",
    "auc_delong",
    "balanced_threshold",
    "brier",
    "confusion",
    "ece",
    "fit_temperature",
    "grouped_bootstrap_auc",
    "probabilities",
    "reliability",
    "threshold_at_sensitivity",
    "threshold_at_specificity",
    "wilson",
]
