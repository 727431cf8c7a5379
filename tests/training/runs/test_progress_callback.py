"""What a run tells of itself while Keras trains: a tiny model, a real fit."""

import itertools
import json
import math
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from pneumo_core.storage import utc_now
from pneumo_core.training.recipe import make_recipe
from pneumo_core.training.runs import progress_callback
from pneumo_core.training.runs.history import read_curves
from pneumo_core.training.runs.progress import RemainingPhases
from pneumo_core.training.runs.progress_callback import EpochClock
from pneumo_core.training.runs.run import create_run

pytestmark = pytest.mark.keras

RECIPE = replace(make_recipe("quick", backbone="cnn"), batch=4, epochs=3, folds=1)
FILMS = 20


@pytest.fixture
def run(tmp_path):
    made = create_run(tmp_path, RECIPE, data=tmp_path, bundle="m")
    made.update(fold=0, phase="training")
    return made


@pytest.fixture
def every_step(monkeypatch):
    """Each step is told of, and each takes one second by the clock."""
    ticks = itertools.count()
    monkeypatch.setattr(progress_callback, "time", SimpleNamespace(time=lambda: float(next(ticks))))


def fit(run, *callbacks, recipe=RECIPE, loss="mse", heard=None, validation_batch=4):
    import keras

    keras.utils.set_random_seed(1)
    x = np.linspace(0, 1, FILMS, dtype="float32")[:, None]
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.25), loss=loss)
    report = progress_callback.EpochReport(
        run,
        recipe,
        "fold 1 of 1",
        films=FILMS,
        report=lambda *facts: heard.append(facts) if heard is not None else None,
    )
    model.fit(
        *(x, 2 * x),
        batch_size=4,
        validation_batch_size=validation_batch,
        epochs=recipe.epochs,
        validation_data=(x[:4], 2 * x[:4]),
        callbacks=[report, *callbacks],
        shuffle=False,
        verbose=0,
    )
    return model


def after_each_batch(do):
    import keras

    class AfterEachBatch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            do(batch, logs)

    return AfterEachBatch()


def test_a_run_tells_where_it_is_how_fast_and_how_long_still(run, every_step):
    heard = []
    fit(run, heard=heard)
    status = run.status()
    assert (status.epoch, status.epochs, status.step, status.steps) == (3, 3, 5, 5)
    assert (status.done, status.total, status.fits) == (15, 15, 1)
    assert status.learning_rate == 0.25
    assert status.films_per_second > 0
    assert status.seconds_left > status.ahead_of_training["bundle"] > 0
    assert status.memory["process"] > 2**20
    assert status.machine.startswith("Keras on ")
    assert set(status.last) == {"loss", "val_loss"}
    assert [facts[0] for facts in heard].count("epoch") == 3
    assert status.seconds > 15
    assert status.trained == utc_now()[:10]
    assert [facts for facts in heard if facts[0] == "train"][-1][:3] == ("train", 15, 15)
    json.dumps(asdict(status), allow_nan=False)


def test_time_left_counts_what_follows_the_training(run, every_step):
    run.update(took={"validation": 100.0, "bundle": 1000.0})
    fit(run, recipe=replace(RECIPE, folds=2))
    ahead = RemainingPhases(**run.status().ahead_of_training)
    assert (ahead.answers, ahead.bundle) == (100, 1000)  # as they took before
    training = (ahead.after - 1100) / 2  # the other fold with its answers, and that of all films
    assert 15 < training < 60  # three epochs of five steps, a second a look at the clock


def test_time_left_counts_the_robustness_suite_only_where_it_will_run(run, every_step):
    run.update(took={"validation": 100.0, "bundle": 1000.0})
    fit(run)
    assert run.status().ahead_of_training["robustness"] == 0
    fit(run, recipe=replace(RECIPE, robustness=True))
    ahead = RemainingPhases(**run.status().ahead_of_training)
    assert ahead.robustness > 0
    assert ahead.after == 1000 + ahead.robustness


def test_an_earlier_run_tells_how_long_the_model_takes_to_make(run, every_step):
    earlier = create_run(run.folder.parent, RECIPE, data=run.folder, bundle="m")
    earlier.update(state="done", took={"validation": 9.0, "bundle": 44.0})
    fit(run)
    assert run.status().ahead_of_training["bundle"] == 44
    assert run.status().ahead_of_training["answers"] != 9  # that goes by the films


def test_a_training_that_is_stopped_has_its_answers_and_its_model_ahead(run, every_step):
    run.update(took={"validation": 100.0, "bundle": 1000.0})
    fit(run, after_each_batch(lambda *_: run.request("stop")), recipe=replace(RECIPE, folds=2))
    status = run.status()
    ahead = RemainingPhases(**status.ahead_of_training)
    assert ahead.after == ahead.bundle < 200  # not as long as it took without a stop
    assert ahead.answers < 50
    assert status.seconds_left == pytest.approx(ahead.answers + ahead.bundle, abs=0.1)
    assert status.took == {"validation": 100.0, "bundle": 1000.0}


def test_the_network_of_all_films_comes_after_the_folds_that_are_measured(run, every_step):
    run.update(fold=5)
    fit(run, recipe=replace(RECIPE, folds=5, measured_folds=2))
    status = run.status()
    assert (status.fits, status.done, status.total) == (3, 3 * 15, 3 * 15)
    ahead = RemainingPhases(**status.ahead_of_training)
    assert ahead == RemainingPhases(0, ahead.bundle, ahead.bundle)  # no films were held out of it


def test_the_curve_has_the_mean_loss_since_the_last_point(run, every_step):
    means = []

    def keep(_batch, logs):
        means.append(logs)

    fit(run, after_each_batch(keep), recipe=replace(RECIPE, epochs=1))
    steps = read_curves(run)[0].steps
    running = np.array([logs["loss"] for logs in means])
    expected = np.diff(running * np.arange(1, 6), prepend=0.0)
    np.testing.assert_allclose(steps["loss"], expected, rtol=1e-4)
    np.testing.assert_allclose(steps["epoch"], [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(steps["learning_rate"], 0.25)


def test_within_a_second_nothing_is_told_twice(run, monkeypatch):
    monkeypatch.setattr(progress_callback, "time", SimpleNamespace(time=lambda: 1.0))
    fit(run)
    assert len(read_curves(run)[0].steps["step"]) == 1


def test_a_wish_to_stop_ends_the_training_after_its_step(run, every_step):
    def wish(batch, _logs):
        if batch == 1:
            run.request("stop")

    fit(run, after_each_batch(wish))
    status = run.status()
    assert status.stopped_after == {"fold": 0, "epoch": 0}
    assert (status.epoch, status.step) == (0, 3)  # no epoch is finished
    assert status.words == "epoch 1 of 3: ended after step 3 of 5"
    assert read_curves(run)[0].steps["step"][-1] == 3
    run.update(state="done")
    assert run.status().state == "stopped"


def test_a_stop_ends_the_validation_too_and_its_time_is_no_measure(run, every_step):
    import keras

    class AtTheFirstFilm(keras.callbacks.Callback):
        batches = 0

        def on_test_batch_begin(self, batch, logs=None):  # noqa: ARG002
            self.batches += 1
            run.request("stop")

    seen = AtTheFirstFilm()
    fit(run, seen, validation_batch=1)
    status = run.status()
    assert seen.batches == 1
    assert status.stopped_after == {"fold": 0, "epoch": 0}
    assert (status.epoch, status.pace) == (0, {})
    assert status.words == "epoch 1 of 3: ended after step 5 of 5"


def test_a_run_stopped_before_it_learnt_anything_is_cancelled(run):
    run.request("stop")
    with pytest.raises(KeyboardInterrupt):
        fit(run)
    run.update(state="interrupted")
    assert run.status().state == "cancelled"


def test_a_loss_that_is_no_number_is_noted_with_what_to_do(run, every_step):
    import keras

    def nan_loss(y, p):
        return keras.ops.mean(p - y) * float("nan")

    fit(run, keras.callbacks.TerminateOnNaN(), loss=nan_loss)
    assert "The loss became NaN in epoch 1" in run.status().note
    assert "lower learning rate" in run.status().note


@pytest.fixture
def clock():
    """Four steps of ten films: the first takes 30 s, the others 2 s; then 6 s of validation."""
    made = EpochClock(epochs=3, steps=4, batch=10)
    made.begin_epoch(100.0)
    for step, now in enumerate((130.0, 132.0, 134.0, 136.0), start=1):
        made.end_step(step, now)
    return made


def test_the_first_step_is_no_measure_of_speed(clock):
    assert clock.start == 30
    assert clock.speed == 5  # 30 films in 6 s


def test_before_the_second_step_nothing_is_promised():
    clock = EpochClock(epochs=3, steps=4, batch=10)
    clock.begin_epoch(0.0)
    clock.end_step(1, 30.0)
    assert clock.left(0, 1) is None
    assert clock.pace() is None


def test_in_the_first_epoch_validation_is_guessed(clock):
    an_epoch = 4 * 2 * 1.1
    assert clock.left(0, 4) == pytest.approx(2 * an_epoch, abs=0.1)
    assert clock.left(0, 2) == pytest.approx(2.5 * an_epoch, abs=0.1)
    assert clock.training == pytest.approx(30 + 3 * an_epoch)
    assert clock.answer == pytest.approx(0.4 / 5)  # of a film's time in training


def test_after_an_epoch_its_time_without_compiling_counts(clock):
    clock.begin_validation()
    assert clock.end_epoch(142.0) == 42
    assert clock.left(1, 0) == 28  # 14 s an epoch: four steps of 2 s, and 6 s
    assert clock.training == 30 + 3 * 14
    assert clock.left(3, 0) == 0


def test_what_a_later_estimate_goes_by(clock):
    clock.begin_validation()
    clock.end_epoch(142.0)
    pace = clock.pace()
    assert pace["train"] == pytest.approx(0.2)
    assert pace["start"] == 30
    assert pace["validation"] == pytest.approx(0.08)  # 0.4 of a training film, ten films held out
    assert pace["save"] == pytest.approx(6 - 0.8)


def test_a_second_epoch_begins_its_own_clock(clock):
    clock.begin_validation()
    clock.end_epoch(142.0)
    clock.begin_epoch(142.0)
    clock.end_step(1, 143.0)
    assert clock.speed == 5  # still of the epoch before
    clock.end_step(2, 144.0)
    # Exponential mean: three steps of 2 s, one of 1 s; older ones count less.
    older = sum(math.exp(-(1 + 2 * steps) / 30) for steps in range(3))
    assert clock.speed == pytest.approx(10 * (older + 1) / (2 * older + 1))
    assert clock.start == 30
