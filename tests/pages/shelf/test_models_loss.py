"""What the question before a deletion says of the model and of those that remain."""

from dataclasses import replace

import pytest

from pages.ui.models.actions import reliable, what_is_lost, what_remains
from pneumo_core.bundle import Found


@pytest.fixture
def found(tiny_bundle):
    """Makes a model of this name: sound, of no worth, or damaged."""

    def made(name, how="sound"):
        figures = {"auc": 0.6, "sensitivity": 0.9, "specificity": 0.9}
        card = tiny_bundle.card | ({"figures": figures} if how == "poor" else {})
        fault = "README.md has been altered." if how == "damaged" else ""
        return Found(name, 1, in_service=False, bundle=replace(tiny_bundle, card=card), fault=fault)

    return made


def test_what_is_lost_depends_on_what_the_model_is_worth(found):
    assert what_is_lost(found("a")).startswith("Nothing in its card speaks against it: AUC 0.994 [")
    assert what_is_lost(found("a", "poor")) == (
        "Its own card speaks against it: tells the classes apart poorly."
    )
    assert what_is_lost(found("a", "damaged")) == "It is damaged and reads no film as it is."
    assert not reliable(found("a", "damaged"))


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ([], "No model remains: no film can be read until one is imported or trained."),
        (["poor"], "1 model remains, and it should not be relied on."),
        (["poor", "damaged"], "2 models remain, and neither should be relied on."),
        (["poor"] * 3, "3 models remain, and none of them should be relied on."),
        (["poor", "sound"], "2 models remain; nothing speaks against m1."),
        (["sound"] * 5, "5 models remain; nothing speaks against m0, m1, m2 and 2 more."),
    ],
)
def test_what_remains_says_whether_any_can_be_relied_on(found, others, words):
    shelf = [found(f"m{number}", how) for number, how in enumerate(others)]
    assert what_remains(shelf) == words
