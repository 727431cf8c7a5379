"""Figures a subgroup, by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from pneumo_core.evaluation.subgroups import COLUMNS, cut, subgroups, usual
from pneumo_core.metrics import auc_delong, wilson

TABLE = pd.DataFrame(
    {
        "label": ["normal"] * 4 + ["pneumonia"] * 5,
        "subtype": ["normal"] * 4 + ["bacterial"] * 3 + ["viral"] * 2,
        "p_pneumonia": [0.1, 0.2, 0.6, 0.3, 0.9, 0.8, 0.4, 0.7, 0.2],
        "width": [100, 200, 300, 400, 500, 600, 700, 800, 900],
        "height": [100] * 9,
    }
)


def row(found, by, group):
    rows = found[(found["by"] == by) & (found["group"] == group)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_all_films_come_first_then_each_subtype_by_hand():
    found = subgroups(TABLE, threshold=0.5, by=["subtype"])
    assert list(found.columns) == list(COLUMNS)
    assert found["group"].tolist() == ["all films", "bacterial", "normal", "viral"]
    everything = found.iloc[0]
    assert (everything["n"], everything["n_normal"], everything["n_pneumonia"]) == (9, 4, 5)
    assert everything["sensitivity"] == 3 / 5
    assert (everything["missed"], everything["false_alarms"]) == (2, 1)
    viral = row(found, "subtype", "viral")
    assert viral["sensitivity"] == 0.5
    assert (viral["sensitivity_low"], viral["sensitivity_high"]) == wilson(1, 2)
    assert math.isnan(viral["specificity"])
    assert math.isnan(viral["specificity_low"])


def test_a_group_of_one_class_is_ranked_against_all_films_of_the_other():
    viral = row(subgroups(TABLE, threshold=0.5, by=["subtype"]), "subtype", "viral")
    area = auc_delong([0, 0, 0, 0, 1, 1], [0.1, 0.2, 0.6, 0.3, 0.7, 0.2])
    assert (viral["auc"], viral["auc_low"], viral["auc_high"]) == pytest.approx(area)
    assert viral["auc_against"] == "all 4 normal films"


def test_few_films_are_warned_of():
    found = subgroups(TABLE, threshold=0.5, by=["subtype"])
    assert row(found, "subtype", "viral")["warning"] == (
        "Small sample: 2 pneumonia films. Rely on the intervals, not on the values."
    )
    many = pd.concat([TABLE] * 10)
    assert subgroups(many, threshold=0.5, by=[])["warning"].tolist() == [""]


def test_sizes_and_shapes_are_cut_into_thirds():
    parts = cut(TABLE, "size")
    assert [name for name, _ in parts] == [
        "up to 0.0367 megapixels",
        "0.0367 to 0.0633 megapixels",
        "over 0.0633 megapixels",
    ]
    assert [int(member.sum()) for _, member in parts] == [3, 3, 3]
    assert sum(member.astype(int) for _, member in parts).tolist() == [1] * 9
    assert cut(TABLE, "aspect")[0][0].endswith("times as wide as high")


def test_a_film_of_unknown_size_is_in_no_part():
    table = TABLE.assign(width=TABLE["width"].where(TABLE["width"] > 100))
    parts = cut(table, "aspect")
    assert sum(member.astype(int) for _, member in parts).tolist() == [0, *[1] * 8]


def test_many_kinds_are_taken_together():
    table = pd.DataFrame({"series": [f"s{i:02d}" for i in range(20) for _ in range(20 - i)]})
    parts = cut(table, "series")
    assert len(parts) == 12
    assert parts[-1][0] == "9 other kinds"
    assert sum(int(member.sum()) for _, member in parts) == len(table)


def test_a_column_of_many_numbers_is_cut_into_thirds_and_of_one_number_not_at_all():
    assert len(cut(pd.DataFrame({"age": np.arange(60.0)}), "age")) == 3
    assert cut(pd.DataFrame({"age": [3.0] * 5}), "age")[0][0] == "3.0"
    assert cut(pd.DataFrame({"width": [0, 0], "height": [0, 0]}), "aspect") == []


def test_only_what_tells_films_apart_is_cut_by_default():
    assert usual(TABLE) == ["subtype", "size", "aspect"]
    assert usual(TABLE.assign(series="IM", split="test")) == ["subtype", "size", "aspect"]
    assert set(subgroups(TABLE, threshold=0.5)["by"]) == {"all", "subtype", "size", "aspect"}


def test_one_class_alone_has_half_of_the_rates():
    found = subgroups(TABLE[TABLE["label"] == "normal"], threshold=0.5, by=[]).iloc[0]
    assert math.isnan(found["auc"])
    assert math.isnan(found["sensitivity"])
    assert found["specificity"] == 0.75


def test_an_unknown_column_is_refused():
    with pytest.raises(ValueError, match="Expected a column of the table, got 'age'"):
        subgroups(TABLE, threshold=0.5, by=["age"])
