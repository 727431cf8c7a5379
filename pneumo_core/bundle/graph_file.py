"""A stranger's `openvino/model.xml`, looked through as text before OpenVINO reads it.

Let in is a plain graph of OpenVINO's own operations whose constants lie in `model.bin`: no
extension, no nested graph (If, Loop, TensorIterator), no state, no other file, and no document
type, through which XML grows without bound or reads files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.parsers import expat

from pneumo_core.bundle.archive import refused

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

WHAT = "an OpenVINO graph in openvino/model.xml"

_OPSET = re.compile(r"opset\d{1,2}")
_NESTED = {"body", "then_body", "else_body", "back_edges", "port_map"}
_STATE = {"Assign", "ReadValue"}
_PATH = re.compile(r"/|~|\.\.?[/\\]|[A-Za-z]:[/\\]|\\\\|\w+://")
_MAX_DEPTH = 32


def inspect_graph(path: Path, *, size: int) -> None:
    """Raise BundleError unless the graph `path` (.xml) is plain and takes one film (?,S,S,1).

    `size` is S, the side in pixels; the file's constants must lie inside the .bin beside it.
    """
    look = _Look(path.with_suffix(".bin").stat().st_size, size)
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = lambda *_: _refuse("it has a document type")
    parser.EntityDeclHandler = lambda *_: _refuse("it declares entities")
    parser.ProcessingInstructionHandler = lambda *_: _refuse("it has processing instructions")
    parser.StartElementHandler = look.start
    parser.EndElementHandler = look.end
    try:
        with path.open("rb") as stream:
            parser.ParseFile(stream)
    except expat.ExpatError as error:
        raise refused(WHAT, f"it is no XML: {error}") from error
    if look.inputs != 1:
        _refuse(f"it takes {look.inputs} inputs")


class _Look:
    """Goes through the elements as the parser comes to them."""

    def __init__(self, n_bytes: int, size: int) -> None:
        self.inputs = 0
        self._n_bytes, self._size = n_bytes, size
        self._open: list[str] = []
        self._layer = ("", "")  # type and name

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if not self._open and tag != "net":
            _refuse(f"it is a document of {tag[:40]!r}")
        if len(self._open) >= _MAX_DEPTH:
            _refuse("its elements are nested too deep")
        if tag in _NESTED:
            _refuse(f"its operation {self._layer[1]!r} holds a graph of its own")
        if "rt_info" in self._open:
            _check_note(attributes)
        elif tag == "layer":
            self._check_operation(attributes)
        elif tag == "data":
            self._check_data(attributes)
        self._open.append(tag)

    def end(self, _tag: str) -> None:
        self._open.pop()

    def _check_operation(self, attributes: dict[str, str]) -> None:
        kind, version = attributes.get("type", ""), attributes.get("version", "")
        self._layer = kind, attributes.get("name", "")[:60]
        if not _OPSET.fullmatch(version) or kind in _STATE:
            what = f"{kind[:40]!r} of {version[:40]!r}"
            _refuse(f"its operation {self._layer[1]!r} is {what}, none of OpenVINO's plain ones")
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
                _refuse(f"its constant {name!r} lies outside of model.bin")
        for key, value in attributes.items():
            if "path" in key.lower() or _PATH.match(value):
                _refuse(f"its operation {name!r} names a file: {value[:60]!r}")


def _check_note(attributes: dict[str, str]) -> None:
    """Notes for the runtime: they may send it to weights in another file (`__weights_path`)."""
    for key, value in attributes.items():
        if "path" in f"{key}{value}".lower() or _PATH.match(value):
            _refuse(f"a note in it names a file: {value[:60]!r}")


def _refuse(why: str) -> NoReturn:
    raise refused(WHAT, why)
