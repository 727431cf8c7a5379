"""What a stranger's `model.keras` would build, told from its text alone: nothing of it is run.

Keras' safe mode refuses code that a file brings along, but builds any class and calls any function
that Keras exports; loaders were led astray through these again and again (CVE-2025-1550, -8747,
-9906, -12058, CVE-2026-1669). Here only the classes that networks of Pneumo consist of are let in.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.archive import MAX_BYTES, blocks, checked_members, open_zip, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHAT = "a Keras network in model.keras"
WEIGHTS = "model.weights.h5"
MEMBERS = {"metadata.json": 2**16, "config.json": 16 * 2**20, WEIGHTS: MAX_BYTES}

_LAYERS = """
Activation Add Average AveragePooling2D BatchNormalization Concatenate Conv2D Cropping2D Dense
DepthwiseConv2D Dropout Flatten GlobalAveragePooling2D GlobalMaxPooling2D InputLayer
LayerNormalization LeakyReLU Maximum MaxPooling2D Minimum Multiply Normalization PReLU Permute ReLU
Rescaling Reshape SeparableConv2D Softmax SpatialDropout2D Subtract UpSampling2D ZeroPadding2D
"""
_INITIALIZERS = """
Constant GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Ones Orthogonal
RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
"""
ALLOWED = frozenset(
    {
        *(("keras.layers", name) for name in _LAYERS.split()),
        *(("keras.initializers", name) for name in _INITIALIZERS.split()),
        *(("keras.regularizers", name) for name in ("L1", "L1L2", "L2")),
        ("keras", "DTypePolicy"),
        ("keras.src.models.functional", "Functional"),
        (None, "__keras_tensor__"),
    }
)


def inspect_keras(path: Path, *, size: int, classes: int) -> None:
    """Raise BundleError unless the file's network is made of known layers and fits its card.

    `size` is the side of the input in pixels, `classes` the number of logits.
    """
    with path.open("rb") as stream, open_zip(stream, WHAT) as archive:
        members = checked_members(archive, MEMBERS, WHAT)
        text = b"".join(blocks(archive, members["config.json"], WHAT))
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(WHAT, "its config.json is no JSON") from error
    for item in _objects(config):
        _check_class(item)
    _check_shape(config, size, classes)


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that Keras would make of the description, in whatever place it stands."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
            if "class_name" in item:
                yield item
        elif isinstance(item, list):
            waiting.extend(item)


def _check_class(item: dict[str, Any]) -> None:
    module, name, registered = (
        item.get(key) for key in ("module", "class_name", "registered_name")
    )
    known = all(isinstance(part, str | None) for part in (module, name, registered))
    if known and (module, name) in ALLOWED and registered in (None, name):
        return
    what = ".".join(str(part)[:60] for part in (module, name) if part)
    alias = f", registered as {str(registered)[:60]}" if registered not in (None, name) else ""
    config = item.get("config")
    called = item.get("name") or (config.get("name") if isinstance(config, dict) else None)
    where = f"{str(called)[:60]!r} in it" if called else "part of it"
    raise refused(
        WHAT,
        f"{where} is of the class {what}{alias}, which no network of Pneumo needs and which may "
        "run code",
    )


def _check_shape(config: Any, size: int, classes: int) -> None:
    """The layers film → features → logits, of the card's sizes."""
    try:
        root = (config["module"], config["class_name"])
        layers = {layer["config"]["name"]: layer for layer in config["config"]["layers"]}
        inputs = [
            layer["config"]["batch_shape"]
            for layer in layers.values()
            if layer["class_name"] == "InputLayer"
        ]
        head = layers["logits"]["class_name"], layers["logits"]["config"]["units"]
        features = "features" in layers
    except (KeyError, TypeError) as error:
        raise refused(WHAT, "it describes no network with a layer named logits") from error
    expected = [[None, size, size, 1]], ("Dense", classes)
    if root != ("keras.src.models.functional", "Functional") or not features:
        raise refused(WHAT, "it is no flat network with a layer named features")
    if (inputs, head) != expected:
        raise refused(
            WHAT,
            f"its card says {size}×{size} pixels and {classes} classes, the network takes "
            f"{str(inputs)[:60]} and gives {str(head[1])[:20]}",
        )
