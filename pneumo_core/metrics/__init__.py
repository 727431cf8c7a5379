"""Metrics: pure functions on arrays for discrimination, calibration and clinical use of scores.

Throughout, y holds 1 for pneumonia, the positive class, and 0 for normal; p scores pneumonia;
a film is called positive where p >= threshold. Nothing here draws, reads files or knows models.
"""

from pneumo_core.metrics.bootstrap import grouped_bootstrap_auc
from pneumo_core.metrics.calibration import (
    BrierParts,
    CalibrationLine,
    Reliability,
    brier,
    brier_parts,
    calibration_line,
    ece,
    fit_temperature,
    grouped_bootstrap_calibration,
    probabilities,
    reliability,
)
from pneumo_core.metrics.clinical import (
    CoverageRisk,
    DecisionCurve,
    ThreeWay,
    coverage_risk,
    decision_curve,
    likelihood_ratios,
    per_thousand,
    predictive_values,
    three_way,
)
from pneumo_core.metrics.confusion import (
    Confusion,
    balanced_threshold,
    confusion,
    threshold_at_sensitivity,
    threshold_at_specificity,
)
from pneumo_core.metrics.fixed_rate import RocBand
from pneumo_core.metrics.intervals import (
    Estimate,
    is_small_sample,
    small_sample_words,
    wilson,
)
from pneumo_core.metrics.paired import (
    McNemar,
    PairedAuc,
    delong_paired,
    grouped_bootstrap_difference,
    holm,
    mcnemar,
)
from pneumo_core.metrics.roc import (
    PrCurve,
    RocCurve,
    auc,
    auc_delong,
    average_precision,
    pr_curve,
    roc_curve,
)
from pneumo_core.metrics.threshold_sweep import AtThreshold, ThresholdSweep

__all__ = [
    "AtThreshold",
    "BrierParts",
    "CalibrationLine",
    "Confusion",
    "CoverageRisk",
    "DecisionCurve",
    "Estimate",
    "McNemar",
    "PairedAuc",
    "PrCurve",
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
    "coverage_risk",
    "decision_curve",
    "delong_paired",
    "ece",
    "fit_temperature",
    "grouped_bootstrap_auc",
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
    "reliability",
    "roc_curve",
    "small_sample_words",
    "three_way",
    "threshold_at_sensitivity",
    "threshold_at_specificity",
    "wilson",
]
