import math

import pandas as pd
import pytest

from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import (
    figures,
    read_predictions,
    shipped_predictions,
    with_facts,
)
from pneumo_core.metrics import Confusion


def table(rows):
    """Rows (subtype, p_normal, p_bacterial, p_viral)."""
    made = pd.DataFrame(rows, columns=["subtype", "p_normal", "p_bacterial", "p_viral"])
    made["label"] = made["subtype"].where(made["subtype"] == "normal", "pneumonia")
    made["p_pneumonia"] = 1 - made["p_normal"]
    return made


MIXED = [
    ("normal", 0.9, 0.05, 0.05),
    ("normal", 0.4, 0.3, 0.3),
    ("bacterial", 0.2, 0.6, 0.2),
    ("bacterial", 0.7, 0.2, 0.1),
    ("viral", 0.1, 0.3, 0.6),
]


def test_figures_of_five_films_by_hand():
    found = figures(table(MIXED), threshold=0.5)
    assert (found.n, found.n_normal, found.n_pneumonia) == (5, 2, 3)
    assert found.confusion == Confusion(tp=2, fp=1, tn=1, fn=1)
    assert found.accuracy.value == pytest.approx(3 / 5)
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert found.specificity.value == pytest.approx(1 / 2)
    # Pairs in which the ill film scores higher: 0.8 and 0.9 beat both, 0.3 beats one of two.
    assert found.auc.value == pytest.approx(5 / 6)
    assert found.brier == pytest.approx((0.01 + 0.36 + 0.04 + 0.49 + 0.01) / 5)
    assert found.subtype_auc == 1.0
    for rate in (found.auc, found.accuracy, found.sensitivity, found.specificity):
        assert rate.low < rate.value < rate.high


def test_the_threshold_itself_counts_as_pneumonia():
    assert figures(table(MIXED), threshold=0.6).confusion.fp == 1
    assert figures(table(MIXED), threshold=0.6001).confusion.fp == 0


def test_one_class_alone_has_no_auc_and_half_of_the_rates():
    found = figures(table(MIXED[:2]), threshold=0.5)
    assert math.isnan(found.auc.value)
    assert math.isnan(found.sensitivity.value)
    assert found.sensitivity[1:] == (0.0, 1.0)
    assert found.specificity.value == pytest.approx(0.5)
    assert found.subtype_auc is None


def test_a_binary_model_has_no_subtype_figure():
    binary = table(MIXED)
    binary[["p_bacterial", "p_viral"]] = float("nan")
    assert figures(binary, threshold=0.5).subtype_auc is None


HEAD = "film,split,label,subtype,group,p_normal,p_bacterial,p_viral,p_pneumonia\n"


def written(folder, rows, head=HEAD):
    path = folder / "p.csv"
    path.write_text(head + "".join(f"{row}\n" for row in rows), "utf-8")
    return path


def test_a_table_is_read_with_the_series_of_each_film(tmp_path):
    path = written(
        tmp_path,
        [
            "NORMAL/IM-0115-0001.jpeg,validation,normal,normal,IM-0115,0.9,0.06,0.04,0.1",
            "PNEUMONIA/person7_virus_2.jpeg,validation,pneumonia,viral,NA,0.2,,,0.8",
        ],
    )
    table = read_predictions(path)
    assert table["series"].tolist() == ["IM", "person"]
    assert table["p_pneumonia"].tolist() == [0.1, 0.8]
    # A patient called NA is a patient; an empty probability is none.
    assert table["group"].tolist() == ["IM-0115", "NA"]
    assert table["p_viral"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("rows", "head", "message"),
    [
        ([], HEAD, "got no film"),
        (["a,s,normal,normal,g,1,0,0,1.2"], HEAD, "within 0 and 1; got 1 rows without"),
        (["a,s,healthy,normal,g,1,0,0,0.2"], HEAD, "a label, normal or pneumonia"),
        (["a,s,normal,normal,g,1,0,0,"], HEAD, "1 rows without"),
        (["a,0.5"], "film,p_pneumonia\n", "split, label, subtype, .* missing"),
    ],
)
def test_what_is_no_table_of_predictions_is_refused(tmp_path, rows, head, message):
    with pytest.raises(DataSetError, match=message):
        read_predictions(written(tmp_path, rows, head))


def test_a_missing_file_is_told_without_its_folder(tmp_path):
    with pytest.raises(DataSetError, match=r"table of predictions in none\.csv") as error:
        read_predictions(tmp_path / "none.csv")
    assert str(tmp_path) not in str(error.value)


def test_a_bundles_own_predictions(paper_bundle, tmp_path, tiny_card, tiny_predictions):
    table = shipped_predictions(paper_bundle(tmp_path, tiny_card, tiny_predictions))
    assert len(table) == 60
    assert table["film"].tolist() == tiny_predictions["film"].tolist()
    assert table["p_pneumonia"].to_numpy() == pytest.approx(
        tiny_predictions["p_pneumonia"].to_numpy(), abs=1e-6
    )


def test_facts_are_joined_by_film():
    table = pd.DataFrame({"film": ["b", "a", "c"], "p_pneumonia": [0.1, 0.2, 0.3]})
    index = pd.DataFrame(
        {"film": ["a", "b"], "width": [10, 20], "sha256": ["aa", "bb"], "series": ["", "IM"]}
    )
    joined = with_facts(table, index)
    assert joined["width"].tolist()[:2] == [20, 10]
    assert joined["width"].isna().tolist() == [False, False, True]
    assert joined["sha256"].tolist() == ["bb", "aa", ""]
    assert joined["p_pneumonia"].tolist() == [0.1, 0.2, 0.3]
