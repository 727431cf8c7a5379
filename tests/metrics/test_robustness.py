import json
import math

import numpy as np
import pytest

from pneumo_core.metrics import auc_delong, wilson
from pneumo_core.metrics.robustness import (
    CLEAN,
    effect,
    lungless_words,
    robustness_rows,
    worst_words,
)

POINTS = {"screening": 0.3, "balanced": 0.5, "ruling_in": 0.7}
LABELS = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1])
CLEAN_P = np.array([0.1, 0.2, 0.4, 0.6, 0.4, 0.6, 0.7, 0.8, 0.9])
# One normal film more is called, one ill film fewer found, one more.
CHANGED_P = np.array([0.1, 0.5, 0.4, 0.6, 0.5, 0.4, 0.6, 0.8, 0.4])


def test_rates_of_the_perturbed_images_by_hand():
    found = effect(LABELS, CLEAN_P, CHANGED_P, threshold=0.5)
    assert found.films == 9
    assert found.sensitivity == (3 / 5, *wilson(3, 5))
    assert found.specificity == (2 / 4, *wilson(2, 4))
    expected = auc_delong(LABELS, CHANGED_P)
    assert found.auc == pytest.approx(expected)
    assert found.cost_auc == pytest.approx(100 * (auc_delong(LABELS, CLEAN_P)[0] - expected[0]))


def test_costs_in_points_and_changes_by_hand():
    found = effect(LABELS, CLEAN_P, CHANGED_P, threshold=0.5)
    assert found.cost_sensitivity.value == pytest.approx(20)  # 4 of 5, then 3 of 5
    assert found.cost_specificity.value == pytest.approx(25)  # 3 of 4, then 2 of 4
    change = [0, 0.3, 0, 0, 0.1, 0.2, 0.1, 0, 0.5]
    assert found.change_mean == pytest.approx(np.mean(change))
    assert found.change_median == pytest.approx(0.1)
    assert found.change_p95 == pytest.approx(np.quantile(change, 0.95))


def test_the_interval_of_a_cost_is_that_of_bonett_and_price():
    # Two of 5 found before are lost, one is won: shares (2+1)/7 and (1+1)/7.
    found = effect(LABELS, CLEAN_P, CHANGED_P, threshold=0.5)
    half = 1.959964 * math.sqrt((3 / 7 + 2 / 7 - (1 / 7) ** 2) / 7)
    assert found.cost_sensitivity.low == pytest.approx(100 * (1 / 7 - half), abs=1e-4)
    assert found.cost_sensitivity.high == pytest.approx(100 * (1 / 7 + half), abs=1e-4)


def test_an_interval_holds_its_cost_even_where_every_film_changes():
    labels = np.array([0] * 20 + [1] * 20)
    found = effect(labels, labels * 1.0, 1.0 - labels, threshold=0.5)
    assert found.cost_specificity.value == found.cost_specificity.high == 100
    assert 60 < found.cost_specificity.low < 100
    assert found.auc.value == 0
    assert found.cost_auc == 100


def test_without_change_nothing_is_lost():
    found = effect(LABELS, CLEAN_P, CLEAN_P, threshold=0.5)
    assert found.cost_sensitivity.value == found.cost_specificity.value == found.cost_auc == 0
    assert found.cost_sensitivity.low == pytest.approx(-found.cost_sensitivity.high)
    assert found.change_p95 == 0


def test_the_threshold_itself_is_called():
    assert effect([1, 1], [0.5, 0.4], [0.5, 0.4], threshold=0.5).sensitivity.value == 0.5


def test_one_class_alone_has_its_rate_and_no_auc():
    found = effect([0, 0], [0.1, 0.2], [0.1, 0.9], threshold=0.5)
    unknown = (found.auc, found.sensitivity, found.cost_sensitivity, [found.cost_auc])
    assert np.isnan(np.concatenate(unknown)).all()
    assert found.specificity.value == 0.5
    assert found.cost_specificity.value == 50


@pytest.mark.parametrize(
    ("clean", "changed", "words"),
    [
        ([0.1, 0.2], [0.1], "of one shape"),
        ([0.1, math.nan], [0.1, 0.2], "finite numbers"),
        ([0.1, 0.2], [0.1, 1.2], "probabilities within 0 and 1"),
    ],
)
def test_what_is_no_probability_is_refused(clean, changed, words):
    with pytest.raises(ValueError, match=words):
        effect([0, 1], clean, changed, threshold=0.5)


@pytest.fixture
def rows():
    about = {
        "blur": {"family": "sharpness", "words": "Blurred.", "keeps_lungs": True},
        "lungs black": {"family": "anatomy", "words": "Painted.", "keeps_lungs": False},
    }
    changed = {"blur": CHANGED_P, "lungs black": np.full(9, 0.4)}
    return robustness_rows(LABELS, CLEAN_P, changed, POINTS, about=about)


def test_a_table_starts_with_the_films_as_they_are(rows):
    assert [row.name for row in rows] == [CLEAN, "blur", "lungs black"]
    assert [row.family for row in rows] == ["none", "sharpness", "anatomy"]
    assert [row.keeps_lungs for row in rows] == [True, True, False]
    assert rows[0].cost_sensitivity.value == 0
    assert rows[1].words == "Blurred."
    assert rows[1].cost_specificity.value == 25


def test_a_table_holds_the_other_points_and_the_three_way_calls(rows):
    clean = rows[0]
    assert clean.screening.sensitivity.value == 1
    assert clean.screening.specificity.value == 0.5
    assert clean.ruling_in.sensitivity.value == 0.6
    assert clean.ruling_in.specificity.value == 1
    assert clean.referred.value == pytest.approx(4 / 9)
    assert clean.three_way == {
        "normal": {"NORMAL": 2, "REFER": 2, "PNEUMONIA": 0},
        "pneumonia": {"NORMAL": 0, "REFER": 2, "PNEUMONIA": 3},
    }
    assert rows[2].referred.value == 1


def test_points_that_coincide_leave_none_to_refer():
    same = {"screening": 0.5, "balanced": 0.5, "ruling_in": 0.5}
    [row] = robustness_rows(LABELS, CLEAN_P, {}, same)
    assert row.referred.value == 0
    assert row.three_way["pneumonia"] == {"NORMAL": 1, "REFER": 0, "PNEUMONIA": 4}


def test_a_table_is_ready_for_json(rows):
    found = [row.to_dict() for row in rows]
    assert json.loads(json.dumps(found, allow_nan=False)) == found


@pytest.fixture
def many():
    """Eight times the films of `rows`: enough to conclude from."""
    changed = {"blur": np.tile(CHANGED_P, 8), "lungs black": np.full(72, 0.4)}
    about = {
        "blur": {"family": "sharpness", "words": "Blurred.", "keeps_lungs": True},
        "lungs black": {"family": "anatomy", "words": "Painted.", "keeps_lungs": False},
    }
    return robustness_rows(np.tile(LABELS, 8), np.tile(CLEAN_P, 8), changed, POINTS, about=about)


def test_the_worst_in_one_sentence(many):
    told = worst_words(many)
    assert told.startswith(
        "Of the 1 perturbation that keeps the lungs visible, “blur” costs most: specificity falls "
        "by 25.0 points ["
    )
    assert told.endswith("from 75.0 % to 50.0 %.")


def test_of_too_few_films_nothing_is_concluded(rows):
    assert worst_words(rows) == (
        "Small sample: 4 normal films and 5 pneumonia films. Rely on the intervals, not on the "
        "values."
    )
    assert lungless_words(rows) == ""


def test_masked_lungs_are_reported_apart_from_the_worst(many):
    assert "lungs black" not in worst_words(many)
    assert lungless_words(many).startswith("Without lungs the AUC is 0.50 (lungs black): 0.5")
    assert lungless_words(many[:2]) == ""


def test_words_where_nothing_was_lost_or_measured():
    labels, clean = np.tile(LABELS, 8), np.tile(CLEAN_P, 8)
    better = {name: np.where(labels, 0.9, 0.1) for name in ("soft", "softer")}
    assert worst_words(robustness_rows(labels, clean, better, POINTS)) == (
        "None of the 2 perturbations that keep the lungs visible lowers sensitivity or specificity."
    )
    assert (
        worst_words(robustness_rows(LABELS, CLEAN_P, {}, POINTS)) == "No perturbation was measured."
    )


def test_half_a_point_lost_is_a_loss():
    labels = np.arange(400) % 2 == 1
    before = np.where(labels, 0.9, 0.1)
    after = before.copy()
    after[1] = 0.1  # one film of 200 with pneumonia
    told = worst_words(robustness_rows(labels, before, {"blur": after}, POINTS))
    assert "“blur” costs most: sensitivity falls by 0.5 points" in told
