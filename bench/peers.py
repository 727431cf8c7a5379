"""Ways to read a film, each in a process of its own: this project's and what people would take.

    python -m bench.peers NAME MODEL

Reads paths of films from standard input, a line each, and answers each with a line of JSON:
seconds, processor seconds and resident memory. From the bytes of the file to a decision and a
picture of where the network looked. A peer that is not installed ends with 3 and names what is
missing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Read = Callable[[Path], float]  # P(pneumonia)

NOT_INSTALLED = 3


def main() -> None:
    """Answer for every film on standard input."""
    name, model = sys.argv[1:]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    try:
        read = PEERS[name][1](model)
    except ImportError as error:
        print(json.dumps({"missing": str(error.name or error)}), file=answers, flush=True)
        sys.exit(NOT_INSTALLED)
    for line in sys.stdin:
        before, start = os.times(), time.perf_counter()
        p = read(Path(line.rstrip("\n")))
        spent, after = time.perf_counter() - start, os.times()
        cpu = after.user + after.system - before.user - before.system
        found = {"seconds": spent, "cpu": cpu, "memory": _memory(), "p": p}
        print(json.dumps(found), file=answers, flush=True)


def pneumo(model: str) -> Read:
    """This project: checks, lungs, two to six views, decision with its range, map and picture."""
    from pneumo_core.bundle import load_bundle
    from pneumo_core.inference.predict import Reader
    from pneumo_core.inference.saliency import overlay

    reader = Reader(load_bundle(model))

    def read(path: Path) -> float:
        found = reader.read_path(path)
        if found.pixels is None or found.cam is None or found.p_pneumonia is None:
            raise SystemExit(f"The film was not read: {found.message}")
        overlay(found.pixels, found.cam)
        return found.p_pneumonia

    return read


def keras_predict(model: str) -> Read:
    """Pillow, `model.predict`, and Grad-CAM by tf-keras-vis."""
    import keras
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.model_modifiers import ReplaceToLinear
    from tf_keras_vis.utils.scores import CategoricalScore

    bundle, network = _network(model)
    gradcam = Gradcam(network, model_modifier=ReplaceToLinear(), clone=True)

    def read(path: Path) -> float:
        film = _resized(path, bundle.size)
        p = _pneumonia(network.predict(film, verbose=0), bundle.temperature)
        heat = gradcam(CategoricalScore(1), film, penultimate_layer="features")
        keras.utils.array_to_img(heat[0][..., None])
        return p

    return read


def torch_eager(model: str) -> Read:
    """The same network and weights, run by PyTorch through Keras; Grad-CAM by hand."""
    return _torch(model, compiled=False)


def torch_compiled(model: str) -> Read:
    """As `torch_eager`, compiled by `torch.compile`, which needs a C++ compiler."""
    return _torch(model, compiled=True)


def _torch(model: str, *, compiled: bool) -> Read:
    os.environ["KERAS_BACKEND"] = "torch"
    torch = importlib.import_module("torch")
    import keras

    bundle, network = _network(model)
    both = keras.Model(
        network.inputs, [network.get_layer("features").output, network.get_layer("logits").output]
    )
    run = torch.compile(both) if compiled else both

    def read(path: Path) -> float:
        features, logits = run(torch.from_numpy(_resized(path, bundle.size)))
        slopes = torch.autograd.grad(logits[0, 1], features)[0].mean(dim=(1, 2), keepdim=True)
        torch.relu((slopes * features).sum(-1)).detach().numpy()
        return _pneumonia(logits.detach().numpy(), bundle.temperature)

    return read


def onnx_runtime(model: str) -> Read:
    """The same network in ONNX Runtime: the answer alone, it has no gradients for a map."""
    runtime = importlib.import_module("onnxruntime")
    from pneumo_core.bundle import load_bundle

    bundle = load_bundle(model)
    session = runtime.InferenceSession(onnx_file(model))
    name = session.get_inputs()[0].name

    def read(path: Path) -> float:
        film = _resized(path, bundle.size)
        return _pneumonia(session.run(None, {name: film})[0], bundle.temperature)

    return read


def onnx_file(model: str) -> Path:
    """Where the network lies as ONNX, once `write_onnx` has been run."""
    from pneumo_core.bundle import load_bundle

    return Path(tempfile.gettempdir()) / f"pneumo-bench-{load_bundle(model).digest[:12]}.onnx"


def write_onnx(model: str) -> None:
    """Convert the network, in a process that needs TensorFlow and tf2onnx for it."""
    bundle, network = _network(model)
    network(np.zeros((1, bundle.size, bundle.size, 1), np.float32))  # else it is not exported
    network.export(str(onnx_file(model)), format="onnx", verbose=False)


def torchxrayvision(_: str) -> Read:
    """The DenseNet-121 of torchxrayvision, random weights; Grad-CAM by hand."""
    torch = importlib.import_module("torch")
    xrv = importlib.import_module("torchxrayvision")
    network = xrv.models.DenseNet(num_classes=18, in_channels=1).train(mode=False)

    def read(path: Path) -> float:
        film = torch.from_numpy(_resized(path, 224)[..., 0][:, None] * (2048 / 255) - 1024)
        features = network.features(film).requires_grad_()
        logits = network.classifier(torch.relu(features).mean(dim=(2, 3)))
        slopes = torch.autograd.grad(logits[0, 8], features)[0].mean(dim=(2, 3), keepdim=True)
        torch.relu((slopes * features).sum(1)).detach().numpy()
        return float(torch.sigmoid(logits[0, 8]))

    return read


PEERS: dict[str, tuple[str, Callable[[str], Read]]] = {
    "pneumo": ("Pneumo: checks, lungs, two to six views, map", pneumo),
    "keras": ("Pillow, `model.predict`, tf-keras-vis Grad-CAM", keras_predict),
    "torch": ("the same network in PyTorch, Grad-CAM", torch_eager),
    "torch-compiled": ("the same network in PyTorch, `torch.compile`, Grad-CAM", torch_compiled),
    "onnxruntime": ("the same network in ONNX Runtime, no map", onnx_runtime),
    "torchxrayvision": ("torchxrayvision DenseNet-121, Grad-CAM", torchxrayvision),
}


def _network(model: str) -> tuple[Any, Any]:
    from pneumo_core.bundle import load_bundle
    from pneumo_core.bundle.keras_network import load_network

    bundle = load_bundle(model)
    return bundle, load_network(bundle.path / "model.keras")


def _resized(path: Path, side: int) -> Any:
    """The usual way to prepare a film: float32 (1, side, side, 1) in 0..255."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("L").resize((side, side), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32)[None, ..., None]


def _pneumonia(logits: Any, temperature: float) -> float:
    from pneumo_core.metrics import probabilities

    return float(1 - probabilities(np.asarray(logits), temperature)[0, 0])


def _memory() -> float:
    """Resident bytes of this process, its children's as well."""
    import psutil

    own = psutil.Process()
    return float(sum(one.memory_info().rss for one in (own, *own.children(recursive=True))))


if __name__ == "__main__":
    main()
