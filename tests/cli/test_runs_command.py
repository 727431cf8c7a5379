"""`runs`, `machine` and `lesson` on the command line."""

import json
import shlex
import sys
from dataclasses import asdict

import pytest

from pneumo_core.cli import runs as command
from pneumo_core.errors import DataSetError
from pneumo_core.training.hardware import Machine
from pneumo_core.training.lessons.outcome import Dot, Outcome
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import queue
from pneumo_core.training.runs.run import create_run

RATE = {"value": 0.95, "low": 0.9, "high": 0.99}


@pytest.fixture(autouse=True)
def folders(monkeypatch, tmp_path):
    """Models, runs and cache of this test alone."""
    for name in ("MODELS", "RUNS", "CACHE"):
        monkeypatch.setenv(f"PNEUMO_{name}", str(tmp_path / name.lower()))


@pytest.fixture
def make(tmp_path):
    def make(state="running", seed=7, **facts):
        recipe = make_recipe("quick", backbone="cnn", seed=seed)
        run = create_run(tmp_path / "runs", recipe, data=tmp_path / "films", bundle="mine")
        run.update(state=state, **facts)
        return run

    return make


def test_without_a_run_the_way_to_one_is_told(call):
    code, out, err = call("runs")
    assert (code, out) == (0, "")
    assert "There is no run yet. Start one with: python -m pneumo_core train DATA" in err


def test_runs_may_lie_in_another_folder(call, make, monkeypatch, tmp_path):
    run = make("done")
    monkeypatch.setenv("PNEUMO_RUNS", str(tmp_path / "elsewhere"))
    assert run.id not in call("runs", "list")[1]
    assert run.id in call("runs", "--runs", tmp_path / "runs", "list")[1]


def test_a_line_a_run_and_the_same_as_json(call, make):
    run = make("done", figures={"auc": RATE})
    assert call("runs", "list")[1] == (
        f"{run.id}\tdone\tfilms\tvalidation AUC 0.950 [0.900–0.990]\n"
    )
    run.update(figures=None, last={"val_auc": 0.79})
    assert call("runs", "list")[1].endswith(
        "validation AUC 0.79 after the last epoch, an estimate\n"
    )
    run.update(figures={"auc": RATE})
    (row,) = json.loads(call("runs", "list", "--json")[1])
    assert (row["run"], row["state"], row["auc"]) == (run.id, "done", RATE)


def test_a_run_is_shown_with_what_it_was_asked_for(call, make):
    run = make("failed", failure="disk", message="The disk is full.")
    out = call("runs", "show", run.id)[1]
    assert out.startswith(f"{run.id}: failed. The disk is full.\n")
    assert "  backbone: cnn\n" in out
    assert "auc" not in out
    told = json.loads(call("runs", "show", run.id, "--json")[1])
    assert told["status"]["failure"] == "disk"
    assert told["config"]["recipe"]["seed"] == 7


def test_an_unknown_run_is_named(call, make):
    code, _, err = call("runs", "show", "nothing")
    assert code == 1
    assert "Expected the id of a run, got 'nothing'." in err


def test_stop_and_cancel_leave_their_wish(call, make):
    run = make(step=3)
    assert call("runs", "stop", run.id)[1] == f"{run.id} is stopping.\n"
    assert run.requested("stop")
    call("runs", "cancel", run.id)
    assert run.requested("cancel")


def test_resume_starts_a_process(call, make, monkeypatch, tmp_path):
    run, begun = make("interrupted"), []
    monkeypatch.setattr(queue, "_start_process", lambda one, _: begun.append(one))
    code, out, _ = call("runs", "resume", run.id)
    assert code == 0
    assert begun == [run]
    see = shlex.split(out.split("See: ")[1])
    assert see[0] == f"PNEUMO_RUNS={tmp_path / 'runs'}"
    assert see[2:] == ["-m", "pneumo_core", "runs", "show", run.id]
    done = make("done")
    code, _, err = call("runs", "resume", done.id)
    assert code == 1
    assert f"Expected a run that can go on; {done.id} is done." in err


def test_delete_asks_unless_told_not_to(call, make, monkeypatch):
    run = make("done")
    monkeypatch.setattr(command.typer, "confirm", lambda *_, **__: sys.exit(1))
    assert call("runs", "delete", run.id)[0] == 1
    assert run.folder.exists()
    assert call("runs", "delete", run.id, "--yes")[1] == f"{run.id} is deleted.\n"
    assert not run.folder.exists()


def test_what_two_runs_differ_in(call, make):
    first, second = make("done", seed=1), make("done", seed=2)
    out = call("runs", "compare", first.id, second.id)[1]
    assert out.splitlines()[0] == f"\t{first.id}\t{second.id}"
    assert "seed\t1\t2" in out
    assert "backbone" not in out
    table = json.loads(call("runs", "compare", first.id, second.id, "--json")[1])
    assert table["seed"] == {first.id: 1, second.id: 2}
    code, _, err = call("runs", "compare", first.id, first.id)
    assert code == 2
    assert "expected two runs or more" in err


def test_a_run_whose_films_are_gone_ends_before_anything_is_loaded(call, make):
    run = make("queued")
    code, _, err = call("runs", "carry", run.id)
    assert code == 1
    assert "Expected the folder of films 'films' where the run found it; it is missing." in err
    assert run.status().failure == "data"


def test_a_prepared_run_is_carried_to_its_end(call, make, monkeypatch, tmp_path):
    import types

    (tmp_path / "films").mkdir()
    seen = {}

    def train(run, *, settings, report):
        seen["run"], seen["state"] = run, run.status().state
        report("index", 3, 3, "3 films to learn from")
        seen["phase"] = run.status().phase
        run.update(state="done")
        return types.SimpleNamespace(name="mine")

    stand_in = types.SimpleNamespace(train=train)
    monkeypatch.setitem(sys.modules, "pneumo_core.training.train", stand_in)
    monkeypatch.setattr("pneumo_core.cli.train.start_keras", lambda: None)
    run = make("queued")
    code, out, err = call("runs", "carry", run.id)
    assert (code, out) == (0, "Model mine is written.\n")
    assert "3 films to learn from" in err
    assert seen == {"run": run, "state": "running", "phase": "reading the films"}

    def fails(*_, **__):
        raise DataSetError("Expected films of every class.")

    stand_in.train = fails
    again = make("queued")
    code, _, err = call("runs", "carry", again.id)
    assert (code, again.status().state) == (1, "failed")
    assert "Expected films of every class." in err


def test_the_machine_is_told_in_words_and_as_json(call, monkeypatch):
    found = Machine(2, 24 * 2**30, "2 CPU cores", (), "tensorflow", "float32", xla=False, key="k")
    monkeypatch.setattr("pneumo_core.cli.runs.start_keras", lambda: None)
    monkeypatch.setattr("pneumo_core.training.hardware.find_and_cache_machine", lambda _: found)
    assert call("machine")[1] == (
        "2 CPU cores, 24 GB of memory, no GPU\nKeras on tensorflow, float32 without XLA\n"
    )
    told = json.loads(call("machine", "--json")[1])
    assert told == {**asdict(found), "gpus": []}


def test_a_lesson_says_its_story_its_figures_and_its_paragraph(call, monkeypatch, tmp_path):
    dot = Dot("Borders alone", "patients never seen", 0.92, 0.88, 0.96, 192, 190)
    found = Outcome("borders", "films", (dot,), "The border gives it away.", "A small CNN.")
    asked = []

    def teach(name, data, _settings, _report, *, weights):
        asked.append((name, data, weights))
        return found

    monkeypatch.setattr("pneumo_core.cli.runs.start_keras", lambda: None)
    monkeypatch.setattr("pneumo_core.training.lessons.lesson.teach", teach)
    code, out, _ = call("lesson", "borders", str(tmp_path))
    assert code == 0
    assert "The lungs of every film are painted black" in out
    assert "Borders alone\tpatients never seen\tAUC 0.92 [0.88–0.96]\t192 films" in out
    assert out.endswith("A small CNN.\nThe border gives it away.\n")
    told = json.loads(call("lesson", "borders", "--json")[1])
    assert told["dots"][0]["low"] == 0.88
    assert asked == [("borders", tmp_path, None), ("borders", None, None)]
    code, _, err = call("lesson", "other")
    assert code == 1
    assert "Expected a lesson out of transfer, leak, borders" in err
