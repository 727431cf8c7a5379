"""`train` and what follows it from outside: two ways to start a network, on the same films."""

import json
import shlex

import pandas as pd
import pytest

from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training import train as routine
from pneumo_core.training.runs.run import list_runs

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("quick_training")]

TINY = ("--preset", "quick", "--backbone", "cnn", "--size", "64", "--batch", "16", "--epochs", "1")


@pytest.fixture
def run(call, tmp_path, monkeypatch):
    for name in ("models", "runs", "cache"):
        monkeypatch.setenv(f"PNEUMO_{name.upper()}", str(tmp_path / name))
    (tmp_path / "models").mkdir()
    return call


def test_two_runs_of_one_seed_hold_out_the_same_films_and_are_compared(run, tmp_path):
    demo = tmp_path / "demo"
    write_demo_data(demo, films=40, seed=1)
    for bundle, rate in (("scratch", "3e-4"), ("other", "1e-3")):
        code, out, err = run("train", demo, *TINY, "--bundle", bundle, "--learning-rate", rate)
        assert code == 0, err
        assert f"Model {bundle}: validation AUC" in out
        assert f"Do not rely on the model {bundle}:\n  - It was trained on synthetic" in err
    tables = [
        pd.read_csv(tmp_path / f"models/{name}/predictions.csv") for name in ("scratch", "other")
    ]
    assert list(tables[0]["film"]) == list(tables[1]["film"])

    one, other = (item.id for item in list_runs(tmp_path / "runs"))
    code, out, err = run("compare", one, other, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["n"] == len(tables[0])
    difference = found["pairs"][0]["auc_patients"]
    assert difference["low"] <= difference["value"] <= difference["high"]

    code, out, _ = run("runs", "show", one, "--json")
    assert json.loads(out)["status"]["state"] == "done"

    code, out, err = run("train", demo, "--resume", one)
    assert (code, out) == (1, "")
    assert f"run {one} is finished, its model is " in err
    assert sorted(p.name for p in (tmp_path / "models").glob("*/")) == ["other", "scratch"]


@pytest.mark.parametrize("left", [{"delivered": "gone"}, {"phase": "measuring robustness"}])
def test_a_finished_run_goes_on_where_something_is_left(
    run, tmp_path, monkeypatch, tiny_bundle, left
):
    demo, models = tmp_path / "demo", tmp_path / "models"
    write_demo_data(demo, films=12, seed=1)
    (models / "done").mkdir()
    (models / "done/card.json").write_text("{}")
    monkeypatch.setattr(routine, "train", lambda _, **__: tiny_bundle)
    monkeypatch.setattr("pneumo_core.cli.train._figures_of", lambda _: "trained")
    assert run("train", demo, *TINY)[:2] == (0, "trained\n")
    [begun] = list_runs(tmp_path / "runs")
    begun.update(delivered="done")
    code, _, err = run("train", demo, "--resume", begun.id)
    assert (code, f"{begun.id} is finished, its model is done." in err) == (1, True), err
    begun.update(**left)
    assert run("train", demo, "--resume", begun.id)[:2] == (0, "trained\n")


def test_the_printed_command_goes_on_with_the_run_when_it_is_pasted(
    run, tmp_path, monkeypatch, tiny_bundle
):
    demo, runs = tmp_path / "my films", tmp_path / "it's mine"
    write_demo_data(demo, films=12, seed=1)
    carried = []

    def carry(one, *, settings, report):
        carried.append((one.id, settings.runs_dir, one.config()["data"]))
        if len(carried) == 1:
            raise KeyboardInterrupt
        return tiny_bundle

    monkeypatch.setattr(routine, "train", carry)
    monkeypatch.setattr("pneumo_core.bundle.activate", lambda *_: None)
    monkeypatch.setattr("pneumo_core.cli.train._figures_of", lambda _: "done")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    code, _, err = run("train", demo, "--runs", runs, *TINY, "--activate")
    assert code == 130
    first, last = err.splitlines()[0], err.splitlines()[-1]
    command = first.split("If it is interrupted: ")[1]
    assert last.endswith(f"continue with: {command}")
    words = shlex.split(command)
    start = words.index("-m")
    given = dict(word.split("=", 1) for word in words[: start - 1])
    assert given == {
        "PNEUMO_MODELS": str(tmp_path / "models"),
        "PNEUMO_CACHE": str(tmp_path / "cache"),
        "KERAS_BACKEND": "tensorflow",
    }
    assert words[start + 1] == "pneumo_core"
    code, out, err = run(*words[start + 2 :])
    assert (code, out) == (0, "done\n"), err
    assert carried[0] == carried[1] == (carried[0][0], runs, str(demo))
    assert "--activate" in words
    assert "quick estimate for choosing the best one" in err


def test_a_bench_of_training_takes_no_model_and_a_folder_that_is_there(run, tmp_path):
    code, _, err = run("bench", "--training", "--model", "any")
    assert code == 2
    assert "--model is for reading" in err
    code, _, err = run("bench", tmp_path)
    assert code == 2
    assert "goes with --training" in err
    code, _, err = run("bench", tmp_path / "gone", "--training")
    assert code == 2
    assert "there is no folder" in err


def test_a_cluster_that_cannot_be_read_is_refused_before_anything_is_written(
    run, tmp_path, monkeypatch
):
    from pneumo_core.training.distributed import join_devices

    join_devices.cache_clear()
    monkeypatch.setenv("TF_CONFIG", "no JSON")
    (tmp_path / "films").mkdir()
    code, _, err = run("train", tmp_path / "films", *TINY)
    join_devices.cache_clear()
    assert code == 1
    assert "Expected TF_CONFIG to name all machines as workers" in err
    assert not (tmp_path / "runs").exists()
