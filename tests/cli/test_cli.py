"""The command line as a person or a program meets it."""

import csv
import json
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from pneumo_core import cli
from pneumo_core.config import ROOT
from pneumo_core.films.synthetic import synthetic_film
from pneumo_core.learning.recipe import make_recipe
from pneumo_core.learning.runs import create_run


@pytest.fixture
def run(monkeypatch, capsys, tiny_models_dir, tmp_path):
    """Call the command line in this process; (exit code, standard output, standard error)."""
    monkeypatch.setenv("PNEUMO_MODELS", str(tiny_models_dir))
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["pneumo", *map(str, words)])
        code = 0
        try:
            cli.main()
        except SystemExit as stop:
            code = stop.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


def write_film(path, subtype="normal", seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), synthetic_film(subtype, seed, size=160))


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    write_film(folder / "a.png")
    write_film(folder / "b" / "c.jpg", "bacterial", 1)
    return folder


def test_predict_gives_one_json_object_a_line(run, films):
    code, out, _ = run("predict", films, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [row["file"] for row in rows] == [f"{films}/a.png", f"{films}/b/c.jpg"]
    for row in rows:
        assert list(row) == [
            *("file", "status", "decision", "p_pneumonia", "p_bacterial", "p_viral"),
            *("threshold_low", "threshold_high", "gate", "message", "ms"),
            *("p_low", "p_high", "model"),
        ]
        assert row["status"] == "ok"
        assert row["decision"] in {"NORMAL", "PNEUMONIA", "REFER"}
        assert row["p_bacterial"] + row["p_viral"] == pytest.approx(row["p_pneumonia"], abs=1e-5)
        assert (row["threshold_low"], row["threshold_high"]) == (0.2, 0.8)
        assert row["gate"] == {"ok": True, "reasons": []}


def test_a_broken_file_costs_only_itself(run, films):
    (films / "broken.png").write_bytes(b"no picture at all")
    code, out, err = run("predict", films, "--json")
    rows = {row["file"].rsplit("/", 1)[-1]: row for row in map(json.loads, out.splitlines())}
    assert code == 1
    assert rows["a.png"]["status"] == rows["c.jpg"]["status"] == "ok"
    assert rows["broken.png"]["status"] == "error"
    assert rows["broken.png"]["p_pneumonia"] is None
    assert "Expected" in rows["broken.png"]["message"]
    assert "Of 3 files 1 could not be read and 0 were rejected." in err


def test_what_the_gate_rejects_is_no_failure(run, tmp_path):
    colour = np.zeros((200, 200, 3), np.uint8)
    colour[:, :100, 2] = 200
    colour[:, 100:, 1] = 180
    cv2.imwrite(str(tmp_path / "photo.png"), colour)
    code, out, _ = run("predict", tmp_path / "photo.png", "--json")
    row = json.loads(out)
    assert code == 0
    assert (row["status"], row["decision"]) == ("rejected", None)
    assert not row["gate"]["ok"]
    assert "colour" in row["message"]


def test_predict_writes_a_table_and_pictures(run, films, tmp_path):
    table, pictures = tmp_path / "out.csv", tmp_path / "seen"
    code, out, _ = run("predict", films, "--csv", table, "--overlay", pictures)
    assert code == 0
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["gate"] for row in rows] == ["ok", "ok"]
    assert all("Not a medical device" in row["disclaimer"] for row in rows)
    first, second = sorted(pictures.iterdir())
    assert re.fullmatch(r"b-c\.[0-9a-f]{8}\.cam\.png", first.name)
    assert re.fullmatch(r"films-a\.[0-9a-f]{8}\.cam\.png", second.name)
    with Image.open(first) as picture:
        assert (picture.mode, picture.size) == ("RGB", (160, 160))
        assert "Not a medical device" in picture.text["Disclaimer"]
    assert out.splitlines()[0].startswith(f"{films}/a.png\t")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", "nowhere.png"), "nowhere.png"),
        (("evaluate", "."), "--split"),
        (("train",), "data"),
        (("fly",), "fly"),
    ],
)
def test_wrong_usage_ends_with_two(run, words, told):
    code, out, err = run(*words)
    assert code == 2
    assert told in err
    assert out == ""


def test_an_unknown_model_is_named_with_those_there_are(run, films):
    code, _, err = run("predict", films, "--model", "grand")
    assert code == 1
    assert err == (
        "Error: Expected a model named 'grand', found tiny. Name one of these, or train one.\n"
    )


def test_an_unknown_method_is_named_with_those_there_are(run, films):
    code, _, err = run("predict", films, "--method", "guess")
    assert code == 1
    assert "gradcam" in err


def test_an_empty_folder_is_told(run, tmp_path):
    (tmp_path / "none").mkdir()
    code, out, err = run("predict", tmp_path / "none")
    assert (code, out) == (1, "")
    assert "expected at least one film" in err


@pytest.fixture
def labelled(tmp_path):
    """A test split alone: 4 normal films, 4 of pneumonia."""
    folder = tmp_path / "data"
    for i in range(4):
        write_film(folder / "test" / "NORMAL" / f"IM-000{i}-0001.png", "normal", i)
        kind = ("bacteria", "virus")[i % 2]
        write_film(
            folder / "test" / "PNEUMONIA" / f"person{i}_{kind}_{i}.png",
            "bacterial" if kind == "bacteria" else "viral",
            10 + i,
        )
    return folder


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


def test_index_counts_and_names_what_cannot_be_read(run, labelled):
    (labelled / "test" / "NORMAL" / "IM-0009-0001.jpeg").write_bytes(b"")
    code, out, _ = run("index", labelled, "--json")
    found = json.loads(out)
    assert code == 1
    assert found["films"] == 9
    assert found["splits"]["test"]["subtypes"] == {"normal": 5, "bacterial": 2, "viral": 2}
    assert found["unreadable"][0]["film"].endswith("IM-0009-0001.jpeg")
    assert "empty" in found["unreadable"][0]["problem"]


def test_demo_data_can_be_indexed(run, tmp_path):
    code, out, _ = run("demo-data", tmp_path / "demo", "--films", 40, "--seed", 2)
    assert code == 0
    assert "40 synthetic films" in out
    code, out, _ = run("index", tmp_path / "demo")
    assert code == 0
    assert out.startswith("40 films of ")


def test_models_are_listed_verified_and_put_in_service(run):
    assert run("models") == run("models", "list")
    code, out, _ = run("models", "list")
    assert code == 0
    assert out.startswith("* tiny 1.0\t64 px")
    assert run("models", "verify")[:2] == (0, "tiny: whole and unaltered\n")
    assert run("models", "activate", "tiny")[:2] == (0, "tiny is in service.\n")
    assert run("models", "activate", "../tiny")[0] == 1


def test_an_unforeseen_fault_is_told_in_words(run, films, monkeypatch):
    def fall(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr("pneumo_core.bundle.load_bundle", fall)
    code, out, err = run("predict", films)
    assert (code, out) == (1, "")
    assert err == ("Error: an unforeseen fault (RuntimeError). Set PNEUMO_LOG=debug to see it.\n")


def test_the_module_starts_and_helps_without_heavy_imports():
    code = (
        "import sys; sys.argv=['pneumo','--help']\n"
        "from pneumo_core import cli\n"
        "try: cli.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'openvino', 'pandas', 'cv2'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "Research demonstration" in done.stdout


def test_an_existing_bundle_is_not_overwritten_unasked(run, labelled, tmp_path):
    code, _, err = run("train", labelled, "--backbone", "cnn", "--bundle", "tiny")
    assert code == 1
    assert "there is a model 'tiny' already" in err
    assert "--replace" in err


def test_training_starts_no_run_where_there_is_no_folder(run, tmp_path):
    code, _, err = run("train", tmp_path / "gone", "--runs", tmp_path / "runs")
    assert code == 2
    assert "there is no folder" in err
    assert not (tmp_path / "runs").exists()


def test_a_run_is_resumed_on_its_own_folder_only(run, labelled, films, tmp_path):
    begun = create_run(
        tmp_path / "runs", make_recipe("quick", backbone="cnn"), data=films, bundle="b"
    )
    code, _, err = run("train", labelled, "--resume", begun.id, "--runs", tmp_path / "runs")
    assert code == 1
    assert f"Expected the folder that run {begun.id} was started on" in err
