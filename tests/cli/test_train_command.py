"""`train` and what follows it from outside: two ways to start a network, on the same films."""

import json
import sys
from functools import partial

import pandas as pd
import pytest

from pneumo_core.cli import main
from pneumo_core.films.synthetic import write_demo_data
from pneumo_core.learning import train as routine
from pneumo_core.learning.runs import list_runs

pytestmark = pytest.mark.keras

TINY = ("--preset", "quick", "--backbone", "cnn", "--size", "64", "--batch", "16", "--epochs", "1")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    for name in ("models", "runs", "cache"):
        monkeypatch.setenv(f"PNEUMO_{name.upper()}", str(tmp_path / name))
    (tmp_path / "models").mkdir()
    # A few films are disturbed instead of all: what that costs is no matter here.
    few = partial(routine.stress_sample, films=8)
    monkeypatch.setattr(routine, "stress_sample", lambda labels, **_: few(labels, seed=0))

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["pneumo", *map(str, words)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_two_runs_of_one_seed_hold_out_the_same_films_and_are_compared(run, tmp_path):
    demo = tmp_path / "demo"
    write_demo_data(demo, films=90, seed=1)
    for bundle, rate in (("scratch", "3e-4"), ("other", "1e-3")):
        code, out, err = run("train", demo, *TINY, "--bundle", bundle, "--learning-rate", rate)
        assert code == 0, err
        assert f"Model {bundle}: validation AUC" in out
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
    from pneumo_core.learning.distribution import join_devices

    join_devices.cache_clear()
    monkeypatch.setenv("TF_CONFIG", "no JSON")
    (tmp_path / "films").mkdir()
    code, _, err = run("train", tmp_path / "films", *TINY)
    join_devices.cache_clear()
    assert code == 1
    assert "Expected TF_CONFIG to name all machines as workers" in err
    assert not (tmp_path / "runs").exists()
