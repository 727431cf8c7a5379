import json

import numpy as np
import pytest

from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs.history import (
    StepCurve,
    current_run,
    data_hash,
    differences,
    in_words,
    live_runs,
    read_curves,
    row_of,
    run_rows,
    settings_of,
)
from pneumo_core.training.runs.run import create_run

EPOCHS = (
    "epoch,auc,loss,val_auc,val_loss\n0,0.6,1.2,0.7,1.1\n1,0.7,1.0,0.9,0.9\n2,0.8,0.9,0.8,1.0\n"
)


@pytest.fixture
def run(tmp_path):
    recipe = make_recipe("quick", backbone="cnn")
    return create_run(tmp_path, recipe, data=tmp_path / "films", bundle="mine")


def fold(run, number):
    folder = run.folder / f"fold-{number}"
    folder.mkdir()
    return folder


def test_before_the_first_point_there_is_no_curve(run):
    fold(run, 0)
    assert read_curves(run) == []


def test_epochs_are_read_by_column_and_the_best_is_known(run):
    (fold(run, 0) / "history.csv").write_text(EPOCHS)
    (curves,) = read_curves(run)
    assert curves.fold == 0
    assert curves.steps == {}
    np.testing.assert_array_equal(curves.epochs["val_auc"], [0.7, 0.9, 0.8])
    assert curves.best_epoch == 1


def test_a_line_being_written_is_left_out(run):
    (fold(run, 0) / "history.csv").write_text(EPOCHS + "3,0.8")
    (curves,) = read_curves(run)
    assert len(curves.epochs["epoch"]) == 3


def test_a_column_that_is_no_number_is_nan_and_has_no_best(run):
    (fold(run, 0) / "history.csv").write_text("epoch,loss,val_auc\n0,nan,\n")
    (curves,) = read_curves(run)
    assert np.isnan(curves.epochs["loss"]).all()
    assert curves.best_epoch is None


def test_folds_come_in_their_order(run):
    for number in (10, 2, 0):
        (fold(run, number) / "history.csv").write_text(EPOCHS)
    assert [curves.fold for curves in read_curves(run)] == [0, 2, 10]


def test_points_lie_at_their_share_of_the_epochs(run):
    curve = StepCurve(fold(run, 0), steps=4)
    curve.begin_epoch()
    curve.add(0, 1, loss=1.5, auc=float("nan"))
    curve.add(0, 3, loss=1.25, auc=0.5)
    curve.begin_epoch()
    curve.add(1, 2, loss=1.0, auc=0.75)
    steps = read_curves(run)[0].steps
    np.testing.assert_array_equal(steps["step"], [1, 3, 6])
    np.testing.assert_array_equal(steps["epoch"], [0.25, 0.75, 1.5])
    np.testing.assert_array_equal(steps["loss"], [1.5, 1.25, 1.0])
    np.testing.assert_array_equal(steps["auc"], [np.nan, 0.5, 0.75])


def test_an_epoch_has_two_hundred_points_at_most(run):
    curve = StepCurve(fold(run, 0), steps=1000)
    curve.begin_epoch()
    for step in range(1, 1001):
        curve.add(0, step, loss=1.0)
    assert len(read_curves(run)[0].steps["step"]) == 200


def test_steps_that_a_resumed_run_did_again_count_once(run):
    curve = StepCurve(fold(run, 0), steps=4)
    for epoch, step, loss in [(0, 2, 5.0), (0, 4, 4.0), (1, 2, 3.0), (1, 3, 2.5)]:
        curve.add(epoch, step, loss=loss)
        curve.begin_epoch()
    curve.add(1, 2, loss=30.0)  # killed in epoch 1, begun anew there
    steps = read_curves(run)[0].steps
    np.testing.assert_array_equal(steps["step"], [2, 4, 6])
    np.testing.assert_array_equal(steps["loss"], [5.0, 4.0, 30.0])


def test_epochs_that_were_trained_again_count_once(run):
    again = "1,0.7,1.0,0.95,0.9\n"
    (fold(run, 0) / "history.csv").write_text(EPOCHS + again)
    (curves,) = read_curves(run)
    np.testing.assert_array_equal(curves.epochs["epoch"], [0, 1])
    np.testing.assert_array_equal(curves.epochs["val_auc"], [0.7, 0.95])


def write_films(run, *hashes):
    films = [{"film": f"{i}.png", "sha256": sha} for i, sha in enumerate(hashes)]
    (run.folder / "folds.json").write_text(json.dumps({"films": films, "seed": 7}))


def test_the_data_hash_is_of_the_films_content_in_any_order(run):
    assert data_hash(run) == ""
    write_films(run, "aa", "bb")
    first = data_hash(run)
    write_films(run, "bb", "aa")
    assert data_hash(run) == first
    assert len(first) == 12
    write_films(run, "aa", "cc")
    assert data_hash(run) != first


def test_only_what_differs_is_compared():
    table = differences({"a": {"size": 128, "seed": 7}, "b": {"size": 224, "seed": 7, "new": 1}})
    assert table == {"size": {"a": 128, "b": 224}, "new": {"a": None, "b": 1}}


def test_a_row_says_what_a_run_was_asked_for_and_what_it_reached(run):
    rate = {"value": 0.9, "low": 0.8, "high": 0.95}
    run.update(
        epoch=3,
        last={"val_loss": 0.9, "val_auc": 0.7},
        data_hash="0123",
        machine="Keras on tensorflow, 2 CPU cores",
        figures={"auc": {**rate, "value": 0.97}, "sensitivity": rate},
    )
    row = row_of(run)
    assert row["run"] == run.id
    assert (row["data"], row["data_hash"], row["seed"]) == ("films", "0123", 7)
    assert (row["backbone"], row["weights"], row["size"]) == ("cnn", "from scratch", 128)
    assert (row["epochs"], row["val_loss"], row["val_auc"]) == ("3 of 3", 0.9, 0.7)
    assert (row["auc"]["value"], row["sensitivity"], row["specificity"]) == (0.97, rate, None)
    assert in_words(row["sensitivity"]) == "0.900 [0.800–0.950]"
    assert row["model"] == "mine"
    assert run_rows(run.folder.parent) == [row]


def test_a_damaged_run_has_a_row_of_its_own(run):
    (run.folder / "status.json").write_text("{")
    assert row_of(run)["state"] == "failed"
    (run.folder / "config.json").write_text("{")
    assert settings_of(run) == {}


def test_a_weights_file_is_named_without_its_path(run):
    path = run.folder / "config.json"
    config = json.loads(path.read_text())
    config["recipe"]["weights"] = "/home/somebody/secret/resnet.weights.h5"
    path.write_text(json.dumps(config))
    assert settings_of(run)["weights"] == "resnet.weights.h5"


def test_the_run_to_look_at_is_the_one_that_trains_then_the_next_then_the_last(tmp_path):
    recipe = make_recipe("quick", backbone="cnn")
    old, new, third = (
        create_run(tmp_path, recipe, data=tmp_path, bundle="m", state=state)
        for state in ("running", "queued", "queued")
    )
    assert [run.id for run in live_runs(tmp_path)] == [old.id]
    third.update(queued="2000-01-01")
    new.update(queued="2000-01-02")
    assert [run.id for run in live_runs(tmp_path)] == [old.id, third.id, new.id]
    assert current_run(tmp_path) == old
    old.update(state="done")
    assert current_run(tmp_path) == third
    third.update(state="done")
    new.update(state="failed")
    assert live_runs(tmp_path) == []
    assert current_run(tmp_path) == new
    (new.folder / "status.json").write_text("{")
    assert current_run(tmp_path) == third
    assert current_run(tmp_path / "nowhere") is None
