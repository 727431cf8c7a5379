"""Keras callbacks of a training: backup, history, best epoch, early stopping, event files."""

from __future__ import annotations

import csv
import io
import math
import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pneumo_core.training.batches import FilmBatches, PooledBatches
    from pneumo_core.training.distributed import Devices
    from pneumo_core.training.recipe import Recipe


HISTORY = "history.csv"
STOPPED = "stopped.weights.h5"  # of a training that was stopped by hand and can be resumed
SECONDS_BETWEEN_BACKUPS = 30.0
_SHARE = 20  # a backup is made again only after this many times the duration of the last


class AtomicWeights(keras.Model):  # type: ignore[misc]
    """A model whose weights files are written atomically."""

    def save_weights(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Write beside `filepath`, then rename."""
        target = Path(filepath)
        partial = target.with_name(f"partial-{target.name}")
        try:
            super().save_weights(partial, overwrite=True, **options)
            if overwrite or not target.exists():
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


class SparingBackup(keras.callbacks.BackupAndRestore):  # type: ignore[misc]
    """Backs up at the end of an epoch, at most every half minute; later epochs are trained again.

    steps: of an epoch. The backup outlives `fit` and is removed when the fold is finished.
    agreed(due): the decision shared by several machines. All of them back up together, since
    reading an optimizer takes every machine that trains it.
    """

    def __init__(
        self, folder: Path, *, steps: int, agreed: Callable[[bool], bool] = lambda due: due
    ) -> None:
        super().__init__(str(folder), delete_checkpoint=False)
        self.steps, self.agreed = steps, agreed
        self.wait = SECONDS_BETWEEN_BACKUPS
        self.saved = time.monotonic()

    @property
    def files(self) -> list[Path]:
        """The files of the backup."""
        return [Path(self._weights_path), Path(self._training_metadata_path)]

    def restore(self, model: keras.Model) -> int:
        """Load the backup into `model`; the number of epochs it was trained for."""
        self.set_model(model)
        self._load_model()
        # From the optimizer, so that a kill between writing two files cannot make them disagree.
        return int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // self.steps

    def on_train_begin(self, logs: Any = None) -> None:
        """Nothing: `restore` was called before, since history and best epoch depend on it."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up if the last backup is long enough ago and the loss is finite."""
        began = time.monotonic()
        finite = math.isfinite((logs or {}).get("loss", 0.0))
        due = finite and not self.model.stop_training and began - self.saved >= self.wait
        if self.agreed(due):
            super().on_epoch_end(epoch, logs)
            self.saved = time.monotonic()
            self.wait = max(SECONDS_BETWEEN_BACKUPS, _SHARE * (self.saved - began))

    def remove(self) -> None:
        """Remove the backup: the trained weights are saved elsewhere by now."""
        shutil.rmtree(self.backup_dir, ignore_errors=True)


class BestWeights(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Saves the weights of the epoch with the best validation AUC, of the network alone.

    Keras' own callback would add the optimizer, three times as large. An epoch without validation
    was stopped by hand: its weights are saved to STOPPED beside `path`, if none are in `path`.
    """

    def __init__(self, path: Path, network: keras.Model, *, best_before: float | None) -> None:
        super().__init__(
            path,
            monitor="val_auc",
            mode="max",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=best_before,
        )
        self.network = AtomicWeights(network.inputs, network.outputs)

    def set_model(self, _model: keras.Model) -> None:
        """Save this network, whatever is trained."""
        super().set_model(self.network)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Save the weights of the best epoch, or of one that was stopped before there is any."""
        if self.monitor in (logs or {}):
            super().on_epoch_end(epoch, logs)
        elif not Path(self.filepath).exists():
            self.network.save_weights(Path(self.filepath).with_name(STOPPED))


def cut_history(folder: Path, *, epochs: int) -> list[dict[str, str]]:
    """Cut history.csv to its first `epochs` rows: later epochs are trained again. The rows left."""
    path = folder / HISTORY
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if _epoch(row) < epochs]
        names = reader.fieldnames or []
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(rows)
    write_atomic(path, text.getvalue())
    return rows


def _epoch(row: dict[str, str]) -> float:
    """Number of the row's epoch; infinite for an incomplete row."""
    try:
        return math.inf if None in row.values() else int(row["epoch"])
    except (KeyError, TypeError, ValueError):
        return math.inf


def history_column(rows: list[dict[str, str]], name: str) -> list[float]:
    """Column `name` of the history's rows; [] where it has none."""
    return [float(row[name]) for row in rows if row.get(name)]


class StoppableModel(AtomicWeights):
    """A model that is not validated once a person has stopped its training, and waits.

    `stopped` is asked before each validation, and after it: one that was ended has no figures.
    """

    stopped: Callable[[], bool] = staticmethod(lambda: False)

    def evaluate(self, *arguments: Any, **options: Any) -> Any:
        """Keras' own, or {} after a stop."""
        found = {} if self.stopped() else super().evaluate(*arguments, **options)
        return {} if self.stopped() else found


class SharedModel(AtomicWeights):
    """A model that `fit` can train over several machines.

    Keras 3 averages what a step returns over its first axis there, which a scalar does not have.
    Make it outside the strategy's scope and its variables inside: then `fit`, called inside, does
    not build it from a batch, which fails for named inputs.
    """

    def train_step(self, *arguments: Any) -> Any:
        """Keras' own step; each metric gets an axis."""
        return _with_axis(super().train_step(*arguments))

    def test_step(self, *arguments: Any) -> Any:
        """Keras' own step; each metric gets an axis."""
        return _with_axis(super().test_step(*arguments))


def _with_axis(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: ops.reshape(value, (1,)) for name, value in figures.items()}


class StopTogether(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training of all machines after the epoch in which the chief requested a stop.

    A machine that left in the middle of an epoch would leave the others waiting for its gradients.
    It comes after the callbacks that may request a stop.
    """

    def __init__(self, devices: Devices) -> None:
        super().__init__()
        self.devices, self.wanted = devices, False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Finish the epoch even if a stop is requested."""
        self.wanted = self.wanted or bool(self.model.stop_training)
        self.model.stop_training = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Stop if the chief requests it."""
        wanted = np.int32(self.wanted or bool(self.model.stop_training))
        self.model.stop_training = bool(self.devices.from_chief(wanted))


SECONDS_BETWEEN_STEPS = 0.2


class SparingCallbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Passes on the first and last step of an epoch, and five a second in between.

    A callback receives the loss with the step, and reading a loss waits for the device: at every
    step, a GPU would be idle in between.
    """

    def __init__(self, callbacks: Iterable[Any], **options: Any) -> None:
        super().__init__(list(callbacks), add_history=True, **options)
        self.passed_on = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Pass on some steps."""
        now = time.monotonic()
        ends = batch == 0 or batch + 1 == self.params.get("steps")
        if ends or now - self.passed_on >= SECONDS_BETWEEN_STEPS:
            super().on_train_batch_end(batch, logs)
            self.passed_on = time.monotonic()


class SwapOnDevice(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]
    """Swaps the averaged weights in on the device; Keras' own copies JAX's through the host."""

    def _backend_swap_variables(self, optimizer: Any) -> None:
        averages = optimizer._model_variables_moving_average  # noqa: SLF001 - as in Keras' own
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):  # noqa: SLF001
            held = variable.value
            variable.assign(average.value)
            average.assign(held)


def training_callbacks(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    folder: Path,
    feed: FilmBatches | PooledBatches,
    model: Any,
    network: Any,
    *,
    devices: Devices,
    backup: SparingBackup,
    past: list[dict[str, str]],
    choose: Path | None,
) -> list[keras.callbacks.Callback]:
    """Stock callbacks; those after SwapEMAWeights see the averaged weights at an epoch's end.

    `choose`: where the weights of the best epoch are saved, None where the last epoch is used.
    `past`: rows of the history of the epochs before a resume.
    """
    cb = keras.callbacks

    def begin(epoch: int, _logs: Any = None) -> None:
        # Each epoch has its own seeds, so that a resumed run draws the same numbers.
        feed.start_epoch(epoch)
        for number, state in enumerate(v for v in model.variables if "seed_generator" in v.path):
            state.assign([recipe.seed + number + 10_007 * devices.number, epoch << 16])

    listed = [
        cb.LambdaCallback(on_epoch_begin=begin),
        cb.TerminateOnNaN(),
        backup,
        cb.CSVLogger(folder / HISTORY, append=True),
        *event_files(folder),
    ]
    swap = SwapOnDevice if keras.backend.backend() == "jax" else cb.SwapEMAWeights
    listed.append(swap(swap_on_epoch=choose is not None))
    if choose is not None:
        best = max(history_column(past, "val_auc"), default=None)
        listed.append(BestWeights(choose, network, best_before=best))
        listed.append(ResumedPatience(recipe.patience, past))
    return listed


class ResumedPatience(keras.callbacks.EarlyStopping):  # type: ignore[misc]
    """Early stopping by the validation AUC that remembers the epochs before a resume."""

    def __init__(self, patience: int, past: list[dict[str, str]]) -> None:
        super().__init__(monitor="val_auc", mode="max", patience=patience)
        self.past = past

    def on_train_begin(self, logs: Any = None) -> None:
        """Replay the epochs before the resume."""
        super().on_train_begin(logs)
        for epoch, value in enumerate(history_column(self.past, "val_auc")):
            self.on_epoch_end(epoch, {"val_auc": value})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keras' own; an epoch that was stopped by hand has no figure to go by."""
        if self.monitor in (logs or {}):
            super().on_epoch_end(epoch, logs)


def event_files(folder: Path) -> list[keras.callbacks.Callback]:
    """TensorBoard's event files of fold `folder`, in its run's `tensorboard/`.

    Keras writes them with TensorFlow. Under another backend TensorFlow would be loaded for that
    alone and take the GPU's memory: there are none then; history.csv has the same figures.
    """
    if keras.backend.backend() != "tensorflow" or find_spec("tensorboard") is None:
        return []
    target = folder.parent / "tensorboard" / folder.name
    return [keras.callbacks.TensorBoard(target, write_graph=False)]


def stopping_together(
    callbacks: list[keras.callbacks.Callback], devices: Devices
) -> list[keras.callbacks.Callback]:
    """`callbacks`; for several machines, also one that stops all of them after the same epoch."""
    return [*callbacks, StopTogether(devices)] if devices.machines > 1 else callbacks
