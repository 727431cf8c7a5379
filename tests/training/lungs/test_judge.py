"""The judgement separates two clouds of features, and its limits follow the chest films."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.training.lungs import judge
from pneumo_core.training.lungs.fit import FinderRecipe
from pneumo_core.training.lungs.judge import (
    EDGES,
    dice,
    evaluate_maps,
    fit_to_features,
    mean_by_patient,
)


@pytest.fixture
def clouds():
    rng = np.random.default_rng(0)
    chest = np.abs(rng.normal(0.3, 0.05, (400, 17)))
    other = np.abs(rng.normal(0.8, 0.3, (400, 17)))
    return chest, other


def test_chest_films_pass_and_others_do_not(clouds):
    chest, other = clouds
    shift = np.array([0.0, 0.0, 0.0, 0.01])
    judge = fit_to_features({"training_films": chest}, other, box_shift=shift)
    assert judge.accepts(chest).mean() >= 0.99
    assert judge.accepts(other).mean() < 0.02
    assert judge.box_shift.tolist() == shift.tolist()
    assert judge.score(chest).mean() > 0 > judge.score(other).mean()


def test_what_nothing_was_fitted_on_is_far(clouds):
    chest, other = clouds
    judge = fit_to_features({"training_films": chest}, other, box_shift=np.zeros(4))
    strange = chest[:1].copy()
    strange[0, 5] = 3.0
    assert judge.distance(strange)[0] > judge.largest_distance > judge.distance(chest).mean()
    assert not judge.accepts(strange)[0]


def test_every_source_weighs_the_same(clouds):
    chest, other = clouds
    rng = np.random.default_rng(1)
    adults = np.abs(rng.normal(0.45, 0.05, (40, 17)))
    sources = {"training_films": chest, "adult_films": adults}
    judge = fit_to_features(sources, other, box_shift=np.zeros(4))
    expected = (chest.mean(0) + adults.mean(0)) / 2
    assert judge.centre[3] == pytest.approx(expected[3], abs=0.02)
    assert judge.accepts(adults).mean() > 0.95


def lungs_at(left, right, top=60, bottom=160):
    """Masks uint8 (224, 224, 2): columns of each lung, and the rows of both."""
    lungs = np.zeros((224, 224, 2), np.uint8)
    for side, (start, end) in enumerate((left, right)):
        lungs[top:bottom, start:end, side] = 255
    return lungs


def maps_of(lungs):
    """Perfect maps (56 cells of 4 pixels a side would be exact; here at full size, 448)."""
    return np.repeat(np.repeat(lungs, 2, 0), 2, 1).astype(np.float32) / 255


def films(n):
    return pd.DataFrame(
        {
            "film": [f"{k}.png" for k in range(n)],
            "subtype": ["normal", "bacterial"] * (n // 2),
            "group": [f"p{k // 2}" for k in range(n)],
        }
    )


@pytest.mark.parametrize("films", [0, 1, 2, 3])
def test_a_source_of_a_few_films_is_fitted_on_and_leaves_no_empty_share(films, monkeypatch):
    found = np.random.default_rng(1)
    monkeypatch.setattr(judge, "_features", lambda _network, images, **_: images)
    monkeypatch.setattr(judge, "_upright_features", lambda _network, images, **_: images)
    monkeypatch.setattr(judge, "_synthetic", lambda _recipe: found.random((40, 17)))
    monkeypatch.setattr(judge, "_others", lambda *_: found.random((40, 17)) + 1)
    for seed in range(6):
        judged = judge.fit_plausibility(
            None,
            found.random((60, 17)),
            found.random((films, 17)) if films else None,
            box_shift=np.zeros(4),
            recipe=FinderRecipe(seed=seed),
        )
        assert all(np.isfinite(one.value) for one in judged.rejected.values())
        assert ("adult_films" in judged.rejected) <= (films > 1)


def test_dice_by_hand():
    a, b = np.zeros((4, 4), bool), np.zeros((4, 4), bool)
    assert dice(a, b) == 1
    a[0], b[0, :2] = True, True
    assert dice(a, b) == pytest.approx(4 / 6)


def test_a_perfect_finder_has_dice_1_and_no_error():
    truth = lungs_at((32, 96), (128, 192))
    found = evaluate_maps(films(4), [maps_of(truth)] * 4, np.stack([truth] * 4))
    figures = found.figures()
    assert figures["dice"].value > 0.97
    assert figures["edges_within_4_percent"].value == 1
    assert set(figures) >= {"dice_right", "dice_left", "dice_normal", "dice_bacterial"}
    assert np.abs(found.box_shift).max() < 0.01


def test_a_constant_error_of_an_edge_is_taken_away():
    truth = lungs_at((32, 96), (128, 192))
    short = lungs_at((32, 96), (128, 192), bottom=144)
    found = evaluate_maps(films(4), [maps_of(short)] * 4, np.stack([truth] * 4))
    errors = found.table[list(EDGES)].mean()
    assert errors["bottom"] == pytest.approx(-16 / 224, abs=0.01)
    assert abs(errors["top"]) < 0.01
    assert found.box_shift[3] == pytest.approx(16 / 224, abs=0.01)
    assert found.figures()["films_within_4_percent"].value == 1


def test_a_film_without_lungs_counts_as_missed():
    truth = lungs_at((32, 96), (128, 192))
    maps = [maps_of(truth), np.zeros((128, 128, 2), np.float32)]
    found = evaluate_maps(films(2), maps, np.stack([truth] * 2))
    figures = found.figures()
    assert found.table["dice"].round(2).tolist()[1] == 0
    assert figures["films_within_4_percent"].value == 0.5
    assert figures["left_within_4_percent"].value == 0.5
    nothing = evaluate_maps(films(2), [maps[1]] * 2, np.stack([truth] * 2))
    assert nothing.box_shift.tolist() == [0, 0, 0, 0]


def test_the_interval_is_by_patient():
    values = np.array([0.9, 0.9, 0.5, 0.5, 0.7, 0.7])
    by_patient = mean_by_patient(values, [0, 0, 1, 1, 2, 2])
    by_film = mean_by_patient(values, np.arange(6))
    assert by_patient.value == by_film.value == pytest.approx(0.7)
    assert by_patient.high - by_patient.low > by_film.high - by_film.low
