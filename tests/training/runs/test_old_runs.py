"""A run that version 0.1 wrote is read: listed, labelled, drawn, and its recipe goes on."""

import shutil
from pathlib import Path

import pytest

from pneumo_core.training.runs.history import read_curves, run_rows
from pneumo_core.training.runs.run import find_run, list_runs

OLD = Path(__file__).parent / "old_run"


@pytest.fixture
def runs_dir(tmp_path):
    shutil.copytree(OLD, tmp_path / "20261120-101500-cnn-5dce")
    return tmp_path


def test_an_old_run_is_listed_with_its_state_and_figures(runs_dir):
    (run,) = list_runs(runs_dir)
    assert run.id == "20261120-101500-cnn-5dce"
    status = run.status()
    assert status.state == "done"
    assert status.figures["auc"]["value"] == pytest.approx(0.1833, abs=1e-4)


def test_an_old_recipe_is_complete(runs_dir):
    recipe = find_run(runs_dir, "20261120-101500-cnn-5dce").recipe()
    assert (recipe.backbone, recipe.size, recipe.epochs, recipe.seed) == ("cnn", 64, 2, 7)


def test_an_old_history_is_drawn(runs_dir):
    (curves,) = read_curves(find_run(runs_dir, "20261120-101500-cnn-5dce"))
    assert curves.fold == 0
    (row,) = run_rows(runs_dir)
    assert row["model"] == "old-cnn"
