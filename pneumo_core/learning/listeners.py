"""What listens to a training: backup, history, choice of the epoch, event files."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import keras

from pneumo_core.learning.backup import HISTORY, BestWeights, figures
from pneumo_core.learning.several_machines import StopTogether

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pneumo_core.learning.backup import SparingBackup
    from pneumo_core.learning.distribution import Devices
    from pneumo_core.learning.feed import FilmBatches
    from pneumo_core.learning.recipe import Recipe

SECONDS_BETWEEN_STEPS_TOLD = 0.2


class SparingCallbacks(keras.callbacks.CallbackList):  # type: ignore[misc]
    """Tells callbacks of an epoch's first and last step, and of five a second between.

    Whoever is told of a step is told its loss, and a loss can be had only when the device has
    computed it: told of every step, a GPU would wait for its next one each time.
    """

    def __init__(self, callbacks: Iterable[Any], **options: Any) -> None:
        super().__init__(list(callbacks), add_history=True, **options)
        self.told = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Pass it on now and then."""
        now = time.monotonic()
        ends = batch == 0 or batch + 1 == self.params.get("steps")
        if ends or now - self.told >= SECONDS_BETWEEN_STEPS_TOLD:
            super().on_train_batch_end(batch, logs)
            self.told = time.monotonic()


class SwapOnDevice(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]
    """Swaps the averaged weights in where they lie; Keras' own takes JAX's over the host."""

    def _backend_swap_variables(self, optimizer: Any) -> None:
        averages = optimizer._model_variables_moving_average  # noqa: SLF001 - as in Keras' own
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):  # noqa: SLF001
            held = variable.value
            variable.assign(average.value)
            average.assign(held)


def listeners(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    folder: Path,
    feed: FilmBatches,
    model: Any,
    network: Any,
    *,
    devices: Devices,
    backup: SparingBackup,
    past: list[dict[str, str]],
    choose: Path | None,
) -> list[keras.callbacks.Callback]:
    """Stock callbacks; those after SwapEMAWeights see the averaged weights at an epoch's end.

    `choose`: where the weights of the best epoch go, None where no choice is made. `past`: the
    history's rows of the epochs that a resumed run has behind it.
    """
    cb = keras.callbacks

    def begin(epoch: int, _logs: Any = None) -> None:
        # An epoch draws from its own seeds, so that a resumed run draws what the first one would.
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
        best = max(figures(past, "val_auc"), default=None)
        listed.append(BestWeights(choose, network, best_before=best))
        listed.append(ResumedPatience(recipe.patience, past))
    return listed


class ResumedPatience(keras.callbacks.EarlyStopping):  # type: ignore[misc]
    """Early stopping by the validation AUC that remembers the epochs before a resume."""

    def __init__(self, patience: int, past: list[dict[str, str]]) -> None:
        super().__init__(monitor="val_auc", mode="max", patience=patience)
        self.past = past

    def on_train_begin(self, logs: Any = None) -> None:
        """Live through the past again."""
        super().on_train_begin(logs)
        for epoch, value in enumerate(figures(self.past, "val_auc")):
            self.on_epoch_end(epoch, {"val_auc": value})


def event_files(folder: Path) -> list[keras.callbacks.Callback]:
    """TensorBoard's event files of fold `folder`, in its run's `tensorboard/`.

    Keras writes them with TensorFlow. Under another backend TensorFlow would be loaded for that
    alone and take the GPU's memory: there are none then; history.csv has the same figures.
    """
    if keras.backend.backend() != "tensorflow" or find_spec("tensorboard") is None:
        return []
    target = folder.parent / "tensorboard" / folder.name
    return [keras.callbacks.TensorBoard(target, write_graph=False)]


def together(
    callbacks: list[keras.callbacks.Callback], devices: Devices
) -> list[keras.callbacks.Callback]:
    """`callbacks`, and where there are several machines, what lets them stop at the same step."""
    return [*callbacks, StopTogether(devices)] if devices.machines > 1 else callbacks
