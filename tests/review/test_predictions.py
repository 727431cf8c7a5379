"""Tables of predictions: read as they were written, or refused."""

import pandas as pd
import pytest

from pneumo_core.errors import DataSetError
from pneumo_core.evaluation.evaluate import read_predictions, shipped_predictions, with_facts

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
        (["a,s,normal,normal,g,1,0,0,1.2"], HEAD, "within 0 and 1; got 1 rows that have not"),
        (["a,s,healthy,normal,g,1,0,0,0.2"], HEAD, "a label, normal or pneumonia"),
        (["a,s,normal,normal,g,1,0,0,"], HEAD, "1 rows that have not"),
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
