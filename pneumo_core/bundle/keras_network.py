"""The network of a bundle as Keras stores it, and as other tools take it: ONNX, TFLite, SavedModel.

Saved in half precision, loaded in safe mode. What is exported gives calibrated probabilities, and
agrees with the Keras network; a JSON file beside it says how a film is prepared and read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    from numpy.typing import NDArray

    from pneumo_core.bundle.registry import Bundle

TOLERANCE = 1e-3  # in probability: between two forms of a network
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


def check_films(size: int) -> NDArray[np.float32]:
    """64 generated images to compare two forms of a network on, float32 (64,size,size,1) in 0..255.

    Random fields, from coarse clouds to fine noise, at several brightnesses and contrasts; the
    same for everyone.
    """
    import cv2

    rng = np.random.default_rng(20180222)
    films = np.empty((64, size, size, 1), np.float32)
    for i, film in enumerate(films):
        coarse = rng.normal(size=(2 ** (1 + i % 6),) * 2).astype(np.float32)
        clouds = cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)
        field = clouds + 0.1 * rng.normal(size=(size, size))
        film[..., 0] = np.clip(rng.uniform(60, 190) + rng.uniform(20, 70) * field, 0, 255).round()
    return films


FORMATS = {"onnx": ".onnx", "tflite": ".tflite", "savedmodel": ""}
_EXPORT_FILMS = 50
_NEEDS = {
    "onnx": "pip install onnx==1.23.2 onnxruntime==1.32.0 tf2onnx==1.17.0",
    "tflite": "pip install -r requirements.txt",
}


def export_network(bundle: Bundle, form: str, target: Path) -> dict[str, Any]:
    """Write the network of `bundle` as `form` (of FORMATS) to `target`, with a JSON file beside it.

    What is written takes float32 (N, S, S, 1) in 0..255 and gives probabilities (N, C), calibrated.
    Returns the content of the JSON file. Needs the TensorFlow backend. Raises BundleError where a
    library lacks, `target` is there, or the two differ by more than TOLERANCE on 50 images.
    """
    import keras

    if form not in FORMATS:
        raise BundleError(f"Expected a format out of {', '.join(FORMATS)}; got {form!r}.")
    if FORMATS[form] and target.suffix != FORMATS[form]:
        raise BundleError(f"Expected a file that ends in {FORMATS[form]}; got {target.name}.")
    if target.exists():
        raise BundleError(f"Expected a new file; there is {target.name} already.")
    if keras.backend.backend() != "tensorflow":
        raise BundleError("Expected the TensorFlow backend. Set KERAS_BACKEND=tensorflow.")
    network = _calibrated(load_network(bundle.path / "model.keras"), bundle.temperature)
    films = check_films(bundle.size)[:_EXPORT_FILMS]
    network(films[:1])  # Keras exports no network that was never called
    expected = network.predict(films, batch_size=10, verbose=0)
    with tempfile.TemporaryDirectory(dir=target.absolute().parent) as scratch:
        draft = Path(scratch) / f"network{FORMATS[form]}"
        try:
            _WRITE[form](network, draft)
            answer = _READ[form](draft)
        except ImportError as error:
            raise BundleError(
                f"Expected {error.name or 'a library'} to write {form}, and it is not installed. "
                f"Install it with: {_NEEDS.get(form, _NEEDS['tflite'])}"
            ) from error
        found = np.concatenate([answer(films[i : i + 10]) for i in range(0, len(films), 10)])
        apart = float(np.abs(found - expected).max())
        if not apart <= TOLERANCE:
            raise BundleError(
                f"Expected the {form} network to give the Keras network's probabilities within "
                f"{TOLERANCE}; they differ by {apart:.2g}. Nothing is written."
            )
        about = _beside(bundle, form, target, apart)
        draft.replace(target)
    text = json.dumps(about, indent=1, ensure_ascii=False)
    target.with_name(f"{target.name}.json").write_text(f"{text}\n", encoding="utf-8")
    return about


def _calibrated(network: keras.Model, temperature: float) -> keras.Model:
    """The network with its temperature and softmax behind it."""
    import keras

    logits = keras.layers.Rescaling(1 / temperature, name="temperature")(network.output)
    p = keras.layers.Softmax(name="probabilities")(logits)
    return keras.Model(network.input, p, name=network.name)


def _beside(bundle: Bundle, form: str, target: Path, apart: float) -> dict[str, Any]:
    """What whoever uses the file must know."""
    card, size = bundle.card, bundle.size
    steps = [
        "decode to 8-bit grey, 0 black; DICOM by its VOI LUT, MONOCHROME1 inverted",
        f"resize to {size} x {size}, proportions ignored: Image.resize of Pillow, BILINEAR",
        f"float32 (N, {size}, {size}, 1), values 0..255; scaling is inside the network",
    ]
    if card.frame is not None:
        steps.insert(1, f"crop to the lungs' frame, which needs models/lungs: {card.frame}")
    return {
        "file": target.name,
        "format": form,
        "model": {"name": bundle.name, "version": bundle.version, "digest": bundle.digest},
        "input": {"shape": [None, size, size, 1], "dtype": "float32", "prepare": steps},
        "output": {"classes": list(bundle.classes), "p_pneumonia": "1 - the first"},
        "calibrated": f"temperature {bundle.temperature:.4f} and softmax are inside",
        "operating_points": {
            name: getattr(bundle.points, name) for name in ("screening", "balanced", "ruling_in")
        },
        "without": "image checks, out-of-distribution and orientation checks, activation maps",
        "agreement": {"images": _EXPORT_FILMS, "largest_difference": apart},
    }


def _write_onnx(network: keras.Model, path: Path) -> None:
    import onnxruntime  # noqa: F401 - it checks what is written
    import tf2onnx  # noqa: F401

    network.export(str(path), format="onnx", verbose=False)


def _write_tflite(network: keras.Model, path: Path) -> None:
    network.export(str(path), format="litert", verbose=False)


def _write_saved_model(network: keras.Model, path: Path) -> None:
    network.export(str(path), format="tf_saved_model", verbose=False)


def _read_onnx(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda films: np.asarray(session.run(None, {name: films})[0])


def _read_tflite(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import tensorflow as tf

    reader = tf.lite.Interpreter(str(path))
    given, gives = reader.get_input_details()[0], reader.get_output_details()[0]

    def answer(films: NDArray[np.float32]) -> NDArray[np.float32]:
        reader.resize_tensor_input(given["index"], films.shape)
        reader.allocate_tensors()
        reader.set_tensor(given["index"], films)
        reader.invoke()
        return np.asarray(reader.get_tensor(gives["index"]))

    return answer


def _read_saved_model(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import tensorflow as tf

    served = tf.saved_model.load(str(path))
    return lambda films: np.asarray(served.serve(films))


_WRITE: dict[str, Callable[[keras.Model, Path], None]] = {
    "onnx": _write_onnx,
    "tflite": _write_tflite,
    "savedmodel": _write_saved_model,
}
_READ: dict[str, Callable[[Path], Callable[[NDArray[np.float32]], NDArray[np.float32]]]] = {
    "onnx": _read_onnx,
    "tflite": _read_tflite,
    "savedmodel": _read_saved_model,
}
