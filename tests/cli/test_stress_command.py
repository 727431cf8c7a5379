"""`stress` as a person or a program meets it."""

import csv
import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pneumo_core.bundle import load_bundle
from pneumo_core.bundle.integrity import write_sums
from pneumo_core.perturbations import PERTURBATIONS
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.run import create_run


@pytest.fixture
def data(tmp_path):
    """Two dark normal films and three bright ones with pneumonia."""
    for label, n, grey in (("NORMAL", 2, 60), ("PNEUMONIA", 3, 150)):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(n):
            film = np.full((64, 64), grey + i, np.uint8)
            Image.fromarray(film).save(tmp_path / "data" / label / f"film-{i}.png")
    return tmp_path / "data"


def test_a_table_with_every_perturbation_and_a_sentence_at_the_end(run, data):
    code, out, err = run("stress", data)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("tiny: 5 films, none of them in the model's validation.")
    assert "2 normal, 3 pneumonia. Rates in per cent at P(pneumonia) >= 0.500" in lines[1]
    [darker] = [line for line in lines if line.startswith("  darker ")]
    words = darker.split()
    assert words[3:9] == ["0.0", "[0–56]", "(−100.0)", "100.0", "[34–100]", "(0.0)"]
    for name in ("as it is", *(f"  {name}" for name in PERTURBATIONS)):
        assert sum(line.startswith(f"{name} ") for line in lines) == 1
    assert {"framing", "stretch", "turn", "anatomy"} <= set(lines)
    assert max(map(len, lines[5:-1])) <= 120
    assert lines[-1].startswith("Small sample: 2 normal films and 3 pneumonia films.")
    assert "stress: centre crop 90 %" in err


def test_json_is_one_document_and_the_csv_a_line_a_perturbation(run, data, tmp_path):
    table = tmp_path / "stress.csv"
    code, out, _ = run("stress", data, "--films", "2", "--json", "--csv", table)
    found = json.loads(out)
    assert code == 0
    assert (found["model"], found["normal"], found["pneumonia"]) == ("tiny", 2, 2)
    assert len(found["rows"]) == 1 + len(PERTURBATIONS)
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == [row["name"] for row in found["rows"]]
    assert float(rows[0]["sensitivity_value"]) == 1
    assert float(rows[0]["screening_specificity_low"]) > 0
    assert rows[0]["three_way_normal_NORMAL"] == "2"


def test_one_class_alone_leaves_dashes(run, data):
    for film in (data / "NORMAL").iterdir():
        film.unlink()
    code, out, _ = run("stress", data)
    assert code == 0
    [clean] = [line for line in out.splitlines() if line.startswith("as it is")]
    assert clean.split()[3] == "–"


def test_an_unreadable_film_is_named(run, data):
    (data / "NORMAL" / "cut.png").write_bytes(b"no picture")
    code, out, err = run("stress", data)
    assert code == 1
    assert "tiny: 5 films" in out
    assert "Not read: NORMAL/cut.png: " in err


def test_a_folder_that_is_none_is_refused_in_words(run, tmp_path):
    code, out, err = run("stress", tmp_path / "nowhere")
    assert (code, out) == (1, "")
    assert "Expected a folder of films" in err


@pytest.fixture
def models(tiny_models_dir, tmp_path, monkeypatch):
    """A copy of the models that may be written to, and an empty folder of runs."""
    copy = shutil.copytree(tiny_models_dir, tmp_path / "models")
    monkeypatch.setenv("PNEUMO_RUNS", str(tmp_path / "runs"))
    return copy


@pytest.fixture
def validated(data, models):
    """The films of `data` are the model's own validation."""
    table = pd.read_csv(models / "tiny" / "predictions.csv").head(5)
    films = sorted(path for path in data.rglob("*.png"))
    table["film"] = [path.relative_to(data).as_posix() for path in films]
    table["label"] = ["normal" if "NORMAL" in film else "pneumonia" for film in table["film"]]
    table.to_csv(models / "tiny" / "predictions.csv", index=False)
    write_sums(models / "tiny")


@pytest.mark.usefixtures("validated")
def test_the_table_goes_into_the_card_and_the_bundle_stays_whole(run, data, models, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(models))
    before = load_bundle("tiny", models_dir=models)
    runs = models.parent / "runs"
    made = create_run(runs, make_recipe("quick", backbone="cnn"), data=data, bundle="tiny")
    made.update(state="done")
    code, out, err = run("stress", "--into-card", "--json")  # the films of the run that made it
    assert code == 0, err
    after = load_bundle("tiny", models_dir=models)  # every sum fits
    found = json.loads(out)
    assert after.card.stress == {k: v for k, v in found.items() if k != "unread"}
    assert after.card.stress["films"] == 5
    assert {**before.card.document, "stress": None} == {**after.card.document, "stress": None}
    assert "Robustness" in (after.path / "README.md").read_text("utf-8")
    assert "Not measured. Run `python" not in (after.path / "README.md").read_text("utf-8")
    assert before.digest != after.digest
    assert sorted(path.name for path in models.iterdir()) == ["active", "tiny"]


def test_figures_that_may_flatter_do_not_go_into_the_card(run, data, models, monkeypatch):
    monkeypatch.setenv("PNEUMO_MODELS", str(models))
    before = load_bundle("tiny", models_dir=models)
    code, _, err = run("stress", data, "--into-card")
    assert code == 1
    assert "Expected films that tiny was not trained on, for its card; got 5 films" in err
    assert load_bundle("tiny", models_dir=models) == before


@pytest.mark.usefixtures("models")
def test_without_films_it_says_what_is_missing(run):
    code, _, err = run("stress")
    assert code == 2
    assert "expected a folder of labelled films, got none. Name" in " ".join(err.split())
    code, _, err = run("stress", "--into-card")
    assert code == 2
    words = " ".join(err.replace("│", " ").split())
    assert "no run that made tiny is in the runs folder" in words
