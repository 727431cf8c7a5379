"""Pure functions on arrays: how well, how surely and how honestly scores tell two classes apart.

Throughout, y holds 1 for pneumonia, the positive class, and 0 for normal; p scores pneumonia;
a film is called positive where p >= threshold. Nothing here draws, reads files or knows models.
"""

from pneumo_core.metrics.bootstrap import (
    grouped_bootstrap_auc,
    grouped_bootstrap_average_precision,
)
from pneumo_core.metrics.brier_parts import BrierParts, brier_parts
from pneumo_core.metrics.calibration import (
    Reliability,
    brier,
    ece,
    fit_temperature,
    probabilities,
    reliability,
)
from pneumo_core.metrics.calibration_intervals import grouped_bootstrap_calibration
from pneumo_core.metrics.counts import Confusion, confusion
from pneumo_core.metrics.curves import (
    PrCurve,
    RocCurve,
    average_precision,
    pr_curve,
    roc_curve,
)
from pneumo_core.metrics.decision_curve import DecisionCurve, decision_curve
from pneumo_core.metrics.few import is_small_sample, small_sample_words
from pneumo_core.metrics.fixed import (
    AtFixed,
    RocBand,
    roc_band,
    sensitivity_at_specificity,
    specificity_at_sensitivity,
)
from pneumo_core.metrics.multiple import holm
from pneumo_core.metrics.paired import (
    McNemar,
    PairedAuc,
    delong_paired,
    grouped_bootstrap_difference,
    mcnemar,
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
from pneumo_core.metrics.recalibration import CalibrationLine, calibration_line
from pneumo_core.metrics.referral import ThreeWay, three_way
from pneumo_core.metrics.sweep import AtThreshold, ThresholdSweep
from pneumo_core.metrics.thresholds import (
    balanced_threshold,
    threshold_at_sensitivity,
    threshold_at_specificity,
)

__all__ = [
    "AtFixed",
    "AtThreshold",
    "BrierParts",
    "CalibrationLine",
    "Confusion",
    "DecisionCurve",
    "Estimate",
    "LikelihoodRatios",
    "McNemar",
    "PairedAuc",
    "PerThousand",
    "PrCurve",
    "PredictiveValues",
    "Reliability",
    "RocBand",
    "RocCurve",
    "ThreeWay",
    "ThresholdSweep",
    "auc",
    "auc_delong",
    "average_precision",
    "balanced_threshold",
    "brier",
    "brier_parts",
    "calibration_line",
    "confusion",
    "decision_curve",
    "delong_paired",
    "ece",
    "fit_temperature",
    "grouped_bootstrap_auc",
    "grouped_bootstrap_average_precision",
    "grouped_bootstrap_calibration",
    "grouped_bootstrap_difference",
    "holm",
    "is_small_sample",
    "likelihood_ratios",
    "mcnemar",
    "per_thousand",
    "pr_curve",
    "predictive_values",
    "probabilities",
    "proportion",
    "reliability",
    "roc_band",
    "roc_curve",
    "sensitivity_at_specificity",
    "small_sample_words",
    "specificity_at_sensitivity",
    "three_way",
    "threshold_at_sensitivity",
    "threshold_at_specificity",
    "wilson",
    "wilson_bounds",
]
