"""Fast inference: films in, logits and last feature map out, in one pass and without TensorFlow.

For the stability range a film is read as it is, mirrored, and in four small crops and shifts. The
film and its mirror image are read first. Where both answers lie far beyond the same operating
point, as on most films at home, the other four views are not read (docs/scale.md: no decision of
660 films would have changed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.framing import framing_of
from pneumo_core.bundle.openvino_graph import Graph
from pneumo_core.metrics import probabilities
from pneumo_core.metrics.recalibration import Recalibration, log_odds
from pneumo_core.perturbations.geometry import WHOLE, Frame, reframe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.bundle.framing import Framing
    from pneumo_core.imaging.lung_frame import Window

MIRRORED = None
VIEWS: tuple[Frame | None, ...] = (
    WHOLE,
    MIRRORED,
    # Small crops and shifts, as between two exposures of one child.
    Frame(0.97, 0.97),
    Frame(0.94, 0.94),
    Frame(0.96, 0.96, right=-0.015, down=-0.015),
    Frame(0.96, 0.96, right=0.015, down=0.015),
)
FIRST = 2  # views that every film is read in
FAR = 2.5  # log odds beyond an operating point; measured in docs/scale.md

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


def answers(
    bundle: Bundle, runtime: Runtime, copy: NDArray[np.uint8], window: Window
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Calibrated probabilities (V,C) of a film in its views, itself first, and its features
    (h,w,K); from the film's square copy uint8 (side,side). V is 2 or 6.
    """
    first, features = runtime.run(framings(runtime.framing, copy, window, VIEWS[:FIRST]))
    logits = first
    if not far_beyond(first, bundle):
        further, _ = runtime.run(framings(runtime.framing, copy, window, VIEWS[FIRST:]))
        logits = np.concatenate([first, further])
    return bundle.probabilities(logits), features[0]


def far_beyond(logits: NDArray[np.float32], bundle: Bundle) -> bool:
    """Whether all answers (V,C) lie more than FAR below the screening point, or all as far above
    the ruling-in point, in log odds of the network.
    """
    odds = log_odds(1.0 - probabilities(logits, bundle.temperature)[:, 0])
    fitted = bundle.card.recalibration or Recalibration("temperature")
    low, _ = fitted.log_odds_around(bundle.points.screening)
    _, high = fitted.log_odds_around(bundle.points.ruling_in)
    return bool(odds.max() < low - FAR or odds.min() > high + FAR)


def framings(
    framing: Framing, copy: NDArray[np.uint8], window: Window, views: Sequence[Frame | None] = VIEWS
) -> NDArray[np.uint8]:
    """What the network sees of a film in some views: uint8 (len(views),S,S)."""
    return np.stack([_seen(framing, copy, window, view) for view in views])


def _seen(
    framing: Framing, copy: NDArray[np.uint8], window: Window, view: Frame | None
) -> NDArray[np.uint8]:
    if view is MIRRORED:
        return _seen(framing, copy, window, WHOLE)[:, ::-1]
    if framing.frame is None:
        return np.asarray(reframe(copy[np.newaxis], view)[0])
    return framing.input(copy, window.scaled(view.width, right=view.right, down=view.down))
