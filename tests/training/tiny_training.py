"""A training of seconds on 66 films that can be told apart, the last 18 of them held out."""

import keras
import numpy as np

from pneumo_core.training.batches import Films
from pneumo_core.training.fit import fit
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.network import predict_logits
from pneumo_core.training.recipe import make_recipe

LEARNT_FROM, HELD_OUT = np.arange(48), np.arange(48, 66)


def films(*, on_device=False):
    pixels = np.random.default_rng(0).integers(0, 256, (66, 64, 64), dtype=np.uint8)
    labels = np.arange(66) % 3
    pixels[labels == 1, :32] //= 2
    pixels[labels == 2, :, :32] //= 2
    return Films(pixels, labels, on_device=on_device)


def tiny_recipe(**choices):
    usual = {"backbone": "cnn", "size": 64, "batch": 16, "epochs": 3, "augment": False}
    return make_recipe("quick", **{**usual, **choices})


def train(folder, *callbacks, of=None, stopped=lambda: False, **choices):
    """Logits of the films held out."""
    network = fit(
        tiny_recipe(**choices),
        of or films(),
        LEARNT_FROM,
        HELD_OUT,
        machine=find_machine("float32"),
        folder=folder,
        callbacks=callbacks,
        stopped=stopped,
    )
    return predict_logits(network, films().pixels[HELD_OUT])


def note_epochs(began):
    """A callback that appends every epoch's number to `began`."""
    return keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: began.append(epoch))
