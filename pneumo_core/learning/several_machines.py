"""What lets Keras train over several machines: figures with an axis, and a common end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.learning.backup import WrittenWhole

if TYPE_CHECKING:
    from pneumo_core.learning.distribution import Devices


class SharedModel(WrittenWhole):
    """A model that `fit` can train over several machines.

    Keras 3 averages what a step returns over its first axis there, and a number has none.
    It is to be made outside the strategy's scope, its variables inside: then `fit`, called inside,
    does not build it from a batch, which fails for inputs with names.
    """

    def train_step(self, *arguments: Any) -> Any:
        """Keras' own step, its figures with an axis."""
        return _with_axis(super().train_step(*arguments))

    def test_step(self, *arguments: Any) -> Any:
        """Keras' own step, its figures with an axis."""
        return _with_axis(super().test_step(*arguments))


def _with_axis(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: ops.reshape(value, (1,)) for name, value in figures.items()}


class StopTogether(keras.callbacks.Callback):  # type: ignore[misc]
    """Ends the training of all machines after the epoch in which the chief wanted to stop.

    One that left in the middle of an epoch would leave the others waiting for its gradients. It
    comes after the callbacks that may want to stop.
    """

    def __init__(self, devices: Devices) -> None:
        super().__init__()
        self.devices, self.wanted = devices, False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Go on to the end of the epoch, whoever wants to stop."""
        self.wanted = self.wanted or bool(self.model.stop_training)
        self.model.stop_training = False

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        """Stop if the chief wants to."""
        wanted = np.int32(self.wanted or bool(self.model.stop_training))
        self.model.stop_training = bool(self.devices.told_by_chief(wanted))
