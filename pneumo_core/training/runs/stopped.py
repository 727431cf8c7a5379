"""After a stop a person waits for the model: what is still read, within a budget of seconds.

Held-out films are read as they are, in an order whose every beginning is a fair sample; features
for the checks come along. On a CPU the network's OpenVINO graph reads them, twice as fast as Keras.
"""

from __future__ import annotations

import shutil
import time
import weakref
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.write import FEWER
from pneumo_core.training.feature_checks import (
    extents,
    fit_orientation,
    fit_out_of_distribution,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.bundle.feature_checks import Orientation, OutOfDistribution
    from pneumo_core.bundle.framing import Framing
    from pneumo_core.training.hardware import Machine

    Floats = NDArray[np.float32]
    Read = Callable[[Floats], tuple[Floats, Floats]]  # films (N, S, S, 1) → logits, features

# Seconds in which held-out films are read, and in which films are read to fit the feature checks;
# the fewest of each, on a machine however slow: points and checks cannot be fitted on less.
ANSWER_SECONDS, LEAST_ANSWERS = 4.0, 96
CHECK_SECONDS, LEAST_CHECK_READS = 4.0, 144
_WRITING = 14.0  # seconds to convert, compare and write a network, roughly
BATCH = 16


def seconds_after_stop(films: float, answer: float) -> tuple[float, float]:
    """Seconds to read held-out films, of which there are `films`, and to make the model.

    answer: seconds in which the network, in Keras, answers to a film.
    """
    answers = min(films * answer, max(ANSWER_SECONDS, LEAST_ANSWERS * answer))
    checks = max(CHECK_SECONDS, LEAST_CHECK_READS * answer)
    return answers, checks + FEWER * answer + _WRITING


def fair_order(
    labels: NDArray[np.int64], patients: NDArray[Any], *, seed: int
) -> NDArray[np.int64]:
    """Places (N,) of films of `labels` int (N,) in an order of which every beginning is fair.

    It has the classes in the proportions of all films, and in each class a film of every patient
    before a second one of any; chance decides the rest.
    """
    rng = np.random.default_rng(seed)
    shares = np.empty(len(labels))
    for label in np.unique(labels):
        mine = rng.permutation(np.flatnonzero(labels == label))
        turn = np.zeros(len(mine), np.int64)  # which of its patient's films it is
        seen: dict[Any, int] = {}
        for place, patient in enumerate(patients[mine].tolist()):
            turn[place] = seen[patient] = seen.get(patient, -1) + 1
        mine = mine[np.argsort(turn, kind="stable")]
        shares[mine] = (np.arange(len(mine)) + 0.5) / len(mine)
    return np.argsort(shares, kind="stable")


@dataclass(frozen=True)
class QuickRead:
    """A stopped run's network, and films that it has read as they are.

    rows (N,) of the corpus in a fair order; logits (N, C); pooled features (N, K).
    """

    network: StoppedNetwork
    rows: NDArray[np.int64]
    logits: Floats
    pooled: Floats


class StoppedNetwork:
    """The trained network of a stopped run, in the form that reads fastest here.

    Called with inputs uint8 (N, S, S): logits float32 (N, C) and pooled features (N, K).
    """

    def __init__(self, network: Any, machine: Machine) -> None:
        self.films, self.seconds = 0, 0.0
        self._graph: Path | None = None
        quick = machine.backend == "tensorflow" and not machine.gpus
        self._read = self._graph_of(network) if quick else _in_keras(network)

    def _graph_of(self, network: Any) -> Read:
        from pneumo_core.bundle.keras_network import save_network
        from pneumo_core.bundle.openvino_graph import Graph, write_graph

        scratch = mkdtemp(prefix="pneumo-stopped-")
        weakref.finalize(self, shutil.rmtree, scratch, ignore_errors=True)
        file = Path(scratch) / "model.keras"
        self._graph = file.with_suffix(".xml")
        save_network(network, file, half=False)
        write_graph(file, self._graph, half=False)
        graph = Graph(self._graph)

        def read(films: NDArray[np.float32]) -> tuple[Floats, Floats]:
            logits, features = graph(films)
            return logits.copy(), features.mean(axis=(1, 2))

        return read

    def __call__(self, inputs: NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Read some films."""
        began = time.monotonic()
        logits, pooled = [], []
        for start in range(0, len(inputs), BATCH):
            batch = inputs[start : start + BATCH]
            found = self._read(batch[..., None].astype(np.float32))
            logits.append(found[0])
            pooled.append(found[1])
        self.films, self.seconds = self.films + len(inputs), self.seconds + time.monotonic() - began
        return np.concatenate(logits), np.concatenate(pooled)

    @property
    def check_reads(self) -> int:
        """How many films can be read for the feature checks, at the speed seen so far."""
        speed = self.films / self.seconds if self.seconds else 0.0
        return max(LEAST_CHECK_READS, int(CHECK_SECONDS * speed))

    def full_graph(self, shift: NDArray[np.float32]) -> Callable[[Path], None] | None:
        """What writes its graph with `shift` (C,) added to the logits; None if it has none."""
        from pneumo_core.bundle.openvino_graph import write_shifted

        graph = self._graph
        return None if graph is None else lambda target: write_shifted(graph, target, shift)


def _in_keras(network: Any) -> Read:
    import keras

    outputs = [network.get_layer(name).output for name in ("logits", "pooled")]
    both = keras.Model(network.input, outputs)

    def read(films: Floats) -> tuple[Floats, Floats]:
        full = np.resize(films, (BATCH, *films.shape[1:]))  # of one size: it is compiled once
        logits, pooled = both.predict_on_batch(full)
        return np.asarray(logits)[: len(films)], np.asarray(pooled)[: len(films)]

    return read


def read_in_time(
    network: StoppedNetwork,
    inputs: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    clock: Callable[[], float] = time.monotonic,
) -> QuickRead:
    """As many of the first of `rows` of `inputs` uint8 (all, S, S) as time allows.

    At least LEAST_ANSWERS, or all that there are.
    """
    began, logits, pooled = clock(), [], []
    for done in range(0, len(rows), BATCH):
        if done >= LEAST_ANSWERS and clock() - began >= ANSWER_SECONDS:
            break
        found = network(np.asarray(inputs[rows[done : done + BATCH]]))
        logits.append(found[0])
        pooled.append(found[1])
    answered = np.concatenate(logits)
    return QuickRead(network, rows[: len(answered)], answered, np.concatenate(pooled))


def fit_checks_in_time(
    read: QuickRead, framing: Framing, copies: NDArray[np.uint8], *, seed: int
) -> tuple[tuple[OutOfDistribution, dict[str, Any]], tuple[Orientation, dict[str, Any]]]:
    """Both feature checks on the films that were read; `copies` uint8 (all, S, S) of all films."""

    def features(films: NDArray[np.uint8]) -> NDArray[np.float32]:
        return read.network(framing.inputs(films))[1]

    first, second = extents(read.network.check_reads)
    pixels, known = np.asarray(copies[read.rows]), read.pooled
    return (
        fit_out_of_distribution(features, pixels, seed=seed, extent=first, known=known),
        fit_orientation(features, pixels, seed=seed, extent=second, known=known),
    )
