"""Pure functions on arrays: how well, how surely and how honestly scores tell two classes apart.

Throughout, y holds 1 for pneumonia, the positive class, and 0 for normal; p scores pneumonia;
a film is called positive where p >= threshold. Nothing here draws, reads files or knows models.
"""

from pneumo_core.metrics.bootstrap import (
    grouped_bootstrap_auc,
    grouped_bootstrap_average_precision,
)
from pneumo_core.metrics.calibration import (
    Reliability,
    brier,
    ece,
    fit_temperature,
    probabilities,
    reliability,
)
from pneumo_core.metrics.counts import Confusion, confusion
from pneumo_core.metrics.curves import (
    PrCurve,
    RocCurve,
    average_precision,
    pr_curve,
    roc_curve,
)
from pneumo_core.metrics.predictive import (
    LikelihoodRatios,
    PerThousand,
    PredictiveValues,
    likelihood_ratios,
    per_thousand,
    predictive_values,
)
from pneumo_core.metrics.proportion import Estimate, proportion, wilson, wilson_bounds
from pneumo_core.metrics.ranking import auc, auc_delong
from pneumo_core.metrics.sweep import AtThreshold, ThresholdSweep
from pneumo_core.metrics.thresholds import (
    balanced_threshold,
    threshold_at_sensitivity,
    threshold_at_specificity,
)

__all__ = [
    "AtThreshold",
    "Confusion",
    "Estimate",
    "LikelihoodRatios",
    "PerThousand",
    "PrCurve",
    "PredictiveValues",
    "Reliability",
    "RocCurve",
    "ThresholdSweep",
    "auc",
    "auc_delong",
    "average_precision",
    "balanced_threshold",
    "brier",
    "confusion",
    "ece",
    "fit_temperature",
    "grouped_bootstrap_auc",
    "grouped_bootstrap_average_precision",
    "likelihood_ratios",
    "per_thousand",
    "pr_curve",
    "predictive_values",
    "probabilities",
    "proportion",
    "reliability",
    "roc_curve",
    "threshold_at_sensitivity",
    "threshold_at_specificity",
    "wilson",
    "wilson_bounds",
]
