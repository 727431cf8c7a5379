"""The model card made from card.json: complete, and silent on what the card does not know."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle.card import Card, check_card
from pneumo_core.bundle.model_card import readme
from pneumo_core.formatting import figure
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.metrics import Estimate

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle


def test_the_model_card_is_complete(tiny_bundle: Bundle) -> None:
    text = (tiny_bundle.path / "README.md").read_text()
    assert text.startswith("# Tiny, a network for tests\n\n> Research demonstration. Not a medical")
    headings = "Intended use, Out of scope, Figures, Operating points, Training data, Limitations"
    for heading in f"{headings}, Known shortcuts, Numerical agreement, Versions".split(", "):
        assert f"\n## {heading}\n" in text
    for line in (
        "| AUC | 0.994 [0.990–0.998] |",
        "| accuracy | 95.1 % [92.4–96.9] |",
        "| screening | 0.2000 | 95.1 % [92.4–96.9] | 95.1 % [92.4–96.9] |",
        "| ruling in | 0.8000 | – | – |",
        "- films: 5,216",
        "- machine: not known",
        "doi 10.17632/rscbjbr9sj.2, CC BY 4.0",
        "- It knows brightness and nothing else.",
    ):
        assert line in text


def test_the_model_card_of_other_data_claims_nothing_of_this_data(
    tiny_card: dict[str, Any],
) -> None:
    tiny_card |= {"name": "t", "version": "1", "data": {"source": "Synthetic films."}}
    text = readme(Card.from_document(tiny_card))
    assert "Synthetic films." in text
    assert "Kermany" not in text
    assert "Guangzhou" not in text


def test_the_card_says_first_how_the_model_does_elsewhere(tiny_card: dict[str, Any]) -> None:
    tiny_card |= {
        "name": "t",
        "version": "2",
        "populations": [population("adults elsewhere"), population("children here", "estimate")],
        "data": {"films": 5216, "second_source": "172 adult films of a second hospital"},
        "input": {"size": 64, "frame": asdict(LungFrame())},
    }
    check_card({"format": 1, **tiny_card}, "t")
    text = readme(Card.from_document(tiny_card))
    assert text.index("Away from home, then at home") < text.index("## Figures")
    assert (
        "| adults elsewhere | 150 (108 normal) | 0.916 [0.854–0.966] | 85.7 % [72.2–93.3] | "
        "87.0 % [79.4–92.1] | 62.0 % [52.6–70.6] | 5.6 % [2.6–11.6] | 7.1 % [2.5–19.0] |"
    ) in text
    assert "- adults elsewhere: held out by patient." in text
    assert "Children here, with 95 % intervals; estimate." in text
    assert "a frame 50 % of the way from the whole film to the box round both lungs" in text
    assert "its upper layers and thresholds also on 172 adult films of a second hospital." in text


def population(name: str, evidence: str = "held out by patient") -> dict[str, Any]:
    def rate(value: float, low: float, high: float) -> dict[str, float]:
        return {"value": value, "low": low, "high": high}

    return {
        "name": name,
        "evidence": evidence,
        "films": 150,
        "normal": 108,
        "pneumonia": 42,
        "patients": 140,
        "auc": rate(0.916, 0.854, 0.966),
        "sensitivity": rate(0.857, 0.722, 0.933),
        "specificity": rate(0.870, 0.794, 0.921),
        "ece": 0.1,
        "normal_cleared": rate(0.620, 0.526, 0.706),
        "normal_called": rate(0.056, 0.026, 0.116),
        "pneumonia_missed": rate(0.071, 0.025, 0.190),
    }


def test_the_model_card_copes_with_the_least_card(tiny_card: dict[str, Any]) -> None:
    kept = ("classes", "input", "calibration", "operating_points")
    least = {key: tiny_card[key] for key in kept} | {"name": "least", "version": "1"}
    text = readme(Card.from_document(least))
    assert text.startswith("# least 1\n")
    assert "## Figures" not in text
    assert "## Versions" not in text


@pytest.mark.parametrize(
    ("label", "value", "shown"),
    [
        ("films", 5216, "5,216"),
        ("ECE", 0.03124, "0.03124"),
        ("sensitivity", {"value": 1.0, "low": 0.98, "high": 1.0}, "100.0\xa0% [98.0–100.0]"),
        ("Brier score", {"value": 0.02, "low": 0.01, "high": 0.03}, "0.020 [0.010–0.030]"),
        ("sensitivity", {"value": 0.9}, "0.9"),
        ("AUC", None, "not known"),
        ("AUC", Estimate(0.9, 0.8, 0.95), "0.900 [0.800–0.950]"),
        ("AUC", Estimate(float("nan"), 0, 1), "not known"),
    ],
)
def test_figures_are_written_as_people_read_them(label: str, value: Any, shown: str) -> None:
    assert figure(label, value) == shown
