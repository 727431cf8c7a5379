"""Networks by name: a backbone, one pooled linear head, what of them is trained, and where
pretrained weights can be had: kept by Keras, downloaded, or in a file at hand.

Every network is one flat functional graph: film float32 (N, S, S, 1) in 0..255 → scaling →
backbone → layer "features" float32 (N, h, w, K) → average pooling → layer "logits" (N, C).
With a pooled linear head the class activation map needs nothing but those two layers.
"""

from __future__ import annotations

import os
import socket
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.bundle import bundle_names
from pneumo_core.errors import TrainingError
from pneumo_core.training.plan.parent import is_parent, load_parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from pneumo_core.training.plan.parent import Parent

THREE_CLASSES = ("normal", "bacterial", "viral")
TWO_CLASSES = ("normal", "pneumonia")

IMAGENET_SIGNED: dict[str, Any] = {"scale": 1 / 127.5, "offset": -1.0}
IMAGENET_CAFFE: dict[str, Any] = {"scale": 1.0, "offset": [-103.939, -116.779, -123.68]}
IMAGENET_TORCH: dict[str, Any] = {
    "scale": [1 / (255 * deviation) for deviation in (0.229, 0.224, 0.225)],
    "offset": [-0.485 / 0.229, -0.456 / 0.224, -0.406 / 0.225],
}
At = Literal["kept", "download", ""]
_HOST = ("storage.googleapis.com", 443)  # where keras.applications downloads from
_SECONDS = 1.5
_NAMED = (".weights.h5", "_notop.h5", "-notop.h5")
_FOLDERS, _DEPTH, _MOST = 3000, 4, 50


@dataclass(frozen=True)
class Backbone:
    """One architecture: who builds it, how its input is scaled, where it may be thawed."""

    application: str  # the name in keras.applications; "" is our own small network
    scaling: dict[str, Any]
    trained_from: str  # first block that `standard` trains; everything before stays frozen
    cut: str = ""  # last layer kept; "" keeps all


BACKBONES = {
    "resnet50": Backbone("ResNet50", IMAGENET_CAFFE, "conv4"),
    # Cut after conv4: 8.6 M parameters instead of 23.6 M, a 7×7 map at 224 px, and features
    # general enough to hold on films from elsewhere.
    "resnet50v2": Backbone("ResNet50V2", IMAGENET_SIGNED, "conv4", "conv5_block1_preact_relu"),
    "densenet121": Backbone("DenseNet121", IMAGENET_TORCH, "conv4"),
    "densenet169": Backbone("DenseNet169", IMAGENET_TORCH, "conv4"),
    "mobilenetv2": Backbone("MobileNetV2", IMAGENET_SIGNED, "block_8"),
    "efficientnetv2b0": Backbone("EfficientNetV2B0", {"scale": 1.0}, "block5"),
    "cnn": Backbone("", {"scale": 1 / 255.0}, ""),
}
_CNN_WIDTHS = (24, 48, 96, 160, 256)  # of the blocks of "cnn"


def find_backbone(name: str) -> Backbone:
    """The backbone called `name`; TrainingError naming all of them for an unknown one."""
    if name not in BACKBONES:
        known = ", ".join(BACKBONES)
        raise TrainingError(f"Expected a backbone out of {known}; got {name!r}.")
    return BACKBONES[name]


def check_weights(weights: str) -> None:
    """Raise TrainingError unless `weights` are "imagenet", "none", a file or a model's name."""
    known = weights in {"imagenet", "none"} or Path(weights).is_file() or is_parent(weights)
    if not known:
        models = ", ".join(bundle_names()) or "there is none"
        raise TrainingError(
            f"Expected --weights to be 'imagenet', 'none', a weights file or a model ({models}); "
            f"{weights!r} is none of them."
        )


def build_network(  # noqa: PLR0913 - options, by keyword
    backbone: str,
    *,
    size: int,
    classes: int,
    weights: str = "imagenet",
    trained_from: str | None = None,
    dropout: float = 0.2,
) -> Any:
    """A network ready to train.

    `weights`: "imagenet" (downloaded by Keras), "none" (from scratch), the path of a local
    weights file of this backbone, or the name of a model, whose head is taken along.
    `trained_from`: name prefix of the first trained block, "head" for the head alone, "all" for
    everything; default the backbone's own. Frozen and pretrained batch-normalisation layers stay in
    inference mode.
    Raises TrainingError where the weights cannot be had or do not fit.
    """
    import keras

    spec, parent = find_backbone(backbone), load_parent(weights) if is_parent(weights) else None
    film = keras.Input((size, size, 1), name="film")
    scaled = keras.layers.Concatenate(name="grey_to_rgb")([film, film, film])
    scaled = keras.layers.Rescaling(**spec.scaling, dtype="float32", name="scaling")(scaled)
    if spec.application:
        start = "none" if parent else weights
        features = _application_features(spec, scaled, size=size, weights=start)
    else:
        features = _small_cnn(scaled)
        weights = weights if parent else "none"
    features = keras.layers.Activation("linear", dtype="float32", name="features")(features)
    pooled = keras.layers.GlobalAveragePooling2D(dtype="float32", name="pooled")(features)
    pooled = keras.layers.Dropout(dropout, dtype="float32", name="dropout")(pooled)
    logits = keras.layers.Dense(classes, dtype="float32", name="logits")(pooled)
    network = keras.Model(film, logits, name=backbone)
    if parent is not None:
        _take_over(network, parent, classes)
    start = trained_from or spec.trained_from or "all"
    freeze(network, "all" if weights == "none" else start)
    return network


def _application_features(spec: Backbone, scaled: Any, *, size: int, weights: str) -> Any:
    import keras

    make = getattr(keras.applications, spec.application)
    extra = {"include_preprocessing": True} if spec.application.startswith("EfficientNetV2") else {}

    def base(input_tensor: Any = None, download: str | None = None) -> Any:
        full = make(
            weights=download,
            include_top=False,
            input_shape=(size, size, 3),
            input_tensor=input_tensor,
            **extra,
        )
        return keras.Model(full.input, full.get_layer(spec.cut).output) if spec.cut else full

    flat = base(scaled)
    if weights != "none":
        plain = _pretrained(base, spec, weights)
        flat.set_weights(plain.get_weights())
    return flat.output


def _pretrained(base: Callable[..., Any], spec: Backbone, weights: str) -> Any:
    if weights == "imagenet":
        try:
            return base(download="imagenet")
        except Exception as error:  # Keras raises a bare Exception for a failed download
            raise TrainingError(
                f"Expected to download the ImageNet weights of {spec.application}, but the "
                "download failed. Pass --weights PATH for a local weights file, or --weights none "
                "to start from scratch."
            ) from error
    check_weights(weights)
    plain = base()
    try:
        with warnings.catch_warnings():
            # Keras only warns of layers that it finds no weights for, and leaves them random.
            warnings.simplefilter("error", UserWarning)
            plain.load_weights(weights)
    except (ValueError, OSError, KeyError, UserWarning) as error:
        raise TrainingError(
            f"Expected weights of {spec.application} without its top"
            f"{f' up to {spec.cut}' if spec.cut else ''} in {Path(weights).name}; they do not fit. "
            "Choose the backbone that the file belongs to."
        ) from error
    return plain


def _take_over(network: Any, parent: Parent, classes: int) -> None:
    """Give the network the arrays of its parent's."""
    try:
        network.set_weights(parent.weights(classes))
    except ValueError as error:
        raise TrainingError(
            f"Expected the network of {parent.bundle.name} to be {parent.backbone} as it is built "
            "here; it is not. Start from another model, or from a weights file."
        ) from error


def _small_cnn(x: Any) -> Any:
    """Five convolution blocks, 0.6 M parameters: what can be trained from scratch in minutes."""
    from keras import layers

    for block, width in enumerate(_CNN_WIDTHS):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, name=f"block{block}_conv")(x)
        x = layers.BatchNormalization(momentum=0.9, name=f"block{block}_bn")(x)
        x = layers.Activation("relu", name=f"block{block}_relu")(x)
        if block < len(_CNN_WIDTHS) - 1:
            x = layers.MaxPooling2D(name=f"block{block}_pool")(x)
    return x


def freeze(network: Any, trained_from: str) -> None:
    """Freeze what comes before the first trained block, and all batch normalisation; see
    `build_network`. Raises TrainingError for a block that the network does not have.
    """
    import keras

    if trained_from == "all":
        return
    names = [layer.name for layer in network.layers]
    start = names.index("features")
    if trained_from != "head":
        matches = [i for i, name in enumerate(names) if name.startswith(trained_from)]
        if not matches:
            raise TrainingError(
                f"Expected a block of {network.name} to start with {trained_from!r}."
            )
        start = matches[0]
    for i, layer in enumerate(network.layers):
        frozen_norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = i >= start and not frozen_norm


def trains_head_alone(network: Any) -> bool:
    """Whether nothing below the head is trained, so that each film's features stay as they are."""
    trained = {id(variable) for variable in network.trainable_variables}
    return trained == {id(one) for one in network.get_layer("logits").trainable_variables}


def synchronise_batch_norm(network: Any, *, whole: bool) -> None:
    """Batch normalisation over the whole batch, or over the part of each device."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = whole and layer.trainable


def predict_logits(network: Any, films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, C) of films uint8 (N, S, S), in batches of 64."""
    logits = [np.empty((0, network.output_shape[-1]), "float32")]
    for start in range(0, len(films), 64):
        batch = films[start : start + 64]
        # All batches have one size: some backends compile again for each other size.
        full = np.resize(batch, (64, *batch.shape[1:])) if start else batch
        logits.append(np.asarray(network.predict_on_batch(full[..., None]))[: len(batch)])
    return np.concatenate(logits)


def weights_kept(backbone: str) -> bool:
    """Whether Keras keeps the ImageNet weights of `backbone` here, from an earlier download."""
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    without_top = (path for path in home.glob("models/*.h5") if "notop" in _plain(path))
    return any(is_for(path, backbone) for path in without_top)


def weights_at(backbone: str) -> At:
    """Whether the ImageNet weights of `backbone` are kept here, can be downloaded, or neither ("").

    Asks the network for at most 1.5 seconds; no weights are loaded.
    """
    if not find_backbone(backbone).application:
        return ""
    if weights_kept(backbone):
        return "kept"
    try:
        socket.create_connection(_HOST, timeout=_SECONDS).close()
    except OSError:
        return ""
    return "download"


def weights_files(roots: Sequence[Path]) -> list[Path]:
    """Weights files below the folders `roots`, sorted by name: at most 50, four folders deep."""
    found: dict[Path, None] = {}
    for root in roots:
        for path in _walk(root):
            found[path] = None
            if len(found) >= _MOST:
                break
    return sorted(found, key=lambda path: path.name)


def is_for(path: Path, backbone: str) -> bool:
    """Whether a weights file is named for this network: "resnet50v2_imagenet.weights.h5"."""
    name = _plain(path)
    meant = [one.application for one in BACKBONES.values() if one.application]
    named = [one for one in meant if name.startswith(one.lower())]
    return bool(named) and max(named, key=len) == find_backbone(backbone).application


def _plain(path: Path) -> str:
    return path.name.lower().replace("_", "").replace("-", "")


def _walk(root: Path) -> Iterator[Path]:
    for seen, (folder, folders, files) in enumerate(os.walk(root), start=1):
        if seen > _FOLDERS:
            return
        here = Path(folder)
        deep = len(here.relative_to(root).parts) >= _DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if not _no_place(name))
        yield from (here / name for name in sorted(files) if name.lower().endswith(_NAMED))


def _no_place(folder: str) -> bool:
    """Folders that are hidden, or of runs and libraries."""
    return folder.startswith((".", "fold-", "without-")) or folder in {"site-packages", "runs"}
