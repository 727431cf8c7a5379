import json
import subprocess
import sys

import pytest

from pneumo_core.errors import TrainingError
from pneumo_core.learning.recipe import make_recipe
from pneumo_core.learning.runs import create_run, find_run


@pytest.fixture
def run(tmp_path):
    recipe = make_recipe("quick", backbone="cnn", seed=5)
    return create_run(tmp_path, recipe, data=tmp_path / "films", bundle="mine")


def test_a_run_is_found_again_with_its_recipe(run):
    found = find_run(run.folder.parent, run.id)
    assert found.recipe() == make_recipe("quick", backbone="cnn", seed=5)
    assert found.config()["bundle"] == "mine"
    assert found.status()["state"] == "running"


def test_facts_are_laid_over_the_status(run):
    run.update(phase="training", epoch=2)
    run.update(epoch=3)
    status = run.status()
    assert (status["phase"], status["epoch"]) == ("training", 3)


def test_a_run_whose_process_is_gone_is_interrupted(run):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    path = run.folder / "status.json"
    path.write_text(json.dumps({"state": "running", "pid": gone.pid}))
    assert run.status()["state"] == "interrupted"


def test_a_damaged_status_is_named(run):
    (run.folder / "status.json").write_text("{")
    with pytest.raises(TrainingError, match=r"Expected a readable status\.json in the run"):
        run.status()


@pytest.mark.parametrize("name", ["nothing", "../outside", ""])
def test_an_unknown_run_is_refused(run, name):
    with pytest.raises(TrainingError, match=rf"Expected the id of a run.*The latest are: {run.id}"):
        find_run(run.folder.parent, name)
