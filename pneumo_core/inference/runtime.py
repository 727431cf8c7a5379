"""Fast inference: films in, logits and last feature map out, in one pass and without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.framing import framing_of
from pneumo_core.bundle.openvino_graph import Graph

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.lung_frame import Window

BATCH = 16  # films in one pass: more gains nothing on a CPU and costs memory


class Runtime:
    """A bundle's network on this machine's CPU. Safe to share between threads.

    Latency form: one pass at a time on all cores. Throughput form: `streams` threads at a time, on
    a few cores each, which does more films in all and each of them more slowly. `framing` makes its
    inputs of films. Raises BundleError where the bundle's graph, or the lung
    finder that it needs, cannot be used.
    """

    def __init__(self, bundle: Bundle, *, throughput: bool = False) -> None:
        self.size = bundle.size
        self.framing = framing_of(bundle, throughput=throughput)
        self._graph = Graph(bundle.path / "openvino" / "model.xml", throughput=throughput)

    @property
    def streams(self) -> int:
        """How many passes run at once."""
        return self._graph.streams

    @property
    def head_kernel(self) -> NDArray[np.float32]:
        """Weights of the linear head on the pooled features, float32 (K,C)."""
        return self._graph.head_kernel

    def logits(
        self, copies: NDArray[np.uint8], windows: Sequence[Window] | None = None
    ) -> NDArray[np.float32]:
        """Logits float32 (N,C) of films as square copies uint8 (N,side,side) of `framing`.

        `windows`: as of `Framing.inputs`.
        """
        return self.run(self.framing.inputs(copies, windows))[0]

    def run(self, films: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (N,C) and features (N,h,w,K), float32, of inputs uint8 (N,S,S), 0 black..255."""
        if films.ndim != 3 or films.shape[1:] != (self.size, self.size) or len(films) == 0:
            raise ValueError(
                f"Expected films (N,{self.size},{self.size}) with N >= 1, got shape {films.shape}."
            )
        parts = [self._pass(films[i : i + BATCH]) for i in range(0, len(films), BATCH)]
        logits, features = (np.concatenate(kind) for kind in zip(*parts, strict=True))
        return logits, features

    def _pass(self, films: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        batch = films[..., np.newaxis].astype(np.float32)
        return self._graph(batch)
