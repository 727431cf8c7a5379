import math

import pandas as pd
import pytest

from pneumo_core.evaluation.evaluate import figures


def table(rows):
    """Rows (subtype, p_normal, p_bacterial, p_viral)."""
    made = pd.DataFrame(rows, columns=["subtype", "p_normal", "p_bacterial", "p_viral"])
    made["label"] = made["subtype"].where(made["subtype"] == "normal", "pneumonia")
    made["p_pneumonia"] = 1 - made["p_normal"]
    return made


MIXED = [
    ("normal", 0.9, 0.05, 0.05),
    ("normal", 0.4, 0.3, 0.3),
    ("bacterial", 0.2, 0.6, 0.2),
    ("bacterial", 0.7, 0.2, 0.1),
    ("viral", 0.1, 0.3, 0.6),
]


def test_figures_of_five_films_by_hand():
    found = figures(table(MIXED), threshold=0.5)
    assert (found["n"], found["n_normal"], found["n_pneumonia"]) == (5, 2, 3)
    assert found["confusion"] == {"tp": 2, "fp": 1, "tn": 1, "fn": 1}
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["sensitivity"] == pytest.approx(2 / 3)
    assert found["specificity"] == pytest.approx(1 / 2)
    # Pairs in which the ill film scores higher: 0.8 and 0.9 beat both, 0.3 beats one of two.
    assert found["auc"] == pytest.approx(5 / 6)
    assert found["brier"] == pytest.approx((0.01 + 0.36 + 0.04 + 0.49 + 0.01) / 5)
    assert found["subtype_auc"] == 1.0
    for name in ("auc", "accuracy", "sensitivity", "specificity"):
        assert found[f"{name}_low"] < found[name] < found[f"{name}_high"]


def test_the_threshold_itself_counts_as_pneumonia():
    assert figures(table(MIXED), threshold=0.6)["confusion"]["fp"] == 1
    assert figures(table(MIXED), threshold=0.6001)["confusion"]["fp"] == 0


def test_one_class_alone_has_no_auc_and_half_of_the_rates():
    found = figures(table(MIXED[:2]), threshold=0.5)
    assert math.isnan(found["auc"])
    assert math.isnan(found["sensitivity"])
    assert (found["sensitivity_low"], found["sensitivity_high"]) == (0.0, 1.0)
    assert found["specificity"] == pytest.approx(0.5)
    assert found["subtype_auc"] is None


def test_a_binary_model_has_no_subtype_figure():
    binary = table(MIXED)
    binary[["p_bacterial", "p_viral"]] = float("nan")
    assert figures(binary, threshold=0.5)["subtype_auc"] is None
