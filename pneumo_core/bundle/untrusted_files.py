"""Checks of the files of an untrusted bundle, from their text alone: nothing is executed.

Keras' safe mode refuses code in a file, but builds any class and calls any function that Keras
exports, which has been exploited repeatedly (CVE-2025-1550, -8747, -9906, -12058, CVE-2026-1669).
Here only the classes that Pneumo's own networks consist of are accepted.
"""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any
from xml.parsers import expat

from pneumo_core.bundle.registry import ledger_path
from pneumo_core.bundle.write import PREDICTIONS
from pneumo_core.errors import BundleError
from pneumo_core.untrusted_zip import MAX_BYTES, blocks, checked_members, open_zip, refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import NoReturn


KERAS_FILE = "a Keras network in model.keras"
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
    with path.open("rb") as stream, open_zip(stream, KERAS_FILE) as archive:
        members = checked_members(archive, MEMBERS, KERAS_FILE)
        text = b"".join(blocks(archive, members["config.json"], KERAS_FILE))
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refused(KERAS_FILE, "its config.json is not JSON") from error
    for item in _objects(config):
        _check_class(item)
    _check_shape(config, size, classes)


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    """Every object that Keras would build from the description, at any depth."""
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
        KERAS_FILE,
        f"{where} is of the class {what}{alias}, which no network of Pneumo uses and which may "
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
        raise refused(KERAS_FILE, "it has no layer named logits") from error
    expected = [[None, size, size, 1]], ("Dense", classes)
    if root != ("keras.src.models.functional", "Functional") or not features:
        raise refused(KERAS_FILE, "it is not a flat network with a layer named features")
    if (inputs, head) != expected:
        raise refused(
            KERAS_FILE,
            f"its card says {size}×{size} pixels and {classes} classes, the network takes "
            f"{str(inputs)[:60]} and gives {str(head[1])[:20]}",
        )


GRAPH_FILE = "an OpenVINO graph in openvino/model.xml"

_OPSET = re.compile(r"opset\d{1,2}")
_NESTED = {"body", "then_body", "else_body", "back_edges", "port_map"}
_STATE = {"Assign", "ReadValue"}
_PATH = re.compile(r"/|~|\.\.?[/\\]|[A-Za-z]:[/\\]|\\\\|\w+://")
_MAX_DEPTH = 32


def inspect_graph(path: Path, *, size: int) -> None:
    """Raise BundleError unless the graph `path` (.xml) has standard operations only and takes one
    film (?,S,S,1).

    `size` is S, the side in pixels; the file's constants must be inside the .bin beside it.
    """
    elements = _GraphElements(path.with_suffix(".bin").stat().st_size, size)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: _refuse("it has a document type")
    parser.EntityDeclHandler = lambda *_: _refuse("it declares entities")
    parser.ProcessingInstructionHandler = lambda *_: _refuse("it has processing instructions")
    parser.StartElementHandler = elements.start
    parser.EndElementHandler = elements.end
    parser.CharacterDataHandler = elements.text
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise refused(GRAPH_FILE, f"it is not XML: {error}") from error
    if elements.inputs != 1:
        _refuse(f"it takes {elements.inputs} inputs")


class _GraphElements:
    """Checks each element as the parser reaches it."""

    def __init__(self, n_bytes: int, size: int) -> None:
        self.inputs = 0
        self._n_bytes, self._size = n_bytes, size
        self._open: list[str] = []
        self._layer = ("", "")  # type and name

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag != "net":
            _refuse(f"it is a document of {tag[:40]!r}")
        if len(self._open) >= _MAX_DEPTH:
            _refuse("its elements are nested too deeply")
        if tag in _NESTED:
            _refuse(f"its operation {self._layer[1]!r} contains a graph of its own")
        if "rt_info" in self._open:
            _check_note({"tag": tag, **attributes})
        elif tag == "layer":
            self._check_operation(attributes)
        elif tag == "data":
            self._check_data(attributes)
        self._open.append(tag)

    def text(self, content: str) -> None:
        """Text between the tags of a note may be a path as well; OpenVINO writes none."""
        if "rt_info" in self._open and content.strip():
            _refuse(f"a note in it holds text: {content.strip()[:60]!r}")

    def end(self, _tag: str) -> None:
        self._open.pop()

    def _check_operation(self, attributes: dict[str, str]) -> None:
        kind, version = attributes.get("type", ""), attributes.get("version", "")
        self._layer = kind, attributes.get("name", "")[:60]
        if not _OPSET.fullmatch(version) or kind in _STATE:
            what = f"{kind[:40]!r} of {version[:40]!r}"
            _refuse(
                f"its operation {self._layer[1]!r} is {what}, not a standard operation of OpenVINO"
            )
        self.inputs += kind == "Parameter"

    def _check_data(self, attributes: dict[str, str]) -> None:
        kind, name = self._layer
        if kind == "Parameter":
            shape = attributes.get("shape", "").replace(" ", "")
            if shape not in {f"{batch},{self._size},{self._size},1" for batch in ("?", "-1")}:
                _refuse(f"its card says {self._size}×{self._size} pixels, the graph takes {shape}")
        elif kind in {"Const", "Constant"}:
            try:
                ends = int(attributes["offset"]), int(attributes["size"])
            except (KeyError, ValueError):
                _refuse(f"its constant {name!r} has no place in model.bin")
            if min(ends) < 0 or sum(ends) > self._n_bytes:
                _refuse(f"its constant {name!r} is outside of model.bin")
        for key, value in attributes.items():
            if "path" in key.lower() or _PATH.match(value):
                _refuse(f"its operation {name!r} names a file: {value[:60]!r}")


def _check_note(attributes: dict[str, str]) -> None:
    """Runtime notes may point to weights in another file (`__weights_path`)."""
    for key, value in attributes.items():
        if "path" in f"{key}{value}".lower() or _PATH.match(value):
            _refuse(f"a note in it names a file: {value[:60]!r}")


def _refuse(why: str) -> NoReturn:
    raise refused(GRAPH_FILE, why)


PREDICTIONS_FILE = "a table of predictions in predictions.csv"
LABELS = {"normal", "pneumonia"}
SUBTYPES = {"normal", "bacterial", "viral", "unknown", ""}


def inspect_predictions(path: Path) -> None:
    """Raise BundleError unless every row has a film, its label and probabilities 0..1.

    Those of the subtypes may be empty, for a model without subtypes.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream, strict=True)
            if next(rows, None) != list(PREDICTIONS):
                raise refused(PREDICTIONS_FILE, f"its columns are not {', '.join(PREDICTIONS)}")
            for row in rows:
                if not _is_prediction(row):
                    raise refused(
                        PREDICTIONS_FILE, f"line {rows.line_num} is not the prediction of a film"
                    )
    except (UnicodeDecodeError, csv.Error) as error:
        raise refused(PREDICTIONS_FILE, "it cannot be read") from error


def _is_prediction(row: list[str]) -> bool:
    if len(row) != len(PREDICTIONS):
        return False
    film, _, label, subtype, _, normal, bacterial, viral, pneumonia = row
    try:
        chances = [float(p) for p in (normal, pneumonia, bacterial or "0", viral or "0")]
    except ValueError:
        return False
    return (
        film != ""
        and label in LABELS
        and subtype in SUBTYPES
        and all(0 <= chance <= 1 for chance in chances)
    )


TEST_LOG_FILE = "a log of test-set evaluations"
_TEXTS = ("at", "version", "digest", "data", "split", "pneumo")


def checked_ledger(content: bytes) -> list[str]:
    """The lines of a ledger, each a test-set evaluation. Raises BundleError."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            whole = _is_evaluation(json.loads(line))
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise refused(TEST_LOG_FILE, f"its line {number} is not an evaluation")
    return lines


def join_ledger(path: Path, lines: list[str]) -> None:
    """Add missing evaluations to the ledger of the bundle at `path`. Raises BundleError.

    Holds the lock of its other writers; no line is ever removed.
    """
    from filelock import FileLock, Timeout

    target = ledger_path(path)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=10):
            old = target.read_text(encoding="utf-8") if target.is_file() else ""
            new = [line for line in lines if line not in old.splitlines()]
            with target.open("a", encoding="utf-8", newline="\n") as file:
                file.write("\n" if new and old and not old.endswith("\n") else "")
                file.writelines(f"{line}\n" for line in new)
    except (OSError, ValueError, Timeout) as error:
        raise BundleError(
            f"The model {path.name} is imported, but its log of test-set evaluations could not be "
            "merged with the one here. Keep the zip: it holds the record."
        ) from error


def _is_evaluation(entry: Any) -> bool:
    """As `pneumo_core.evaluation.test_log` writes it: short texts, a count, figures or None."""
    if not isinstance(entry, dict) or entry.keys() != {*_TEXTS, "n", "figures"}:
        return False
    texts = all(
        isinstance(entry[key], str) and len(entry[key]) <= 64 and entry[key].isprintable()
        for key in _TEXTS
    )
    figures = entry["figures"]
    return (
        texts
        and type(entry["n"]) is int
        and isinstance(figures, dict)
        and all(value is None or isinstance(value, int | float) for value in figures.values())
    )
