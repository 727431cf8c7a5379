"""Train a network for a lesson as a run trains it; its answers are all that stays of it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.training.recipe import make_recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe


def lesson_recipe(backbone: str, *, size: int, epochs: int, **choices: Any) -> Recipe:
    """A short training in two classes whose last epoch counts: nothing is chosen on any film."""
    usual = {"task": "binary", "patience": 0, "framing_weights": 0.0, "batch": 16}
    return make_recipe("quick", backbone=backbone, size=size, epochs=epochs, **usual | choices)


def learnt_scores(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    train_rows: NDArray[np.int64],
    measured: NDArray[np.uint8],
    *,
    report: Progress,
) -> NDArray[np.float64]:
    """The score of pneumonia, logit float64 (M,), of the films `measured` uint8 (M, S, S).

    Trained on the rows of `pixels` uint8 (N, S, S) with `labels` 0 or 1 (N,). `report` receives
    the phase "train", an epoch at a time. Loads Keras.
    """
    from pneumo_core.training.batches import Films
    from pneumo_core.training.fit import fit
    from pneumo_core.training.hardware import find_machine
    from pneumo_core.training.network import predict_logits

    with TemporaryDirectory(prefix="pneumo-lesson-") as scratch:
        network = fit(
            recipe,
            Films(pixels, labels),
            train_rows,
            np.array([], np.int64),
            machine=find_machine(recipe.precision),
            folder=Path(scratch) / "fold-0",
            callbacks=(_epochs(recipe.epochs, report),),
        )
    logits = predict_logits(network, measured).astype(np.float64)
    return np.asarray(logits[:, 1] - logits[:, 0])


def _epochs(epochs: int, report: Progress) -> Any:
    import keras

    class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
        """Reports every epoch."""

        def on_epoch_end(self, epoch: int, _logs: Any = None) -> None:
            report("train", epoch + 1, epochs, "")

    return Epochs()


def part_of(report: Progress, number: int, parts: int, words: str) -> Progress:
    """`report` of part `number` (from 0) of `parts` trainings: its share of the whole."""

    def shared(_phase: str, done: int, total: int, _message: str = "") -> None:
        report("train", number * total + done, parts * total, f"{words}, {done} of {total} epochs")

    report("train", number, parts, f"{words}: starting")
    return shared
