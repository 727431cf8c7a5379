"""The sentences of the shortcut audit follow from its rows."""

import math

import pandas as pd
import pytest

from pneumo_core.audit import overall
from pneumo_core.audit.shortcuts import FEATURES, measured_words
from pneumo_core.metrics import Estimate

GIVEN_AWAY, HINTED, HIDDEN = "has not been shown", "may rest on it", "excludes the lungs predicts"
COARSE = "cannot separate the two"


def row(feature, title, auc, *, split="train", low=None, state="measured"):
    low = auc - 0.02 if low is None else low
    return {"feature": feature, "title": title, "split": split, "state": state, "auc": auc,
            "low": low, "high": auc + 0.01, "constant": math.nan}  # fmt: skip


def table(*rows):
    sides = [row(side, side, math.nan, state="few") for side in ("width", "height")]
    return pd.DataFrame([*rows, *sides])


def shape(auc, **more):
    return row("aspect", "The shape", auc, **more)


def blurred(auc, **more):
    return row("thumbnail", "The whole film", auc, **more)


@pytest.mark.parametrize(
    ("framing", "coarse", "said", "unsaid"),
    [
        (0.93, 0.99, [GIVEN_AWAY, "the shape alone reaches AUC 0.93 [0.91–0.94]"], [COARSE]),
        (0.93, 0.55, [GIVEN_AWAY], [COARSE, "whole film"]),
        (0.70, 0.60, [HINTED, "the shape alone reaches AUC 0.70"], [COARSE]),
        (0.70, 0.99, [HINTED, COARSE, "the whole film alone reaches AUC 0.990"], []),
        (0.60, 0.60, [HIDDEN, "(the shape alone reaches AUC 0.60 [0.58–0.61] in train)"], [COARSE]),
        (0.60, 0.99, [HIDDEN, "However, the whole film alone reaches AUC 0.990", COARSE], []),
        (0.60, 0.70, [HIDDEN, COARSE], []),
    ],
)
def test_the_sentence_follows_from_the_rows(framing, coarse, said, unsaid):
    meaning = overall(table(shape(framing), blurred(coarse)))
    assert [words for words in said if words not in meaning] == []
    assert [words for words in unsaid if words in meaning] == []


def test_the_highest_row_counts_in_whatever_split():
    meaning = overall(table(shape(0.6), shape(0.95, split="test"), blurred(0.6)))
    assert "AUC 0.950 [0.930–0.960] in test" in meaning
    assert GIVEN_AWAY in meaning
    assert "in train" in overall(table(shape(0.95, split="test"), shape(0.95)))


def test_what_may_be_chance_gives_nothing_away():
    assert HIDDEN in overall(table(shape(0.8, low=0.45), blurred(0.6)))
    assert COARSE not in overall(table(shape(0.6), blurred(0.8, low=0.5)))


def test_where_only_coarse_rows_could_be_measured_they_are_named():
    meaning = overall(table(blurred(0.97)))
    assert meaning.startswith("No feature that excludes the lungs could be tested")
    assert COARSE in meaning
    assert overall(table(blurred(0.52))).endswith("tested on these films.")


def test_rows_of_all_films_name_no_split():
    assert "AUC 0.70 [0.68–0.71], with" in overall(table(shape(0.7, split="all")))


def test_what_tells_for_sure_is_named_before_what_may_be_chance():
    meaning = overall(table(shape(0.8, low=0.45), row("ring", "The rim", 0.7)))
    assert HINTED in meaning
    assert "the rim alone reaches AUC 0.70" in meaning


@pytest.mark.parametrize(
    ("auc", "said"), [(0.05, GIVEN_AWAY), (0.24, HINTED), (0.45, HIDDEN), (0.55, HIDDEN)]
)
def test_as_far_below_one_half_tells_as_much(auc, said):
    meaning = overall(table(shape(auc), blurred(0.52, low=0.4)))
    assert said in meaning
    assert ("opposite direction" in meaning) == (auc < 0.5)


@pytest.mark.parametrize(
    ("ends", "grade"),
    [
        ((0.24, 0.12, 0.38), "in the opposite direction to the training films, a shortcut"),
        ((0.76, 0.62, 0.88), "a shortcut"),
        ((0.04, 0.02, 0.06), "in the opposite direction to the training films, a near-perfect"),
        ((0.40, 0.25, 0.55), "compatible with chance"),
        ((0.60, 0.45, 0.75), "compatible with chance"),
    ],
)
def test_a_row_is_graded_by_its_distance_from_one_half(ends, grade):
    told = measured_words(FEATURES[0], "test", Estimate(*ends), None)
    assert f" in test: {grade}" in told


def test_a_direction_is_told_of_what_is_no_chance():
    sure, chance = Estimate(0.76, 0.62, 0.88), Estimate(0.6, 0.45, 0.75)
    told = measured_words(FEATURES[0], "all", sure, None, "lower")
    assert told.endswith("AUC 0.76 [0.62–0.88]: a shortcut (lower in pneumonia).")
    assert "lower" not in measured_words(FEATURES[0], "all", chance, None, "lower")
    turned = measured_words(FEATURES[0], "test", sure, Estimate(0.3, 0.2, 0.4))
    assert turned.endswith(
        "0.30 [0.20–0.40]; it holds in the opposite direction to the training films."
    )
