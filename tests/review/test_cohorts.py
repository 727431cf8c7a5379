import numpy as np
import pandas as pd
import pytest

from pneumo_core.review.cohorts import Cohorts, cohort_figures, cohorts_of, worst_cohort

HALVES = Cohorts("half", "Halves.", ("first", "second"), np.array([0, 0, 0, 0, 1, 1, 1, 1]))
TABLE = pd.DataFrame(
    {
        "label": ["normal", "pneumonia"] * 4,
        "p_pneumonia": [0.1, 0.9, 0.2, 0.8, 0.6, 0.7, 0.1, 0.4],
    }
)


def test_figures_of_each_cohort_by_hand():
    first, second = cohort_figures(TABLE, HALVES, 0.5)
    assert (first["name"], first["films"]) == ("first", 4)
    assert first["auc"]["value"] == first["sensitivity"]["value"] == 1
    assert second["auc"]["value"] == 0.75
    assert second["sensitivity"]["value"] == second["specificity"]["value"] == 0.5
    assert set(second) == {"name", "films", "auc", "sensitivity", "specificity"}
    assert second["specificity"]["low"] < 0.5 < second["specificity"]["high"]


def test_a_cohort_of_one_class_has_its_rate_alone():
    [row] = cohort_figures(TABLE[::2], Cohorts("", "", ("all",), np.zeros(4, int)), 0.5)
    assert row["specificity"]["value"] == 0.75
    assert row["auc"]["value"] is row["sensitivity"]["value"] is None


def test_a_cohort_without_films_has_no_row():
    nobody = Cohorts("", "", ("nobody", "all"), np.ones(8, int))
    assert [row["name"] for row in cohort_figures(TABLE, nobody, 0.5)] == ["all"]


def test_predictions_of_other_films_are_refused():
    with pytest.raises(ValueError, match="Expected 8 predictions, got 3"):
        cohort_figures(TABLE[:3], HALVES, 0.5)


def test_the_weakest_in_one_sentence():
    words = worst_cohort(cohort_figures(TABLE, HALVES, 0.75))
    assert words.startswith("The weakest of 2 cohorts is “second”: sensitivity 0.0 % [0.0–65.8]")
    assert "on 4 films. Only 4 films: too few to know." in words
    assert worst_cohort([]) == ""


def index_of(patients):
    return pd.DataFrame(
        [
            {
                "film": f"{label}/{k}-{n}.png",
                "label": label,
                "subtype": "normal" if label == "normal" else "viral",
                "series": label,
                "group": f"{label}-{n}",
                "sha256": f"{label}-{n}-{k}",
                "width": 200 + n,
                "height": 200,
            }
            for label in ("normal", "pneumonia")
            for n in range(patients)
            for k in range(2)
        ]
    )


def test_every_cut_that_a_data_set_allows():
    index = index_of(10)
    films = np.random.default_rng(0).integers(0, 255, (len(index), 16, 16), dtype=np.uint8)
    found, missing = cohorts_of(index, films)
    assert [one.title for one in found] == ["numbers", "framing", "aspect", "size"]
    assert missing == []
    for one in found:
        assert one.member.shape == (40,)
        assert set(one.member) == set(range(len(one.names)))
    assert found[2].names[0] == "narrowest quarter"


def test_what_cannot_be_cut_is_said():
    index = index_of(3).assign(width=224, height=224)
    found, missing = cohorts_of(index, np.zeros((len(index), 16, 16), np.uint8))
    assert found == []
    assert missing[0].startswith("No cohorts by number or framing: Expected both classes in each")
    assert missing[1:] == [
        "No cohorts by aspect: all films have the same one.",
        "No cohorts by size: all films have the same one.",
    ]
