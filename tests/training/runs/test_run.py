import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pneumo_core import __version__
from pneumo_core.errors import TrainingError
from pneumo_core.jobs.job import process_created
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.history import read_curves, run_rows
from pneumo_core.training.runs.run import create_run, data_of_model, find_run, list_runs
from pneumo_core.training.runs.status import STATES, RunStatus, resolve_state, summary_of

OLD = Path(__file__).parent / "old_run"


@pytest.fixture
def run(tmp_path):
    recipe = make_recipe("quick", backbone="cnn", seed=5)
    return create_run(tmp_path, recipe, data=tmp_path / "films", bundle="mine")


def dead_process():
    gone = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    facts = {"pid": gone.pid, "created": process_created(gone.pid)}
    gone.communicate(b"\n")
    return facts


def test_a_run_is_found_again_with_its_recipe(run):
    found = find_run(run.folder.parent, run.id)
    assert found.recipe() == make_recipe("quick", backbone="cnn", seed=5)
    assert found.config()["bundle"] == "mine"
    assert found.config()["version"] == __version__
    assert found.status().state == "running"


def test_facts_are_laid_over_the_status(run):
    run.update(phase="training", epoch=2)
    run.update(epoch=3)
    status = run.status()
    assert (status.phase, status.epoch) == ("training", 3)
    assert status.pid == os.getpid()
    assert sorted(path.name for path in run.folder.iterdir()) == ["config.json", "status.json"]


def test_a_run_whose_process_is_gone_is_interrupted(run):
    run.update(**dead_process())
    assert run.status().state == "interrupted"


@pytest.mark.parametrize("requests", [(), ("cancel",)])
@pytest.mark.parametrize(("stopped", "state"), [(None, "done"), ({"fold": 0}, "stopped")])
def test_a_run_that_ends_after_its_model_is_written_is_done(run, requests, stopped, state):
    run.update(state="running", delivered="mine", stopped_after=stopped)
    assert run.status().state == "running"  # the robustness suite is at work
    for request in requests:
        run.request(request)
    run.update(**dead_process())
    assert run.status().state == state


def test_a_model_leads_to_the_films_of_its_run(run):
    assert data_of_model(run.folder.parent, "mine") is None  # it is not written yet
    run.update(state="done")
    assert data_of_model(run.folder.parent, "mine") == run.folder.parent / "films"
    assert data_of_model(run.folder.parent, "other") is None


def test_a_run_of_a_version_before_the_robustness_suite_was_a_choice_has_it(run):
    path = run.folder / "config.json"
    config = json.loads(path.read_text("utf-8"))
    assert config["recipe"].pop("robustness") is False
    path.write_text(json.dumps(config), "utf-8")
    assert run.recipe().robustness


def test_a_pid_that_was_given_to_another_process_is_not_the_runs(run):
    run.update(created=process_created(os.getpid()) - 100)
    assert run.status().state == "interrupted"


@pytest.mark.parametrize(
    ("spoke", "state"),
    [("2000-01-01T00:00:00+00:00", "interrupted"), ("2999-01-01T00:00:00+00:00", "running")],
)
def test_a_run_of_another_machine_is_judged_by_its_last_word(run, spoke, state):
    run.update(host=f"not-{platform.node()}", updated=spoke)
    assert run.status().state == state


@pytest.mark.parametrize(
    ("claimed", "alive", "requested", "stopped", "state"),
    [
        ("queued", True, (), False, "queued"),
        ("running", True, (), False, "running"),
        ("running", True, ("stop",), False, "stopping"),
        ("queued", True, ("stop",), False, "queued"),
        ("running", False, (), False, "interrupted"),
        ("running", False, ("stop",), False, "interrupted"),
        ("running", False, ("cancel",), False, "cancelled"),
        ("queued", False, ("cancel",), False, "cancelled"),
        ("interrupted", True, ("cancel",), False, "cancelled"),
        ("interrupted", True, (), False, "interrupted"),
        ("done", False, (), False, "done"),
        ("done", True, ("stop",), False, "done"),
        ("done", False, ("stop",), True, "stopped"),
        ("failed", False, ("stop",), True, "failed"),
        ("", False, (), False, "interrupted"),
    ],
)
def test_the_state_follows_from_the_claim_and_from_what_is_seen(
    claimed, alive, requested, stopped, state
):
    found = resolve_state(claimed, alive=alive, requested=frozenset(requested), stopped=stopped)
    assert found == state
    assert STATES[found].words


def test_a_damaged_status_is_named(run):
    (run.folder / "status.json").write_text("{")
    with pytest.raises(TrainingError, match=r"Expected a readable status\.json in the run"):
        run.status()


def test_a_recipe_of_another_version_is_named(run):
    path = run.folder / "config.json"
    config = json.loads(path.read_text())
    config["recipe"]["unheard_of"] = 1
    path.write_text(json.dumps(config))
    with pytest.raises(TrainingError, match="Expected a recipe of this version of Pneumo"):
        run.recipe()


@pytest.mark.parametrize("name", ["nothing", "../outside", ""])
def test_an_unknown_run_is_refused(run, name):
    with pytest.raises(TrainingError, match=rf"Expected the id of a run.*The latest are: {run.id}"):
        find_run(run.folder.parent, name)


def test_runs_are_listed_the_latest_first_and_what_is_half_made_or_deleted_is_none(run):
    folder = run.folder.parent
    for name in ("20990101-000000-cnn-0000", ".deleted-20990101-000000-cnn-0001"):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text("{}")
    (folder / "20990101-000000-cnn-0002").mkdir()
    assert [one.id for one in list_runs(folder)] == ["20990101-000000-cnn-0000", run.id]
    assert list_runs(folder / "nowhere") == []


@pytest.mark.parametrize(
    ("epoch", "message", "remedy"),
    [
        (0, "Cancelled by hand. No epoch was finished.", "Resume it to begin again"),
        (2, "Cancelled by hand. The finished epochs are kept.", "continue after its last finished"),
    ],
)
def test_a_cancelled_run_says_what_of_it_is_kept(epoch, message, remedy):
    summary = summary_of(RunStatus(state="cancelled", epoch=epoch))
    assert summary.message == message
    assert remedy in summary.remedy
    assert summary.resumable


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
