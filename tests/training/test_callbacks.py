"""What is saved on the way, and what a training that was ended loses: nothing that it had done."""

import csv
import errno
import os
from pathlib import Path

import keras
import numpy as np
import pytest

from pneumo_core.errors import TrainingError
from pneumo_core.training import callbacks as backup_module
from pneumo_core.training.callbacks import (
    STOPPED,
    AtomicWeights,
    BestWeights,
    SparingBackup,
    cut_history,
)
from pneumo_core.training.fit import BEST, TRAINED
from tests.training.tiny_training import HELD_OUT, films, note_epochs, train

pytestmark = [pytest.mark.keras, pytest.mark.usefixtures("quick_training")]


class Killed(Exception):
    """Stands for whatever ends a training."""


def kill_before(epoch):
    def strike(number, _logs=None):
        if number == epoch:
            raise Killed

    return keras.callbacks.LambdaCallback(on_epoch_begin=strike)


class spoil_before(keras.callbacks.Callback):  # noqa: N801 - reads like kill_before
    """Puts NaN into the weights at an epoch's beginning."""

    def __init__(self, epoch):
        super().__init__()
        self.spoilt = epoch

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
        if epoch == self.spoilt:
            for variable in self.model.trainable_variables:
                variable.assign(np.full(variable.shape, np.nan))


def history(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# Whoever is killed does not close his files.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_resumed_training_does_again_what_came_after_its_backup_and_ends_the_same(
    tmp_path, monkeypatch, undisturbed
):
    monkeypatch.setattr(backup_module, "SECONDS_BETWEEN_BACKUPS", 0.0)
    monkeypatch.setattr(backup_module, "_SHARE", 1e9)  # one backup, after the first epoch
    with pytest.raises(Killed):
        train(tmp_path, kill_before(2))
    assert len(history(tmp_path)) == 2
    seen = []
    logits = train(tmp_path, note_epochs(seen))
    assert seen == [1, 2]
    whole, resumed = history(undisturbed[1]), history(tmp_path)
    assert [row["epoch"] for row in resumed] == ["0", "1", "2"]
    for one, other in zip(whole, resumed, strict=True):
        assert float(one["val_loss"]) == pytest.approx(float(other["val_loss"]), abs=1e-3)
    np.testing.assert_allclose(logits, undisturbed[0], atol=1e-3)


class stop_in(keras.callbacks.Callback):  # noqa: N801 - reads like kill_before
    """Ends the training after the first step of an epoch, as a person's stop does."""

    def __init__(self, epoch):
        super().__init__()
        self.last, self.now, self.stopped, self.validated = epoch, 0, False, []

    def on_epoch_begin(self, epoch, logs=None):  # noqa: ARG002
        self.now = epoch

    def on_train_batch_end(self, _batch, logs=None):  # noqa: ARG002
        if self.now == self.last:
            self.model.stop_training = self.stopped = True

    def on_test_begin(self, logs=None):  # noqa: ARG002
        self.validated.append(self.now)


@pytest.mark.parametrize(("epoch", "patience", "resumed"), [(0, 4, [0, 1, 2]), (2, 0, [2])])
def test_a_training_that_was_stopped_gives_its_network_and_can_go_on(  # noqa: PLR0917 - fixtures
    tmp_path, monkeypatch, undisturbed, epoch, patience, resumed
):
    monkeypatch.setattr(backup_module, "SECONDS_BETWEEN_BACKUPS", 0.0)
    monkeypatch.setattr(backup_module, "_SHARE", 0)  # a backup after every epoch
    stop = stop_in(epoch)
    stopped = train(tmp_path, stop, stopped=lambda: stop.stopped, patience=patience)
    assert np.isfinite(stopped).all()
    assert stop.validated == list(range(epoch))
    assert [row["val_auc"] == "NA" for row in history(tmp_path)] == [False] * epoch + [True]
    assert (tmp_path / STOPPED).exists()
    assert not (tmp_path / TRAINED).exists()
    seen = []
    logits = train(tmp_path, note_epochs(seen), patience=patience)
    assert seen == resumed
    assert len(history(tmp_path)) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"history.csv", TRAINED}
    assert np.abs(logits - stopped).max() > 1e-3
    if patience:  # nothing was backed up: it began anew, and ends like one that was let be
        np.testing.assert_allclose(logits, undisturbed[0], atol=1e-3)


def test_an_epoch_that_was_stopped_counts_only_where_no_other_has_ended(tmp_path):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    callback = BestWeights(tmp_path / BEST, network, best_before=None)
    callback.set_model(network)
    callback.on_epoch_end(0, {"loss": 1.0})
    assert [path.name for path in tmp_path.iterdir()] == [STOPPED]
    callback.on_epoch_end(0, {"loss": 1.0, "val_auc": 0.7})
    before = (tmp_path / BEST).read_bytes(), (tmp_path / STOPPED).read_bytes()
    network.set_weights([weights + 1 for weights in network.get_weights()])
    callback.on_epoch_end(1, {"loss": 1.0})
    assert ((tmp_path / BEST).read_bytes(), (tmp_path / STOPPED).read_bytes()) == before


def test_a_training_that_was_finished_is_not_done_again(undisturbed):
    logits, folder = undisturbed
    assert {path.name for path in folder.iterdir()} == {"history.csv", TRAINED}
    again = train(folder, kill_before(0))
    np.testing.assert_allclose(again, logits, atol=1e-5)


def test_without_a_choice_the_last_averaged_weights_are_saved_once(tmp_path, monkeypatch):
    written = []
    plain = AtomicWeights.save_weights

    def count(model, path, *rest, **options):
        written.append(Path(path).name)
        return plain(model, path, *rest, **options)

    monkeypatch.setattr(AtomicWeights, "save_weights", count)
    monkeypatch.setattr(backup_module, "SECONDS_BETWEEN_BACKUPS", 1e9)  # none on a slow machine
    logits = train(tmp_path, patience=0)
    assert written == [TRAINED]
    assert not (tmp_path / BEST).exists()
    # What validation saw at the last epoch's end is what is kept.
    labels = films().labels[HELD_OUT]
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    smooth = 0.94 * np.eye(3)[labels] + 0.06 / 3
    loss = -(smooth * np.log(p)).sum(1).mean()
    assert loss == pytest.approx(float(history(tmp_path)[-1]["val_loss"]), abs=1e-4)


def test_backups_are_made_when_the_last_one_is_long_enough_ago(tmp_path, monkeypatch):
    model = AtomicWeights(*[keras.Input((2,))] * 2)
    saved, clock = [], [100.0]
    monkeypatch.setattr(backup_module.time, "monotonic", lambda: clock[0])
    keeper = SparingBackup(tmp_path, steps=1)
    keeper.set_model(model)
    model.stop_training = False

    def save(took):
        saved.append(clock[0])
        clock[0] += took

    monkeypatch.setattr(keeper, "_save_model", lambda: save(2))
    for moment, logs in [(110, {}), (131, {"loss": float("nan")}), (132, {}), (160, {}), (175, {})]:
        clock[0] = float(moment)
        keeper.on_epoch_end(0, logs)
    # 2 s to save: the next one 40 s later, and none while the loss is no number.
    assert saved == [132, 175]


def test_a_full_disk_costs_neither_the_old_weights_nor_room(tmp_path, monkeypatch):
    model = AtomicWeights(*[keras.Input((2,))] * 2)
    target = tmp_path / "a.weights.h5"
    model.save_weights(target)
    before = target.read_bytes()

    def full(_model, path, **_):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(keras.Model, "save_weights", full)
    with pytest.raises(OSError, match="No space left"):
        model.save_weights(target)
    assert [path.name for path in tmp_path.iterdir()] == ["a.weights.h5"]
    assert target.read_bytes() == before


@pytest.mark.parametrize("cut_short", ["", "2,0.7", "2,0.7,"])
def test_history_keeps_the_epochs_that_are_not_done_again(tmp_path, cut_short):
    (tmp_path / "history.csv").write_text(f"epoch,loss,val_auc\n0,0.9,0.5\n1,0.8,0.6\n{cut_short}")
    rows = cut_history(tmp_path, epochs=2)
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert cut_history(tmp_path, epochs=1) == [{"epoch": "0", "loss": "0.9", "val_auc": "0.5"}]
    assert cut_history(tmp_path, epochs=0) == []
    assert (tmp_path / "history.csv").read_text() == ""
    assert cut_history(tmp_path / "none", epochs=3) == []


def test_a_loss_that_is_no_number_from_the_start_ends_in_words(tmp_path):
    with pytest.raises(TrainingError, match=r"The loss became NaN before .* Lower the learning"):
        train(tmp_path, spoil_before(0), patience=0, epochs=1)


def test_a_loss_that_becomes_nan_later_costs_what_came_after_the_last_backup(tmp_path, monkeypatch):
    monkeypatch.setattr(backup_module, "SECONDS_BETWEEN_BACKUPS", 0.0)
    monkeypatch.setattr(backup_module, "_SHARE", 0)
    logits = train(tmp_path, spoil_before(2), patience=0)
    assert np.isfinite(logits).all()
    assert {path.name for path in tmp_path.iterdir()} == {"history.csv", TRAINED}
