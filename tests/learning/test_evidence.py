import numpy as np
import pandas as pd
import pytest

from pneumo_core.training.held_out import cohort_rows


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
