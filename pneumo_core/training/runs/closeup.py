"""A closer look after every epoch: recalls, confusion, the surest errors of some held-out films."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from pneumo_core.storage import write_atomic
from pneumo_core.training.runs.status import CLOSEUP, CLOSEUP_MAPS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

FILMS, ERRORS, BATCH = 192, 5, 64
THRESHOLD = 0.5  # on P(pneumonia), which is not calibrated before the run's end


@dataclass(frozen=True)
class HeldOut:
    """The films to look at: inputs uint8 (N, S, S), labels int (N,), names (N,); all held out."""

    inputs: NDArray[np.uint8]
    labels: NDArray[np.int64]
    names: list[str]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Closeup:
    """What one epoch's network says of the films.

    recall: share of each class that is called so, by class; confusion: "tp", "fp", "tn", "fn" at
    `threshold`; errors: the surest first, each with film, label and p (of pneumonia).
    """

    epoch: int
    films: int
    threshold: float
    recall: dict[str, float | None]
    confusion: dict[str, int]
    errors: list[dict[str, Any]] = field(default_factory=list)


def closeup_of(
    epoch: int, logits: NDArray[np.float32], seen: HeldOut
) -> tuple[Closeup, NDArray[np.int64]]:
    """The closer look at logits (N, C), and the rows of its errors."""
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = 1 - odds[:, 0] / odds.sum(axis=1)
    called, positive, predicted = p >= THRESHOLD, seen.labels > 0, logits.argmax(axis=1)
    wrong = np.flatnonzero(called != positive)
    surest = wrong[np.argsort(-np.abs(p[wrong] - THRESHOLD), kind="stable")][:ERRORS]
    recall = {
        name: float((predicted[seen.labels == place] == place).mean())
        if (seen.labels == place).any()
        else None
        for place, name in enumerate(seen.classes)
    }
    confusion = {
        "tp": int((called & positive).sum()),
        "fp": int((called & ~positive).sum()),
        "tn": int((~called & ~positive).sum()),
        "fn": int((~called & positive).sum()),
    }
    errors = [
        {
            "film": seen.names[row],
            "label": seen.classes[int(seen.labels[row])],
            "p": round(float(p[row]), 4),
        }
        for row in surest
    ]
    return Closeup(epoch, len(p), THRESHOLD, recall, confusion, errors), surest


class EpochCloseup(keras.callbacks.Callback):  # type: ignore[misc]
    """Looks at up to FILMS held-out films after every epoch and writes into `folder`.

    It comes after the callback that swaps in the averaged weights. The layers "features" and
    "logits" of `network`, which is trained, give the maps. `stopped`: whether a person waits.
    """

    def __init__(
        self,
        seen: HeldOut,
        folder: Path,
        network: Any,
        *,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__()
        self.seen, self.folder, self.stopped = seen, folder, stopped
        outputs = [network.get_layer(name).output for name in ("features", "logits")]
        self.both = keras.Model(network.input, outputs)

    def on_epoch_end(self, epoch: int, _logs: Any = None) -> None:
        """Write the closer look, the maps first; after a stop a person waits, and there is none."""
        if self.stopped():
            return
        features, logits = self._answers()
        found, rows = closeup_of(epoch, logits, self.seen)
        kernel = np.asarray(self.both.get_layer("logits").kernel)
        # Towards pneumonia, whatever kind: the mean of its classes against normal.
        direction = kernel[:, 1:].mean(axis=1) - kernel[:, 0]
        maps = np.maximum(features[rows] @ direction, 0)
        maps /= np.maximum(maps.max(axis=(1, 2), keepdims=True), 1e-6)
        content = io.BytesIO()
        np.savez_compressed(content, films=self.seen.inputs[rows], maps=maps.astype("f4"))
        write_atomic(self.folder / CLOSEUP_MAPS, content.getvalue())
        write_atomic(self.folder / CLOSEUP, json.dumps(asdict(found)))

    def _answers(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        parts = []
        for start in range(0, len(self.seen.inputs), BATCH):
            films = self.seen.inputs[start : start + BATCH]
            full = np.resize(films, (BATCH, *films.shape[1:]))[..., None]
            found = self.both.predict_on_batch(full.astype("float32"))
            parts.append([np.asarray(one)[: len(films)] for one in found])
        features, logits = (np.concatenate(one) for one in zip(*parts, strict=True))
        return features.astype(np.float32), logits.astype(np.float32)
