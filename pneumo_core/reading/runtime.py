"""Fast inference: the OpenVINO graph of a bundle, logits and last feature map in one pass."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle

BATCH = 16  # films in one pass: more gains nothing on a CPU and costs memory


class Runtime:
    """A bundle's network on this machine's CPU, compiled for latency on all cores.

    Safe to share between threads: passes take turns. Computes in float32 on every machine, since
    bfloat16 moves probabilities by more than the 1e-3 within which Keras and OpenVINO must agree.
    Raises BundleError where the graph is not one that `write_bundle` makes.
    """

    def __init__(self, bundle: Bundle) -> None:
        import openvino as ov

        core = ov.Core()
        try:
            graph = core.read_model(bundle.path / "openvino" / "model.xml")
            self.head_kernel: NDArray[np.float32] = _constant(graph.output("head_kernel"))
            compiled = core.compile_model(
                graph, "CPU", {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
            )
        except RuntimeError as error:
            raise BundleError(
                f"Model {bundle.name}: expected an OpenVINO graph with the outputs logits, features "
                "and head_kernel; it cannot be used. Restore the bundle or train it again."
            ) from error
        self.size = bundle.size
        self._request = compiled.create_infer_request()
        self._turn = threading.Lock()

    def run(self, films: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (N,C) and features (N,h,w,K), float32, of films uint8 (N,S,S), 0 black..255."""
        if films.ndim != 3 or films.shape[1:] != (self.size, self.size) or len(films) == 0:
            raise ValueError(
                f"Expected films (N,{self.size},{self.size}) with N >= 1, got shape {films.shape}."
            )
        parts = [self._pass(films[i : i + BATCH]) for i in range(0, len(films), BATCH)]
        logits, features = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        return logits, features

    def _pass(self, films: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        batch = films[..., np.newaxis].astype(np.float32)
        with self._turn:
            found = self._request.infer({0: batch})
        return found["logits"], found["features"]


def _constant(output: Any) -> NDArray[np.float32]:
    """The array behind a graph output that computes nothing (stored as float16, then widened)."""
    node = output.get_node()
    while node.get_type_name() != "Constant":
        node = node.input_value(0).get_node()
    return np.array(node.get_data(), dtype=np.float32)
