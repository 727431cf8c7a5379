"""One network trained on some films and validated on others."""

from __future__ import annotations

import gc
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumo_core.bundle.keras_network import in_float32
from pneumo_core.errors import TrainingError
from pneumo_core.learning.backup import HISTORY, SparingBackup, WrittenWhole, cut_history
from pneumo_core.learning.distribution import Devices, join_devices
from pneumo_core.learning.feed import FilmBatches, as_fed
from pneumo_core.learning.fold_feeds import Films, held_out_feed, training_feed
from pneumo_core.learning.listeners import SparingCallbacks, listeners, together
from pneumo_core.learning.network import build_network
from pneumo_core.learning.training_model import (
    compile_model,
    see_the_whole_batch,
    training_model,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe

BEST, TRAINED = "best.weights.h5", "trained.weights.h5"
STOPPED = "stopped.weights.h5"  # of a training that a person stopped; it may yet go on


def fit(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    films: Films,
    train_rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64],
    *,
    machine: Machine,
    folder: Path,
    weights: NDArray[np.float64] | None = None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> Any:
    """Train; the network of the best epoch's averaged weights, in float32.

    With no validation rows (the model of all films), or without `patience`, no choice is made and
    the last epoch's averaged weights count.
    `weights` float (N,): how much each film counts, beside its class.
    `folder` receives history.csv, the trained weights and, until then, a backup that a killed run
    resumes from; a training that was finished before is not done again. One of which `stopped`
    says at its end that a person stopped it is not finished: it keeps its backup, and called again
    it goes on from there. Among several machines
    each does the same in a folder of its own; the chief's is the one that counts.
    Raises TrainingError where the loss became NaN before anything was worth keeping.
    """
    devices = join_devices()
    devices.check_batch(recipe.batch)
    gc.collect()  # the films of the fold before may still lie on the device
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(machine.policy)
    folder.mkdir(parents=True, exist_ok=True)
    with devices.scope():
        network = build_network(
            recipe.backbone,
            size=recipe.size,
            classes=len(recipe.classes),
            weights=recipe.weights,
            trained_from=recipe.trained_from or None,
            dropout=recipe.dropout,
        )
    if not devices.told_by_chief(np.int32((folder / TRAINED).exists())):
        _Training(
            recipe,
            devices,
            folder,
            network,
            training_model(network, recipe, devices, films),
            training_feed(recipe, films, train_rows, weights),
            held_out_feed(recipe, films, validation_rows, devices),
            stopped,
        ).run(machine, callbacks)
    for trained in (folder / TRAINED, folder / STOPPED):
        if trained.exists():  # a worker may have joined when the chief was done
            network.load_weights(trained)
            break
    keras.config.set_dtype_policy("float32")
    return in_float32(_on_its_own(network, devices))


@dataclass(frozen=True)
class _Training:
    """One training of `network`, which `model` augments for.

    Its weights go to TRAINED, or to STOPPED where a person stopped it.
    """

    recipe: Recipe
    devices: Devices
    folder: Path
    network: Any
    model: Any
    feed: FilmBatches
    held_out: FilmBatches | None
    stopped: Callable[[], bool]

    @property
    def choose(self) -> Path | None:
        """Where the best epoch's weights go; None where the last epoch counts."""
        chosen = self.held_out is not None and self.recipe.patience > 0
        return self.folder / BEST if chosen else None

    def run(self, machine: Machine, callbacks: tuple[keras.callbacks.Callback, ...]) -> None:
        """Train, from the backup on where there is one."""
        steps, devices = len(self.feed), self.devices
        backup = SparingBackup(
            self.folder / "backup",
            steps=steps,
            agreed=lambda due: bool(devices.told_by_chief(np.int32(due))),
        )
        with devices.scope():
            compile_model(self.model, self.network, self.recipe, machine, steps=steps)
            devices.share(self.network.variables)
            for path in (*backup.files, self.folder / HISTORY, self.folder / BEST):
                devices.hand_out(path)  # a worker's folder is its own, and empty
            done = backup.restore(self.model)
            told = together([*self._listeners(backup, done), *callbacks], devices)
            history = self.model.fit(
                as_fed(self.feed),
                initial_epoch=done,
                epochs=self.recipe.epochs,
                validation_data=None if self.held_out is None else as_fed(self.held_out),
                callbacks=SparingCallbacks(
                    told, model=self.model, epochs=self.recipe.epochs, steps=steps, verbose=0
                ),
                # The feed shuffles films; Keras would shuffle batches, from no seed of ours.
                shuffle=False,
                verbose=0,
            )
            self._keep(backup, history.history.get("loss", []))

    def _listeners(self, backup: SparingBackup, done: int) -> list[keras.callbacks.Callback]:
        return listeners(
            self.recipe,
            self.folder,
            self.feed,
            self.model,
            self.network,
            devices=self.devices,
            backup=backup,
            past=cut_history(self.folder, epochs=done),
            choose=self.choose,
        )

    def _keep(self, backup: SparingBackup, losses: list[float]) -> None:
        """Write what counts to TRAINED, whose being there says that the training is finished.

        After a stop to STOPPED, and what the training needs to go on stays as well.
        """
        finite = all(math.isfinite(loss) for loss in losses)
        stopped = self.stopped()
        choose, trained = self.choose, self.folder / (STOPPED if stopped else TRAINED)
        if choose is None and not finite and backup.restore(self.model):
            # The averaged weights of the last epoch backed up, before the loss became NaN.
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
            finite = True
        if not (finite if choose is None else choose.exists()):
            raise TrainingError(
                "The loss became NaN before anything was learnt that could be kept. Lower the "
                "learning rate and train again."
            )
        if choose is None:
            WrittenWhole(self.network.inputs, self.network.outputs).save_weights(trained)
        elif stopped:
            shutil.copyfile(choose, trained)
        else:
            choose.replace(trained)
        if not stopped:
            (self.folder / STOPPED).unlink(missing_ok=True)
            backup.remove()


def _on_its_own(network: Any, devices: Devices) -> Any:
    """The network outside the devices that trained it, where the chief may ask it alone."""
    if devices.strategy is None:
        return network
    see_the_whole_batch(network, whole=False)
    alone = keras.models.clone_model(network)
    alone.set_weights(network.get_weights())
    return alone


def predict_logits(network: Any, films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, C) of films uint8 (N, S, S), in batches of 64."""
    logits = [np.empty((0, network.output_shape[-1]), "float32")]
    for start in range(0, len(films), 64):
        batch = films[start : start + 64]
        # All batches of one size: some backends compile anew for every other one.
        full = np.resize(batch, (64, *batch.shape[1:])) if start else batch
        logits.append(np.asarray(network.predict_on_batch(full[..., None]))[: len(batch)])
    return np.concatenate(logits)
