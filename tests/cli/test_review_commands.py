"""`evaluate`, `compare` and `report` from outside, on a network with known answers."""

import csv
import hashlib
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from pneumo_core import DISCLAIMER
from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.integrity import FILMS, write_sums
from pneumo_core.dataset.index import index_folder
from pneumo_core.evaluation.test_log import logged_evaluations


@pytest.fixture
def models(tmp_path, tiny_models_dir, monkeypatch):
    """A folder of models of this test's own: the tiny bundle, and a ledger to write."""
    folder = tmp_path / "models"
    shutil.copytree(tiny_models_dir, folder, ignore=shutil.ignore_patterns("*ledger*"))
    monkeypatch.setenv("PNEUMO_MODELS", str(folder))
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PNEUMO_RUNS", str(tmp_path / "runs"))
    return folder


@pytest.fixture
def run(call, models):
    """`call`, with these models."""
    return call


@pytest.fixture
def clinic(tmp_path):
    """Six test films: dark normals, bright pneumonias, one of each like the other."""
    folder = tmp_path / "clinic"
    greys = {"NORMAL": (20, 30, 200), "PNEUMONIA": (220, 230, 40)}
    rng = np.random.default_rng(0)
    for label, values in greys.items():
        (folder / "test" / label).mkdir(parents=True)
        for i, grey in enumerate(values):
            pixels = np.clip(grey + rng.normal(0, 6, (80, 90)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "test" / label / f"{label.lower()}-{i}.png")
    return folder


def test_each_evaluation_of_a_test_split_is_counted(run, clinic, models):
    code, out, err = run("evaluate", clinic, "--split", "test")
    assert code == 0
    assert "test: evaluated once." in out
    assert "does not list its training films" in err
    code, out, err = run("evaluate", clinic, "--split", "test")
    assert "This test split has been evaluated 2 times." in out
    assert "no longer a test" in err
    first, second = logged_evaluations(load_bundle("tiny"))
    assert (first.n, first.data) == (6, second.data)
    assert first.figures["accuracy"] == pytest.approx(4 / 6)


def test_a_split_of_another_name_is_no_look(run, clinic, models):
    (clinic / "test").rename(clinic / "val")
    _, out, _ = run("evaluate", clinic, "--split", "val", "--json")
    assert json.loads(out)["standing"]["kind"] == "other"
    assert not (models / "tiny.ledger.jsonl").exists()


def test_training_films_are_told_by_their_hash(run, clinic, models):
    sums = sorted(index_folder(clinic)["sha256"])[:4]
    listed = models / "tiny" / FILMS
    listed.write_text("".join(f"{one[:16]} t\n" for one in sums), "utf-8")
    write_sums(models / "tiny")
    all_sums = models / "tiny" / "SHA256SUMS"
    if FILMS not in all_sums.read_text("utf-8"):
        with all_sums.open("a", encoding="utf-8") as file:
            file.write(f"{hashlib.sha256(listed.read_bytes()).hexdigest()}  {FILMS}\n")
    code, out, err = run("evaluate", clinic, "--split", "test")
    assert code == 0
    assert "training films. 4 of 6 films were used for training although" in out
    assert "how well the model remembers" in err


def test_a_look_that_cannot_be_written_is_told(run, clinic, models, monkeypatch):
    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pneumo_core.evaluation.test_log._append", refuse)
    code, out, err = run("evaluate", clinic, "--split", "test")
    assert code == 0
    assert "accuracy" in out
    assert "could not be written to the test log of tiny" in err


@pytest.fixture
def second(models):
    """A second model: the tiny one, at another balanced point."""
    folder = models / "second"
    shutil.copytree(models / "tiny", folder)
    card = json.loads((folder / "card.json").read_text("utf-8"))
    card |= {"name": "second"}
    card["operating_points"]["balanced"]["threshold"] = 0.75
    (folder / "card.json").write_text(json.dumps(card), "utf-8")
    write_sums(folder)
    return folder


def test_compare_on_the_films_that_both_ship(run, second):
    code, out, err = run("compare", "tiny", "second", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["n"], found["n_normal"]) == (60, 20)
    assert [model["threshold"] for model in found["models"]] == [0.5, 0.75]
    (pair,) = found["pairs"]
    assert pair["auc"] == {"value": 0.0, "low": 0.0, "high": 0.0, "z": 0.0, "p": 1.0, "p_holm": 1.0}
    p = [film["p tiny"] for film in found["disagreements"]]
    assert p
    assert all(0.5 <= one < 0.75 for one in p)
    assert "Validation films" in err


def test_compare_reads_a_folder_with_each_model(run, second, clinic, models):
    code, out, err = run("compare", "tiny", "second", "--data", clinic)
    assert code == 0
    assert out.startswith("6 films: 3 normal, 3 pneumonia\ntiny: AUC ")
    assert "different calls: 0 of 6 films" in out
    assert "tiny: test: evaluated once." in err
    assert (models / "second.ledger.jsonl").exists()


def test_compare_takes_the_bundle_that_a_run_wrote(run, second, models, tmp_path):
    from pneumo_core.training.recipe import make_recipe
    from pneumo_core.training.runs.run import create_run

    made = create_run(tmp_path / "runs", make_recipe("quick"), data=tmp_path, bundle="second")
    code, out, _ = run("compare", "tiny", made.id, "--json")
    assert code == 0
    assert [model["name"] for model in json.loads(out)["models"]] == ["tiny", "second"]


def test_compare_names_what_is_missing(run, models):
    code, _, err = run("compare", "tiny", "grand")
    assert (code, err) == (
        1, "Error: Expected a model named 'grand', found tiny. Name one of these, or train one.\n",
    )  # fmt: skip
    code, _, err = run("compare", "tiny")
    assert code == 1
    assert "two or more different models" in err


def test_report_writes_what_is_asked_for(run, tmp_path, models):
    html, pdf, tables = (tmp_path / name for name in ("r.html", "r.pdf", "tables"))
    code, out, _ = run("report", "tiny", "--html", html, "--pdf", pdf, "--tables", tables)
    assert code == 0
    assert out == f"written: {tables}\nwritten: {html}\nwritten: {pdf}\n"
    page = html.read_text("utf-8")
    assert "Tiny, a network for tests: evaluation" in page
    assert DISCLAIMER in page
    assert str(tmp_path) not in page
    assert pdf.read_bytes().startswith(b"%PDF-")
    with (tables / "claim.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 44


def test_report_on_a_folder_counts_as_a_look(run, clinic, models):
    code, out, _ = run("report", "--data", clinic, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["badge"] == "test: evaluated once"
    assert found["subtitle"].startswith("tiny 1.0 on the split test of clinic")
    assert len(found["tables"]["looks"]) == 1


def test_report_asks_what_to_write(run, models):
    code, _, err = run("report", "tiny")
    assert code == 2
    assert "--html" in err
