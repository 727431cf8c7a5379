"""A card: its schema, its typed fields, and what the model card makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.card import Card, check_card, parse_card
from pneumo_core.bundle.model_card import readme, shortcuts_section
from pneumo_core.bundle.write import revise_card
from pneumo_core.config import ROOT
from pneumo_core.errors import BundleError
from pneumo_core.metrics.robustness import robustness_rows

POINTS = {"screening": 0.3, "balanced": 0.5, "ruling_in": 0.7}
RATE = {"value": 0.951, "low": 0.924, "high": 0.969}
NOTHING = {"value": None, "low": None, "high": None}
PLAN = {"framing": 0.5, "normal_height": [0.68, 1.0], "blank_lungs": 0.1}


def stress(sick: list[int] | None = None) -> dict[str, Any]:
    """Four films, one of which a blur turns; without lungs all are called pneumonia."""
    truth = [0, 0, 1, 1] if sick is None else sick
    about = {
        "blur | 2 px": {"family": "sharpness", "words": "Blurred.", "keeps_lungs": True},
        "lungs black": {"family": "anatomy", "words": "Painted.", "keeps_lungs": False},
    }
    changed = {"blur | 2 px": [0.1, 0.6, 0.9, 0.8], "lungs black": [0.9] * 4}
    found = robustness_rows(truth, [0.1, 0.4, 0.9, 0.8], changed, POINTS, about=about)
    rows = [row.to_dict() for row in found]
    counts = {"films": 4, "normal": 2, "pneumonia": 2, "held_out": True, "points": POINTS}
    texts = {"words": "4 films not seen.", "worst": "Blur costs most.", "lungless": "AUC 0.50."}
    return {"model": "t", **counts, **texts, "rows": rows, "unread": []}


def cohort(**changes: Any) -> dict[str, Any]:
    rates = {"auc": RATE, "sensitivity": RATE, "specificity": NOTHING}
    return {"cohort": "framing", "part": "border misleads", "films": 1200, **rates, **changes}


@pytest.fixture
def card(tiny_card: dict[str, Any]) -> dict[str, Any]:
    tables = {"stress": stress(), "cohorts": [cohort(), cohort(part="rest", auc=None)]}
    return {"format": 1, "name": "t", "version": "1", **tiny_card, **tables}


def test_tables_as_the_program_makes_them_are_taken(card: dict[str, Any]) -> None:
    check_card(json.loads(json.dumps(card)), "t")
    del card["stress"]["model"], card["stress"]["unread"]
    check_card(card, "t")
    check_card({**card, "stress": {**stress(), "rows": []}, "cohorts": []}, "t")
    check_card({**card, "stress": stress(sick=[1, 1, 1, 1])}, "t")


def test_every_perturbation_of_the_program_fits(card: dict[str, Any]) -> None:
    from pneumo_core.perturbations import ABOUT

    rng = np.random.default_rng(3)
    p = {name: rng.random(12) for name in ABOUT}
    found = robustness_rows(np.arange(12) % 2, rng.random(12), p, POINTS, about=ABOUT)
    rows = [row.to_dict() for row in found]
    check_card({**card, "stress": {**stress(), "rows": rows}}, "t")


ROWS = {
    "a number as text": ({"change_p95": "0.1"}, r"0\.\.1 in stress\.rows\[1\]\.change_p95 in its"),
    "not a number": ({"change_mean": float("nan")}, r"a number of 0\.\.1 in .*change_mean"),
    "infinite": ({"cost_auc": float("inf")}, r"a number of -100\.\.100 or null in .*cost_auc"),
    "huge": ({"cost_auc": 10**400}, r"a number of -100\.\.100 or null in .*cost_auc"),
    "a rate above 1": ({"auc": RATE | {"high": 1.2}}, r"high in 0\.\.1 in .*\.auc"),
    "a rate outside its interval": ({"referred": RATE | {"low": 0.96}}, r"in .*\.referred"),
    "half a rate": ({"sensitivity": {"value": 0.5}}, r"in .*\.sensitivity"),
    "a rate that is none": ({"specificity": 0.5}, r"in .*\.specificity"),
    "no deeper rates": ({"screening": None}, r"an object in .*\.screening"),
    "a truth as a number": ({"three_way": {"normal": 1}}, r"a value in .*three_way\.pneumonia"),
    "half a film": ({"films": 1.5}, r"a whole number of 0.* in .*\.films"),
    "true films": ({"films": True}, r"a whole number of 0.* in .*\.films"),
    "a flag as a number": ({"keeps_lungs": 1}, r"true or false in .*\.keeps_lungs"),
    "a long name": ({"name": "x" * 101}, r"at most 100 printable characters in .*\.name"),
    "a line break": ({"name": "a\nb"}, r"at most 100 printable characters in .*\.name"),
    "a long text": ({"words": "x" * 1001}, r"at most 1,000 printable characters in .*\.words"),
    "a cost without interval": ({"cost_sensitivity_low": None}, "an interval around cost_sens"),
    "a cost outside its interval": ({"cost_specificity_high": -99.0}, "an interval around cost_sp"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_of_a_wrong_form_is_named(card: dict[str, Any], case: str) -> None:
    changes, message = ROWS[case]
    card["stress"]["rows"][1] |= changes
    with pytest.raises(BundleError, match=f"Model t: expected .*{message}"):
        check_card(card, "t")


TABLES = {
    "a list": ({"stress": []}, "an object in stress"),
    "nothing": ({"stress": None}, "an object in stress"),
    "no rows": (
        {"stress": stress() | {"rows": None}},
        r"a list of at most 200 rows in stress\.rows",
    ),
    "a row that is none": ({"stress": stress() | {"rows": [1]}}, r"an object in stress\.rows\[0\]"),
    "too many rows": ({"stress": stress() | {"rows": [0] * 201}}, r"200 rows in stress\.rows"),
    "no sentence": ({"stress": stress() | {"worst": 1}}, r"characters in stress\.worst"),
    "no points": ({"stress": stress() | {"points": {}}}, r"in stress\.points\.screening"),
    "a model's list": ({"stress": stress() | {"model": []}}, r"characters in stress\.model"),
    "unread text": (
        {"stress": stress() | {"unread": "x"}},
        r"a list of at most 200 rows in stress\.unread",
    ),
    "unread films": ({"stress": stress() | {"unread": [{"film": 1}]}}, r"unread\[0\]\.problem"),
    "cohorts as an object": ({"cohorts": {}}, "a list of at most 200 rows in cohorts"),
    "many cohorts": ({"cohorts": [cohort()] * 201}, "at most 200 rows in cohorts"),
    "a part as a number": ({"cohorts": [cohort(part=1)]}, r"in cohorts\[0\]\.part"),
    "films below 0": ({"cohorts": [cohort(films=-1)]}, r"a whole number of 0.* in cohorts\[0\]"),
    "no rate": ({"cohorts": [cohort(sensitivity=None)]}, r"in cohorts\[0\]\.sensitivity"),
    "an AUC as a number": ({"cohorts": [cohort(auc=0.9)]}, r"or null in cohorts\[0\]\.auc"),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_table_of_a_wrong_form_is_named(card: dict[str, Any], case: str) -> None:
    changes, message = TABLES[case]
    with pytest.raises(BundleError, match=f"Model t: expected .*{message}"):
        check_card({**card, **changes}, "t")


# -- cards written before


OLD = Path(__file__).with_name("old_card.json")  # as the first version wrote it: required parts


@pytest.mark.parametrize("path", [OLD, ROOT / "models" / "kermany-r50v2" / "card.json"])
def test_cards_written_before_are_read(path: Path) -> None:
    document = json.loads(path.read_text("utf-8"))
    card = parse_card(document, "t")
    assert card.document == document
    assert 0 < card.points.screening < card.points.balanced < card.points.ruling_in < 1
    assert readme(card).startswith(f"# {card.title or 'old 0.1'}\n")


def test_the_fields_of_an_old_card() -> None:
    card = parse_card(json.loads(OLD.read_text("utf-8")), "t")
    assert (card.name, card.version, card.title, card.size) == ("old", "0.1", "", 128)
    assert card.classes == ("normal", "pneumonia")
    assert card.calibration.temperature == 1.5
    assert (card.balanced.threshold, card.balanced.sensitivity) == (0.5, None)
    assert (card.data.films, card.training.folds, card.figure("auc")) == (None, None, None)
    assert (card.stress, card.stress_rows, card.cohorts, card.orientation) == (None, [], (), None)


def test_the_fields_of_a_card_with_every_part(card: dict[str, Any]) -> None:
    parts = {"familiarity": {"limit": 0.3}, "orientation": {"limit": 0.2, "measured_on": 9}}
    known = parse_card({**card, **parts}, "t")
    assert known.figure("auc") == (0.9941, 0.99, 0.998)
    assert known.figures["n"] == 60
    assert (known.data.films, known.data.normal, known.data.source) == (5216, 1341, None)
    assert (known.training.preset, known.training.machine) == ("none", "")
    assert known.out_of_distribution is not None
    assert known.out_of_distribution.limit == 0.3
    assert known.orientation is not None
    assert known.orientation.measured_on == "9"
    assert len(known.stress_rows) == 3


@pytest.mark.keras
def test_unknown_keys_are_kept_when_a_card_is_rewritten(models: Path) -> None:
    bundle = load_bundle("tiny", models_dir=models)
    revised = revise_card(bundle, title="New", site={"ward": 7})
    again = revise_card(revised, title="Newer")
    assert again.card.document == {**bundle.card.document, "title": "Newer", "site": {"ward": 7}}
    assert (again.path / "README.md").read_text().startswith("# Newer\n")


# -- in the model card


def test_the_model_card_shows_the_cost_of_perturbations(card: dict[str, Any]) -> None:
    text = readme(Card.from_document(card))
    assert "## Robustness\n\nBlur costs most. AUC 0.50.\n\n4 films not seen.\n\nAt the" in text
    lines = {line.split(" | ")[0]: line for line in text.splitlines() if line.startswith("| ")}
    assert lines["| as it is"].endswith("| 100.0 % [34.2–100.0] | – | 25.0 % | 0.0 | 0.0 |")
    assert "| 50.0 % [9.5–90.5] | +50.0 [−56.3 to +100.0] | 25.0 % | 0.0 | 17.0 |" in text
    assert r"| blur \| 2 px | 1.000 [" in text
    assert "| lungs black* | 0.500 [" in text
    assert "An asterisk marks perturbations that remove the lungs" in text
    assert "| framing | border misleads | 1,200 | 0.951 [0.924–0.969] | 95.1 % [92.4" in text
    assert "| framing | rest | 1,200 | – | 95.1 % [92.4–96.9] | – |" in text


def test_what_is_measured_is_not_predicted(card: dict[str, Any]) -> None:
    told, expected = "see Robustness for the cost of each", "expect specificity to fall"
    with_both, bare = (
        readme(Card.from_document(card)),
        {k: v for k, v in card.items() if k != "stress"},
    )
    assert told in with_both
    assert "and Cohorts for films whose border suggests the wrong class." in with_both
    assert expected not in with_both
    assert expected in readme(Card.from_document(bare))
    remedy = (
        "## Robustness\n\nNot measured. Run `python -m pneumo_core stress --into-card --model t`."
    )
    assert remedy in readme(Card.from_document(bare))
    assert expected in readme(Card.from_document({**card, "stress": stress() | {"rows": []}}))
    with_lungs = {**card, "stress": stress() | {"rows": stress()["rows"][:2]}}
    assert "An asterisk" not in readme(Card.from_document(with_lungs))


@pytest.mark.parametrize(
    ("training", "told", "untold"),
    [
        ({}, "its\n  aspect ratio.\n", "Training films"),
        ({"augment": False}, "Training took no measure against it.", "cropped, str"),
        ({"seed": 7}, "cropped, stretched and rotated at random, all classes alike.", "obliquely"),
        ({"counterweight": PLAN}, "painted over in 10 % of the films", "inverse"),
        (
            {"counterweight": PLAN},
            "normal films were cropped in height and some pneumonia films in",
            "?",
        ),
        ({"counterweight": PLAN, "framing_weights": 0.5}, "(inverse propensity).", "all classes"),
        ({"counterweight": {"framing": 0, "blank_lungs": "x"}}, "obliquely.", "painted"),
    ],
)
def test_what_training_did_is_what_the_card_says(
    training: dict[str, Any], told: str, untold: str
) -> None:
    text = shortcuts_section(Card.from_document({"training": training}), published=True)
    assert told in text
    assert untold not in text


def test_other_films_than_the_published_ones_are_spoken_of_as_such(card: dict[str, Any]) -> None:
    own = Card.from_document({**card, "data": {"source": "Adults of\none clinic."}})
    text = readme(own)
    line = "Research demonstration. Not a medical device. Trained on: Adults of one clinic."
    assert f"> {line}\n" in text
    assert text.endswith(f"{line}\n\n*Generated from `card.json`.*\n")
    for words in ("children", "Guangzhou", "infants", "whole trunk"):
        assert words not in text
    assert "people unlike those in its data, lateral films" in text
    assert "- Unknown: audit the data." in text
