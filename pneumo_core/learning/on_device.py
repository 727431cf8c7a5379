"""All films of a training on the device itself: a batch is then sent as the rows it consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from pneumo_core.learning.hardware import device_memory_left, gigabytes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pneumo_core.learning.distribution import Devices
    from pneumo_core.learning.machine import Machine

# Of the device's free memory. The rest is the step's: weights, three copies of them in the
# optimizer, and the activations of a batch, which alone are some thousand bytes a pixel.
SHARE = 0.25


def room_for(pixels: NDArray[np.uint8], machine: Machine, devices: Devices) -> bool:
    """Whether the films (N, S, S) are better put on the device at once.

    On a CPU there is nothing to gain: its memory is the host's. Several devices would each need
    all films; they are sent their part of every batch.
    """
    if not machine.gpus or devices.replicas > 1:
        return False
    return pixels.nbytes <= SHARE * device_memory_left()


def sentence(pixels: NDArray[np.uint8], *, on_device: bool) -> str:
    """Where the films of a training lie, as a run prints it at its start."""
    if on_device:
        return f"all films on the device ({gigabytes(pixels.nbytes)})"
    return "films sent batch by batch"


class FilmsOnDevice(keras.layers.Layer):  # type: ignore[misc]
    """Rows int32 (B,) of `pixels` uint8 (N, S, S) → films uint8 (B, S, S, 1).

    The films are a variable: that is put on the device once and handed from step to step, where
    JAX would write a constant into the compiled step itself. They are no part of what is learnt,
    and are not saved with it.
    """

    def __init__(self, pixels: NDArray[np.uint8], **kwargs: Any) -> None:
        super().__init__(trainable=False, **kwargs)
        self.films = self.add_weight(
            shape=pixels.shape,
            dtype="uint8",
            initializer=lambda *_, **__: ops.convert_to_tensor(pixels),
            trainable=False,
            name="films",
        )

    def call(self, rows: Any) -> Any:
        """Gather."""
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # From a variable TensorFlow gathers bytes on a GPU; from a tensor on a CPU alone.
            return tf.gather(self.films.value, rows)[..., None]
        return ops.take(self.films, rows, axis=0)[..., None]

    def save_own_variables(self, store: Any) -> None:
        """Keep the films out of every backup."""

    def load_own_variables(self, store: Any) -> None:
        """A backup holds no films."""
