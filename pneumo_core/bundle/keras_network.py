"""The network of a bundle as Keras stores it: saved in half precision, loaded in safe mode."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    import keras

_WEIGHTS = "model.weights.h5"


def load_network(path: Path) -> keras.Model:
    """The Keras model at `path`, its variables float32. Runs no code that the file brings along.

    Input float32 (N,S,S,1) in 0..255, output logits (N,C). Raises BundleError.
    """
    import keras

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BundleError(
            f"Expected a Keras model in {path.name}, but it cannot be loaded. "
            "Restore the bundle or train it again."
        ) from error


def check_network(model: keras.Model, *, size: int, classes: int) -> None:
    """Raise BundleError unless the model has the shape that reading and saliency rely on."""
    names = {layer.name for layer in model.layers}
    found = (
        tuple(model.input_shape),
        tuple(model.output_shape),
        sorted({"features", "logits"} - names),
    )
    expected: Any = (None, size, size, 1), (None, classes), []
    if found != expected:
        raise BundleError(
            f"Expected a network from (None, {size}, {size}, 1) to (None, {classes}) with layers "
            f"named features and logits; got {found[0]} to {found[1]}, missing {found[2]}. "
            "Correct the card's input size and classes, or the network."
        )


def in_float32(model: keras.Model) -> keras.Model:
    """The same network computing in float32, whatever precision it was trained in."""
    import keras

    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model

    def widened(layer: Any) -> Any:
        return layer.__class__.from_config({**layer.get_config(), "dtype": "float32"})

    wide = keras.models.clone_model(model, clone_function=widened)
    wide.set_weights(model.get_weights())
    return wide


def save_network(model: keras.Model, path: Path, *, half: bool) -> None:
    """Save a model without its optimizer; `half` stores its kernels as float16.

    Kernels are the arrays of two and more dimensions. Vectors stay float32: a small variance of
    a batch normalisation would vanish in float16.
    """
    model.save(path, include_optimizer=False)
    if half:
        _halve(path)


def _halve(path: Path) -> None:
    import h5py  # type: ignore[import-untyped]

    def copy(source: h5py.Group, target: h5py.Group) -> None:
        target.attrs.update(source.attrs)
        for name, item in source.items():
            if isinstance(item, h5py.Group):
                copy(item, target.create_group(name))
            else:
                narrow = item.ndim >= 2 and item.dtype == np.float32
                target[name] = np.float16(item[()]) if narrow else item[()]
                target[name].attrs.update(item.attrs)

    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        folder = Path(scratch)
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        with h5py.File(folder / _WEIGHTS) as wide, h5py.File(folder / "half.h5", "w") as half:
            copy(wide, half)
        (folder / "half.h5").replace(folder / _WEIGHTS)
        with zipfile.ZipFile(folder / "half.keras", "w") as archive:
            for name in ("metadata.json", "config.json", _WEIGHTS):
                archive.write(folder / name, name)
        shutil.move(folder / "half.keras", path)
