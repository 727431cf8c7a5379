"""`evaluate`: the fields of the design, on a split that may be there alone."""

import csv
import json

import pytest


def test_evaluate_prints_the_designs_fields_for_a_test_split_alone(run, labelled, tmp_path):
    predictions = tmp_path / "predictions.csv"
    code, out, _ = run(
        "evaluate", labelled, "--split", "test", "--json", "--predictions", predictions
    )
    found = json.loads(out)
    assert code == 0
    assert list(found) == [
        *("n", "n_normal", "n_pneumonia", "auc", "auc_low", "auc_high"),
        *("accuracy", "accuracy_low", "accuracy_high"),
        *("sensitivity", "sensitivity_low", "sensitivity_high"),
        *("specificity", "specificity_low", "specificity_high"),
        *("threshold", "brier", "ece", "confusion", "subtype_auc", "standing"),
    ]
    assert found["standing"]["kind"] == "test"
    assert (found["n"], found["n_normal"], found["n_pneumonia"]) == (8, 4, 4)
    assert found["threshold"] == 0.5
    assert sum(found["confusion"].values()) == 8
    with predictions.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("film", "split", "label", "subtype", "group"),
        *("p_normal", "p_bacterial", "p_viral", "p_pneumonia"),
    ]


def test_evaluate_and_predict_agree_on_a_film(run, labelled, tmp_path):
    predictions = tmp_path / "p.csv"
    run("evaluate", labelled, "--split", "test", "--predictions", predictions)
    _, out, _ = run("predict", labelled, "--json")
    read = {json.loads(line)["file"]: json.loads(line)["p_pneumonia"] for line in out.splitlines()}
    with predictions.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            p = read[f"{labelled}/{row['film']}"]
            assert float(row["p_pneumonia"]) == pytest.approx(p, abs=1e-5)


def test_an_absent_split_is_told(run, labelled):
    code, _, err = run("evaluate", labelled, "--split", "val")
    assert code == 1
    assert "Expected a split 'val' in the data; it holds test." in err
