"""A report that several tests read, of a model whose card tries to be more than text."""

import numpy as np
import pandas as pd

from pneumo_core.evaluation.evaluate import shipped_predictions
from pneumo_core.evaluation.evidence_level import evidence_of_shipped
from pneumo_core.evaluation.report import build_report
from pneumo_core.evaluation.test_log import LoggedEvaluation

RATE = {"value": 0.9, "low": 0.8, "high": 0.95}
STRESS = {
    "words": "60 films of the model's own validation.",
    "worst": "Of 1 perturbation, “blurred” costs most.",
    "lungless": "",
    "rows": [
        {
            "name": name,
            "sensitivity": RATE,
            "specificity": RATE,
            **{f"cost_{rate}{end}": cost for rate in ("sensitivity", "specificity")
               for end, cost in (("", lost), ("_low", lost - 1), ("_high", lost + 1))},
            "change_median": 0.01,
            "three_way": {"normal": {"NORMAL": 1}},
        }
        for name, lost in (("as it is", 0.0), ("blurred", 3.0))
    ],
}  # fmt: skip
LOOK = LoggedEvaluation(
    at="2026-01-02T03:04:05+00:00", version="1.0", digest="d", data="abc", split="test", n=7,
    figures={"sensitivity": 0.9, "sensitivity_low": 0.85, "sensitivity_high": 0.94,
             "specificity": None}, pneumo="0.1.0",
)  # fmt: skip


def make_report(folder):
    """Bundle, predictions and report."""
    from pneumo_core.bundle import Bundle
    from pneumo_core.bundle.card import Card

    path = folder / "paper"
    path.mkdir()
    rng = np.random.default_rng(5)
    positive = np.arange(60) % 2 == 1
    p = (1 / (1 + np.exp(-rng.normal(np.where(positive, 2, -2), 2)))).round(6)
    pd.DataFrame(
        {
            "film": [f"{'PNEUMONIA' if i % 2 else 'NORMAL'}/{i}.png" for i in range(60)],
            "split": "validation",
            "label": np.where(positive, "pneumonia", "normal"),
            "subtype": np.array(["normal", "viral", "normal", "bacterial"])[np.arange(60) % 4],
            "group": [f"g{i // 2}" for i in range(60)],
            "p_normal": 1 - p,
            "p_bacterial": p / 2,
            "p_viral": p / 2,
            "p_pneumonia": p,
        }
    ).to_csv(path / "predictions.csv", index=False)  # fmt: skip
    card = {
        "format": 1,
        "name": "paper",
        "version": "1.0",
        "title": "<script>alert(1)</script> & co",
        "classes": ["normal", "bacterial", "viral"],
        "input": {"size": 64},
        "operating_points": {
            "screening": {"threshold": 0.3},
            "balanced": {"threshold": 0.5},
            "ruling_in": {"threshold": 0.8},
            "fitted_on": "60 films that do not exist",
        },
        "stress": STRESS,
        "limitations": ["<b>It knows little.</b>"],
    }
    bundle = Bundle(name="paper", path=path, card=Card.from_document(card), digest="ab" * 32)
    table = shipped_predictions(bundle)
    report = build_report(
        bundle, table, evidence_of_shipped(bundle), films="its own validation films",
        evaluations=[LOOK], today="2026-01-01",
    )  # fmt: skip
    return bundle, table, report


def rows_of(report, name):
    """The records of the one table of that name."""
    (table,) = [table for table in report.tables if table.name == name]
    return table.records
