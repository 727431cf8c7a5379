"""`evaluate`: the fields of the design, on a split that may be there alone."""

import csv
import json

import pytest

from pneumo_core.bundle.registry import ledger_path
from pneumo_core.dataset.index import index_folder
from pneumo_core.evaluation.test_log import logged_evaluations
from pneumo_core.synthetic.demo_data import write_marker

SYNTHETIC = "synthetic: they do not measure performance."


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
        "here",
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
        "check",
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


def test_drawn_films_are_told_before_the_figures_and_leave_no_look(run, labelled, tiny_bundle):
    write_marker(labelled, index_folder(labelled)["sha256"])
    code, out, err = run("evaluate", labelled, "--split", "test")
    assert code == 0
    assert out.startswith(f"These films are {SYNTHETIC}\n8 films: ")
    assert "synthetic films. They show no patient" in out
    assert SYNTHETIC not in err
    _, out, err = run("evaluate", labelled, "--split", "test", "--json")
    assert json.loads(out)["standing"]["kind"] == "drawn"
    assert f"Note: These films are {SYNTHETIC}" in err
    assert not ledger_path(tiny_bundle.path).exists()


def test_a_test_split_that_is_drawn_in_part_is_counted_and_told(run, labelled, tiny_bundle):
    write_marker(labelled, index_folder(labelled)["sha256"][:3])
    code, out, _ = run("evaluate", labelled, "--split", "test")
    assert code == 0
    assert out.startswith(f"3 of 8 films are {SYNTHETIC}")
    assert "test: evaluated once" in out
    assert len(logged_evaluations(tiny_bundle)) == 1
