"""One network trained on some films and validated on others."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumo_core.bundle.network import in_float32
from pneumo_core.errors import TrainingError
from pneumo_core.learning.backup import HISTORY, SparingBackup, WrittenWhole, cut_history
from pneumo_core.learning.counterweight import NO_COUNTERWEIGHT, Counterweight
from pneumo_core.learning.distribution import Devices, join_devices
from pneumo_core.learning.feed import FilmBatches
from pneumo_core.learning.listeners import SparingCallbacks, listeners, together
from pneumo_core.learning.network import build_network
from pneumo_core.learning.training_model import (
    compile_model,
    see_the_whole_batch,
    training_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe

BEST, TRAINED = "best.weights.h5", "trained.weights.h5"
HELD_OUT_BATCH = 64


@dataclass(frozen=True)
class Films:
    """The films of a run: pixels uint8 (N, S, S), labels int (N,) into the recipe's classes."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


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
) -> Any:
    """Train; the network of the best epoch's averaged weights, in float32.

    With no validation rows (the model of all films), or without `patience`, no choice is made and
    the last epoch's averaged weights count.
    `weights` float (N,): how much each film counts, beside its class.
    `folder` receives history.csv, the trained weights and, until then, a backup that a killed run
    resumes from; a training that was finished before is not done again. Among several machines
    each does the same in a folder of its own; the chief's is the one that counts.
    Raises TrainingError where the loss became NaN before anything was worth keeping.
    """
    devices = join_devices()
    devices.check_batch(recipe.batch)
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
        feed = _training_feed(recipe, films, train_rows, weights)
        held_out = _held_out_feed(recipe, films, validation_rows, devices)
        _train(network, recipe, feed, held_out, machine, devices, folder, callbacks)
    if (folder / TRAINED).exists():  # a worker may have joined when the chief was done
        network.load_weights(folder / TRAINED)
    keras.config.set_dtype_policy("float32")
    return in_float32(_on_its_own(network, devices))


def _on_its_own(network: Any, devices: Devices) -> Any:
    """The network outside the devices that trained it, where the chief may ask it alone."""
    if devices.strategy is None:
        return network
    see_the_whole_batch(network, whole=False)
    alone = keras.models.clone_model(network)
    alone.set_weights(network.get_weights())
    return alone


def _train(  # noqa: PLR0913, PLR0917 - the parts of one training, all different
    network: Any,
    recipe: Recipe,
    feed: FilmBatches,
    held_out: FilmBatches | None,
    machine: Machine,
    devices: Devices,
    folder: Path,
    callbacks: tuple[keras.callbacks.Callback, ...],
) -> None:
    """Train `network`; its weights go to TRAINED in `folder`."""
    model = training_model(network, recipe, devices)
    backup = SparingBackup(
        folder / "backup",
        steps=len(feed),
        agreed=lambda due: bool(devices.told_by_chief(np.int32(due))),
    )
    choose = folder / BEST if held_out is not None and recipe.patience > 0 else None
    with devices.scope():
        compile_model(model, network, recipe, machine, steps=len(feed))
        devices.share(network.variables)
        for path in (*backup.files, folder / HISTORY, folder / BEST):
            devices.hand_out(path)  # a worker's folder is its own, and empty
        done = backup.restore(model)
        past = cut_history(folder, epochs=done)
        listed = listeners(
            recipe,
            folder,
            feed,
            model,
            network,
            devices=devices,
            backup=backup,
            past=past,
            choose=choose,
        )
        told = together([*listed, *callbacks], devices)
        history = model.fit(
            feed,
            initial_epoch=done,
            epochs=recipe.epochs,
            validation_data=held_out,
            callbacks=SparingCallbacks(
                told, model=model, epochs=recipe.epochs, steps=len(feed), verbose=0
            ),
            # The feed shuffles films; Keras would shuffle batches on top, from no seed of ours.
            shuffle=False,
            verbose=0,
        )
        _keep(model, network, backup, folder, choose, history.history.get("loss", []))


def _keep(  # noqa: PLR0913, PLR0917 - the parts of one training, all different
    model: Any,
    network: Any,
    backup: SparingBackup,
    folder: Path,
    choose: Path | None,
    losses: list[float],
) -> None:
    """Write what counts of the training to TRAINED, whose being there says that it is finished."""
    finite = all(math.isfinite(loss) for loss in losses)
    if choose is None and not finite and backup.restore(model):
        # The averaged weights of the last epoch that was backed up, before the loss became NaN.
        model.optimizer.finalize_variable_values(model.trainable_variables)
        finite = True
    if (choose is None and not finite) or (choose is not None and not choose.exists()):
        raise TrainingError(
            "The loss became NaN before anything was learnt that could be kept. Lower the "
            "learning rate and train again."
        )
    if choose is not None:
        choose.replace(folder / TRAINED)
    else:
        WrittenWhole(network.inputs, network.outputs).save_weights(folder / TRAINED)
    backup.remove()


def _training_feed(
    recipe: Recipe,
    films: Films,
    rows: NDArray[np.int64],
    weights: NDArray[np.float64] | None,
) -> FilmBatches:
    return FilmBatches(
        films.pixels,
        films.labels,
        rows,
        classes=len(recipe.classes),
        batch=recipe.batch,
        seed=recipe.seed,
        weights=_class_weights(recipe, films.labels, rows)
        * (np.ones(len(films.labels)) if weights is None else weights),
        counterweight=Counterweight() if recipe.augment else NO_COUNTERWEIGHT,
    )


def _held_out_feed(
    recipe: Recipe, films: Films, rows: NDArray[np.int64], devices: Devices
) -> FilmBatches | None:
    """The films held out, in batches that all devices can share; None without any."""
    if not len(rows):
        return None
    share = math.ceil(min(len(rows), HELD_OUT_BATCH) / devices.replicas)
    return FilmBatches(
        films.pixels,
        films.labels,
        rows,
        classes=len(recipe.classes),
        batch=share * devices.replicas,
        seed=None,
    )


def _class_weights(
    recipe: Recipe, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much each film counts for its class, (N,): among `rows` all classes weigh the same."""
    if not recipe.class_weights:
        return np.ones(len(labels))
    counts = np.bincount(labels[rows], minlength=len(recipe.classes))
    by_class: NDArray[np.float64] = len(rows) / (len(counts) * np.maximum(1, counts))
    return by_class[labels]


def predict_logits(network: Any, films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, C) of films uint8 (N, S, S), in batches of 64."""
    logits = [np.empty((0, network.output_shape[-1]), "float32")]
    for start in range(0, len(films), 64):
        batch = films[start : start + 64]
        # All batches of one size: some backends compile anew for every other one.
        full = np.resize(batch, (64, *batch.shape[1:])) if start else batch
        logits.append(np.asarray(network.predict_on_batch(full[..., None]))[: len(batch)])
    return np.concatenate(logits)
