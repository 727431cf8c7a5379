"""The keys that programs read, in JSON output and in a card."""

import json

import numpy as np
import pandas as pd

from pneumo_core.bundle import OperatingPoints
from pneumo_core.evaluation.comparison import Contender, compare
from pneumo_core.evaluation.evaluate import figures
from pneumo_core.evaluation.summary import summarise
from pneumo_core.formatting import flat_row
from pneumo_core.metrics.robustness import robustness_rows
from pneumo_core.training.calibrate import rates

RATE = ["value", "low", "high"]
LABELS = np.array([0, 0, 0, 1, 1, 1])
P = np.array([0.1, 0.2, 0.6, 0.4, 0.8, 0.9])
POINTS = {"screening": 0.3, "balanced": 0.5, "ruling_in": 0.7}
TABLE = pd.DataFrame(
    {
        "film": list("abcdef"),
        "label": np.where(LABELS, "pneumonia", "normal"),
        "subtype": np.where(LABELS, "viral", "normal"),
        "group": list("abcdef"),
        "p_bacterial": P / 3,
        "p_viral": P / 2,
        "p_pneumonia": P,
    }
)
AT_THRESHOLD = [
    *("threshold", "confusion", "sensitivity", "specificity", "accuracy", "ppv", "npv"),
    *("prevalence", "lr_positive", "lr_negative", "ppv_at_prevalence", "npv_at_prevalence"),
    "per_thousand",
]


def strict(value):
    """As JSON has it; raises ValueError for NaN and infinity."""
    return json.loads(json.dumps(value, allow_nan=False))


def test_keys_of_an_evaluation():
    found = strict(figures(TABLE[:3], threshold=0.5).to_dict())
    assert list(found) == [
        *("n", "n_normal", "n_pneumonia", "auc", "auc_low", "auc_high"),
        *("accuracy", "accuracy_low", "accuracy_high"),
        *("sensitivity", "sensitivity_low", "sensitivity_high"),
        *("specificity", "specificity_low", "specificity_high"),
        *("threshold", "brier", "ece", "confusion", "subtype_auc"),
    ]
    assert list(found["confusion"]) == ["tp", "fp", "tn", "fn"]
    assert (found["auc"], found["auc_low"]) == (None, None)
    assert (found["sensitivity"], found["sensitivity_low"]) == (None, 0.0)


def test_keys_of_a_robustness_table():
    clean, _ = (
        strict(row.to_dict()) for row in robustness_rows(LABELS, P, {"blur": P / 2}, POINTS)
    )
    assert list(clean) == [
        *("name", "family", "words", "keeps_lungs", "films", "auc", "cost_auc"),
        *("sensitivity", "specificity"),
        *("cost_sensitivity", "cost_sensitivity_low", "cost_sensitivity_high"),
        *("cost_specificity", "cost_specificity_low", "cost_specificity_high"),
        *("change_mean", "change_median", "change_p95"),
        *("screening", "ruling_in", "referred", "three_way"),
    ]
    assert list(clean["auc"]) == list(clean["screening"]["sensitivity"]) == RATE
    assert list(clean["three_way"]) == ["normal", "pneumonia"]
    assert list(flat_row(clean))[:8] == [
        *("name", "family", "words", "keeps_lungs", "films", "auc_value", "auc_low", "auc_high"),
    ]
    [one_class] = robustness_rows([0, 0], [0.1, 0.2], {}, POINTS)
    assert one_class.to_dict()["sensitivity"] == dict.fromkeys(RATE)
    assert one_class.to_dict()["cost_sensitivity_low"] is None


def test_keys_of_an_operating_point_in_a_card():
    found = strict(rates(LABELS > 0, P, 0.5).to_dict())
    assert list(found) == ["threshold", "sensitivity", "specificity", "accuracy"]
    assert list(found["accuracy"]) == RATE
    assert strict(rates(LABELS[:3] > 0, P[:3], 0.5).to_dict())["sensitivity"] == dict.fromkeys(RATE)


def test_keys_of_a_summary():
    found = summarise(TABLE, OperatingPoints(**POINTS), rounds=20).to_dict()
    assert list(found) == [
        *("n", "n_normal", "n_pneumonia", "n_patients", "prevalence", "points", "three_way"),
        *("brier", "ece", "ece_freed_of_chance", "brier_parts", "temperature"),
        *("auc", "auc_patients", "average_precision", "fixed"),
        *("calibration_slope", "calibration_offset"),
    ]
    assert list(found["points"]["balanced"]) == AT_THRESHOLD
    assert list(found["points"]["balanced"]["per_thousand"]) == [
        *("found", "missed", "false_alarms", "spared"),
    ]
    assert list(found["three_way"]) == [
        *("answered", "referred_sick", "referred_well", "coverage", "error"),
        *("sensitivity", "specificity", "missed", "false_alarms"),
        *("referred_of_sick", "referred_of_well"),
    ]


def test_keys_of_a_comparison():
    two = [Contender("a", TABLE, 0.5), Contender("b", TABLE.assign(p_pneumonia=P / 2), 0.5)]
    found = compare(two, rounds=20).to_dict()
    assert list(found) == [
        *("n", "n_normal", "n_pneumonia", "models", "pairs", "disagreements", "notes"),
    ]
    assert list(found["models"][0]) == ["name", "auc", "auc_patients", *AT_THRESHOLD]
    pair = found["pairs"][0]
    assert list(pair) == [
        *("first", "second", "auc", "auc_patients", "accuracy", "sensitivity", "specificity"),
    ]
    assert list(pair["auc"]) == [*RATE, "z", "p", "p_holm"]
    assert list(pair["accuracy"]) == [
        *("both", "only_first", "only_second", "neither", "difference", "p_exact", "p_mid"),
    ]
