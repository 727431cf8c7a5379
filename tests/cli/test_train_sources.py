"""`train` with several sources and with films that do not say which pneumonia it is."""

import json
from pathlib import Path

import pytest
import typer

from pneumo_core.cli.train import _for_each
from pneumo_core.synthetic.demo_data import write_demo_data
from pneumo_core.training import train as routine
from pneumo_core.training.runs.run import list_runs
from pneumo_core.training.sources import FilmSource, sources_of

TINY = ("--preset", "quick", "--backbone", "cnn", "--size", "64", "--epochs", "1")


@pytest.fixture
def run(call, tmp_path, monkeypatch, tiny_bundle):
    for name in ("models", "runs", "cache"):
        monkeypatch.setenv(f"PNEUMO_{name.upper()}", str(tmp_path / name))
    (tmp_path / "models").mkdir()
    monkeypatch.setattr("pneumo_core.cli.train.start_keras", lambda: None)
    monkeypatch.setattr(routine, "train", lambda _, **__: tiny_bundle)
    monkeypatch.setattr("pneumo_core.cli.train._figures_of", lambda _: "trained")
    return call


@pytest.fixture
def two(tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(folders):
        write_demo_data(folder, films=12, seed=seed)
    return folders


@pytest.mark.keras
def test_several_folders_are_the_sources_of_one_run(run, two, tmp_path):
    code, out, err = run("train", *two, *TINY, "--leave-source-out", "--set", "dropout=0.3")
    assert (code, out) == (0, "trained\n"), err
    [begun] = list_runs(tmp_path / "runs")
    assert sources_of(begun.config()) == [FilmSource(folder) for folder in two]
    recipe = begun.recipe()
    assert (recipe.leave_source_out, recipe.dropout, recipe.task) == (True, 0.3, "three-class")
    code, _, err = run("train", two[0], "--resume", begun.id)
    assert (code, f"was started on, {two[0]}, {two[1]}; got {two[0]}." in err) == (1, True)


@pytest.mark.keras
def test_every_setting_may_be_set_and_none_twice(run, two, tmp_path):
    few = ("train", two[0], "--preset", "quick", "--backbone", "cnn")
    code, _, err = run(*few, "--set", "size=96", "--set", "task=binary")
    assert code == 0, err
    [begun] = list_runs(tmp_path / "runs")
    assert (begun.recipe().size, begun.recipe().task) == (96, "binary")
    code, _, err = run(*few, "--size", "64", "--set", "size=96")
    assert (code, "size is given twice: by --size and by --set." in err) == (2, True)


@pytest.mark.keras
def test_without_subtypes_the_task_is_binary_and_that_is_said(run, two, tmp_path):
    for number, film in enumerate(sorted((two[0] / "train/PNEUMONIA").iterdir())):
        film.rename(film.with_name(f"film{number}.jpeg"))
    code, _, err = run("train", two[0], *TINY)
    assert code == 0, err
    assert "Task: binary (normal, pneumonia). Not every film is labelled bacterial or viral" in err
    config = json.loads((list_runs(tmp_path / "runs")[0].folder / "config.json").read_text())
    assert config["recipe"]["task"] == "binary"
    assert "sources" not in config


def test_tables_belong_to_the_folder_they_lie_in_or_to_their_place(two, tmp_path):
    inside, outside = two[1] / "labels.csv", tmp_path / "labels.csv"
    inside.touch()
    outside.touch()
    assert _for_each(two, None, "--labels") == [None, None]
    assert _for_each(two, [inside], "--labels") == [None, inside]
    assert _for_each(two, [outside, inside], "--labels") == [outside, inside]
    with pytest.raises(typer.BadParameter, match="or one inside its DATA"):
        _for_each(two, [outside], "--labels")
    with pytest.raises(typer.BadParameter, match=r"there is no gone\.csv"):
        _for_each(two, [Path("gone.csv")], "--labels")
