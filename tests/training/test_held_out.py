"""Held-out films in the views of calibration and of the robustness suite."""

import numpy as np
import pandas as pd
import pytest

from pneumo_core.perturbations import PERTURBATIONS, perturb
from pneumo_core.training.calibrate import Calibration
from pneumo_core.training.held_out import (
    CLEAN,
    POINT_VIEWS,
    SUITE_VIEWS,
    VIEWS,
    cohort_rows,
    stress_sample,
    view_logits,
)
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import deliver
from pneumo_core.training.runs.deliver import Delivery
from pneumo_core.training.runs.run import create_run


def mean_logits(films):
    mean = films.mean(axis=(1, 2)).astype("float32")
    return np.stack([-mean, mean], axis=1)


def read(rows, views, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    told = []
    logits = view_logits(
        mean_logits,
        pixels,
        rows,
        views,
        classes=2,
        progress=lambda done, total: told.append((done, total)),
        **options,
    )
    return pixels, logits, told


def test_every_perturbation_is_a_view_and_the_clean_films_come_first():
    assert set(VIEWS) == {"as it is", *PERTURBATIONS}
    assert (*POINT_VIEWS, *SUITE_VIEWS) == VIEWS
    assert len(VIEWS) == len(set(VIEWS))


def test_all_films_are_read_in_every_view_that_is_named():
    rows = np.array([1, 4, 5])
    pixels, logits, told = read(rows, POINT_VIEWS)
    assert logits.shape == (len(POINT_VIEWS), 3, 2)
    np.testing.assert_allclose(logits[0], mean_logits(pixels[rows]))
    assert np.isfinite(logits).all()
    assert told[-1] == (len(POINT_VIEWS), len(POINT_VIEWS))
    assert read(rows[:0], POINT_VIEWS)[1].shape == (len(POINT_VIEWS), 0, 2)


def test_a_stop_leaves_the_views_that_were_read_whole():
    rows, answers = np.array([1, 4]), iter([False, False, True])
    pixels, logits, told = read(rows, POINT_VIEWS, stopped=lambda: next(answers))
    assert (len(logits), told) == (2, [(1, 8), (2, 8)])
    np.testing.assert_array_equal(logits[0], mean_logits(pixels[rows]))
    assert len(read(rows, POINT_VIEWS, stopped=lambda: True)[1]) == 0


def test_a_film_is_perturbed_alike_whichever_films_are_beside_it():
    pixels, both, _ = read(np.array([2, 5]), ("noise 6 %",))
    _, alone, _ = read(np.array([5]), ("noise 6 %",))
    np.testing.assert_array_equal(both[0, 1], alone[0, 0])
    np.testing.assert_array_equal(alone[0], mean_logits(perturb(pixels[5:], "noise 6 %", first=5)))
    assert VIEWS[0] == CLEAN


def test_a_stress_sample_is_half_normal():
    labels = np.array([0] * 30 + [1] * 60 + [2] * 10)
    chosen = stress_sample(labels, films=20, seed=1)
    assert (chosen[:30].sum(), chosen[30:].sum()) == (10, 10)
    assert stress_sample(labels, films=0, seed=1).all()
    assert stress_sample(labels[:34], films=20, seed=1).sum() == 14


def films_of(patients, width):
    """`patients` of each class with one film each; `width(n)` is that of the nth film."""
    index = pd.DataFrame(
        {
            "film": [f"{n}.png" for n in range(2 * patients)],
            "label": ["normal", "pneumonia"] * patients,
            "subtype": ["normal", "viral"] * patients,
            "series": ["IM", "person"] * patients,
            "group": [f"g-{n}" for n in range(2 * patients)],
            "sha256": [f"{n}" for n in range(2 * patients)],
            "width": [width(n) for n in range(2 * patients)],
            "height": 100,
        }
    )
    return index, np.zeros((2 * patients, 32, 32), np.uint8)


def test_films_of_several_sizes_are_told_apart_by_shape_and_size():
    index, pixels = films_of(4, lambda n: 100 + n)
    p = np.where(index["label"] == "pneumonia", 0.9, 0.1)
    p[1] = 0.2  # the one film of pneumonia among the two narrowest
    rows = cohort_rows(index, pixels, p, 0.5)
    parts = ["second quarter", "third quarter"]
    assert [(row["cohort"], row["part"]) for row in rows] == [
        *(("shape", part) for part in ("narrowest", *parts, "widest")),
        *(("size", part) for part in ("smallest", *parts, "largest")),
    ]
    assert [row["films"] for row in rows] == [2] * 8
    narrowest = rows[0]
    assert narrowest["sensitivity"]["value"] == 0
    assert narrowest["specificity"]["value"] == narrowest["auc"]["value"] == 1
    assert {row["sensitivity"]["value"] for row in rows[1:4]} == {1}


def test_copies_of_one_size_have_no_such_parts():
    index, pixels = films_of(4, lambda _: 100)
    assert cohort_rows(index, pixels, np.full(8, 0.5), 0.5) == []


def test_a_part_of_one_class_has_no_area():
    index, pixels = films_of(2, lambda n: 100 + n)
    rows = cohort_rows(index, pixels, np.array([0.1, 0.9, 0.2, 0.8]), 0.5)
    assert [row["auc"] for row in rows] == [None] * 8
    assert rows[0]["specificity"]["value"] == pytest.approx(1)


pytestmark = pytest.mark.keras


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (KeyboardInterrupt(), "it was stopped by hand"),
        (MemoryError("no room"), "MemoryError: no room"),
    ],
)
def test_what_ends_the_suite_does_not_cost_the_model(
    tiny_bundle, tmp_path, monkeypatch, fault, why
):
    def fail(*_):
        raise fault

    monkeypatch.setattr(deliver, "_suite", fail)
    recipe = make_recipe("quick", backbone="cnn", robustness=True)
    run, heard = create_run(tmp_path, recipe, data=tmp_path, bundle="tiny"), []
    run.update(note="One thing before.")
    found = deliver.add_robustness(
        Delivery(tiny_bundle, Calibration(1.0, 0.3, 0.5, 0.7), None),
        run=run,
        recipe=recipe,
        answers=None,
        folds=[],
        report=lambda *facts: heard.append(facts),
    )
    assert found == tiny_bundle
    told = (
        f"The robustness suite did not finish ({why}). Measure it with: python -m pneumo_core "
        "stress --into-card --model tiny"
    )
    assert run.status().note == f"One thing before. {told}"
    assert heard == [("robustness", 1, 1, told)]
