"""Reliability warnings of a card: each limit on both of its sides."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pneumo_core.bundle.card import Card
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.bundle.model_card import readme
from pneumo_core.bundle.provenance import (
    SYNTHETIC,
    data_licence_of,
    disclaimer_of,
    population_of,
    synthetic_share,
)
from pneumo_core.bundle.registry import card_in_service
from pneumo_core.bundle.reliability import Judgement
from pneumo_core.bundle.reliability import judge as judge_card

if TYPE_CHECKING:
    from pathlib import Path


def judge(document: dict[str, Any]) -> Judgement:
    return judge_card(Card.from_document(document))


def rate(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def good(**figures: Any) -> dict[str, Any]:
    """A card as training writes it, of a model without reliability warnings."""
    known = {"films": 1044, "auc": rate(0.97, 0.96, 0.98), "ece": 0.02}
    known |= {"sensitivity": rate(0.93, 0.91, 0.95), "specificity": rate(0.9, 0.86, 0.93)}
    data = {"films": 5216, "normal": 1341, "groups": 3654, "validation_films": 1044}
    return {"figures": known | figures, "data": data, "operating_points": {}}


def of_data(**data: Any) -> dict[str, Any]:
    card = good()
    return card | {"data": card["data"] | data}


def without_lungs(low: float) -> dict[str, Any]:
    rows = [
        {"name": "none", "keeps_lungs": True, "auc": rate(0.99, 0.98, 1.0)},
        {"name": "lungs black", "keeps_lungs": False, "auc": rate(low + 0.02, low, low + 0.04)},
    ]
    return good() | {"stress": {"rows": rows}}


def test_a_good_model_has_no_warning(tiny_card: dict[str, Any]) -> None:
    for card in (good(), tiny_card, of_data(validation_normal=100, validation_groups=100)):
        assert judge(card).sound
        assert judge(card).labels == ""


CASES = {
    "AUC near guessing": (
        good(auc=rate(0.626, 0.448, 0.799)),
        "may be no better than chance",
        "It may be no better than chance: AUC 0.626 [0.448–0.799], where 0.5 is chance.",
    ),
    "AUC below the limit": (
        good(auc=rate(0.84, 0.799, 0.88)),
        "poor discrimination",
        "AUC 0.840 [0.799–0.880]; the lower end of the interval should be at least 0.80.",
    ),
    "AUC without an interval": (good(auc=0.79), "poor discrimination", "AUC 0.79;"),
    "no AUC": (good(auc=None), "not validated", "Its performance is unknown"),
    "an AUC of one class": (good(auc=rate(0, 0, 0) | {"value": None, "low": None}), "not validated",
                            "its card states no AUC"),
    "missed": (
        good(sensitivity=rate(0.8, 0.749, 0.85)),
        "low sensitivity",
        "It may miss more than one pneumonia in four: sensitivity 80.0\xa0% [74.9–85.0].",
    ),
    "false alarms": (
        good(specificity=rate(0.353, 0.173, 0.587)),
        "many false alarms",
        "one normal film in four pneumonia: specificity 35.3\xa0% [17.3–58.7].",
    ),
    "no rate": (good(specificity=None), "unknown specificity", "Its specificity is unknown."),
    "calibration": (good(ece=0.121), "poor calibration", "off by 12 percentage points on average."),
    "few of a class": (
        of_data(validation_normal=99, validation_groups=700),
        "small validation sample",
        "validated on 1,044 films (99 normal) of 700 patients: with fewer than 100 films of each",
    ),
    "few by share": (
        good(films=300),
        "small validation sample",
        "It was validated on 300 films (about 77 normal) of 210 patients",
    ),
    "few ill": (of_data(validation_normal=945), "small validation sample", "(945 normal)"),
    "few patients": (of_data(validation_groups=99), "small validation sample", "of 99 patients"),
    "few, uncounted": (
        good(films=199) | {"data": {}},
        "small validation sample",
        "It was validated on 199 films: with fewer than 100 films of each class",
    ),
    "synthetic": (of_data(drawn_films=5216), "trained on synthetic films", "means nothing."),
    "synthetic in part": (
        of_data(drawn_films=2608),
        "trained on some synthetic films",
        "50\xa0% of its training films are synthetic and show no child.",
    ),
    "synthetic, one film": (
        of_data(drawn_films=1), "trained on some synthetic films", "Some of its"
    ),
    "framing": (
        without_lungs(0.80),
        "reads the framing",
        "where no lungs are left (lungs black: AUC 0.820 [0.800–0.840]): it reads the framing.",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("card", "label", "words"), CASES.values(), ids=CASES)
def test_each_warning_is_given(card: dict[str, Any], label: str, words: str) -> None:
    (reason,) = judge(card).reasons
    assert reason.label == label
    assert words in reason.words
    assert not judge(card).sound


@pytest.mark.parametrize(
    "card",
    [
        good(auc=rate(0.84, 0.80, 0.88)),
        good(sensitivity=rate(0.8, 0.75, 0.85)),
        good(ece=0.10),
        without_lungs(0.799),
        good() | {"stress": {"rows": []}},
        good(films=200) | {"data": {}},
        {**good(), "operating_points": {"balanced": good()["figures"]}},
    ],
)
def test_at_the_limit_nothing_is_said(card: dict[str, Any]) -> None:
    assert judge(card).sound


def test_rates_are_taken_from_the_balanced_point_where_the_figures_have_none() -> None:
    card = good()
    points = {"balanced": {rate: card["figures"].pop(rate) for rate in ("sensitivity",)}}
    assert judge(card | {"operating_points": points}).sound
    assert judge(card).labels == "unknown sensitivity"


def test_an_empty_card_and_strange_counts_break_nothing() -> None:
    assert judge({}).labels == "not validated, unknown sensitivity, unknown specificity"
    strange = {"films": "many", "normal": -3, "groups": None, "drawn_films": 10**400}
    card = good(films="1044") | {"data": strange}
    assert judge(card).sound
    assert synthetic_share(Card.from_document(card)) == 0.0


# -- in the model card


def test_the_model_card_says_it_first(tiny_card: dict[str, Any]) -> None:
    whole = {"format": 1, "name": "t", "version": "1", **tiny_card}
    assert "Do not rely" not in readme(Card.from_document(whole))
    whole["figures"] = {"AUC": rate(0.6, 0.5, 0.7)}
    text = readme(Card.from_document(whole))
    assert text.index("## Do not rely on this model") < text.index("## Intended use")
    assert "- It may be no better than chance: AUC 0.600 [0.500–0.700]" in text


def test_a_model_of_synthetic_films_says_so_everywhere(tiny_card: dict[str, Any]) -> None:
    drawn = {"source": SYNTHETIC, "films": 340, "drawn_films": 340}
    document = {"format": 1, "name": "t", "version": "1", **tiny_card, "data": drawn}
    card = Card.from_document(document)
    assert population_of(card) == SYNTHETIC
    assert data_licence_of(card) == "synthetic films made by Pneumo; no child's film"
    assert disclaimer_of(card) == (
        "Research demonstration. Not a medical device. "
        "Trained on synthetic films only, none of them a child's."
    )
    text = readme(card)
    assert "Trying the program. The model was trained on synthetic films" in text
    assert "of children" not in text
    assert "Kermany" not in text
    part = card.with_parts(data=drawn | {"drawn_films": 170, "source": "Half of it."})
    assert population_of(part) == "Half of it."
    assert data_licence_of(part) == ""
    assert data_licence_of(Card.from_document(tiny_card)) == "CC BY 4.0"


# -- the card in service


def test_the_card_in_service_is_read_again_only_when_it_changes(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = card_in_service(models)
    assert card is not None
    assert card.title == "Tiny, a network for tests"
    assert card_in_service(models) is card
    (models / "tiny" / "card.json").write_text(
        json.dumps({**card.document, "title": "Another title"})
    )
    write_sums(models / "tiny")
    again = card_in_service(models)
    assert again is not None
    assert again.title == "Another title"
    monkeypatch.setenv("PNEUMO_MODELS", str(models))
    assert card_in_service() is again


def test_without_a_card_that_can_be_read_there_is_none(models: Path, tmp_path: Path) -> None:
    assert card_in_service(tmp_path / "none") is None
    (models / "tiny" / "card.json").write_text("{")
    assert card_in_service(models) is None
    (models / "active").write_text("gone\n")
    assert card_in_service(models) is None
    (models / "active").write_text("../tiny\n")
    assert card_in_service(models) is None
