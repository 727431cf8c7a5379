"""A run's curves: written a point at a time while it trains, read by whoever looks at it."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.learning.runs import Run

STEPS, EPOCHS = "steps.csv", "history.csv"
POINTS_AN_EPOCH = 200


@dataclass
class StepCurve:
    """Appends to a training's steps.csv; a cheap line now and then, at most 200 an epoch.

    Columns: step (of the whole training), epoch (epochs behind it, with the share of the one it
    is in), and what is given: loss, films_per_second, ….
    """

    folder: Path
    steps: int  # an epoch
    drawn: int = field(default=0, init=False)

    def begin_epoch(self) -> None:
        """Count steps from 0 again."""
        self.drawn = 0

    def add(self, epoch: int, step: int, **values: float) -> None:
        """A point at step `step` (1..steps) of epoch `epoch` (from 0), unless there are enough."""
        if step - self.drawn < self.steps / POINTS_AN_EPOCH:
            return
        self.drawn = step
        path = self.folder / STEPS
        new = not path.exists()
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", "epoch", *values])
            at = epoch * self.steps + step
            cells = (f"{value:.6g}" for value in (at / self.steps, *values.values()))
            writer.writerow([at, *cells])


@dataclass(frozen=True)
class Curves:
    """What one training of a run drew: columns by name, float64, NaN where nothing is written.

    steps: of `StepCurve`, "step" ascending. epochs: of Keras' CSVLogger, "epoch" from 0, train
    figures by their name, validation figures behind "val_".
    """

    fold: int
    steps: dict[str, NDArray[np.float64]]
    epochs: dict[str, NDArray[np.float64]]

    @property
    def best_epoch(self) -> int | None:
        """Place in `epochs` of the best validation AUC, whose weights count."""
        auc = self.epochs.get("val_auc", np.array([]))
        return int(np.nanargmax(auc)) if np.isfinite(auc).any() else None


def read_curves(run: Run) -> list[Curves]:
    """The curves of every training of `run` so far, by fold; [] before the first point."""
    found = []
    for folder in sorted(run.folder.glob("fold-*"), key=_number):
        steps, epochs = _read(folder / STEPS), _read(folder / EPOCHS)
        if not steps and not epochs:
            continue
        found.append(
            Curves(
                _number(folder), _without_repeats(steps, "step"), _without_repeats(epochs, "epoch")
            )
        )
    return found


def data_hash(run: Run) -> str:
    """Twelve digits for the films that a run learns from, by their content; "" where unknown."""
    try:
        films = json.loads((run.folder / "folds.json").read_text("utf-8"))["films"]
        content = "\n".join(sorted(film["sha256"] for film in films))
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def differences(settings: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The settings in which runs differ: name → run → value, for `settings` run → name → value."""
    names = {name: None for values in settings.values() for name in values}
    table = {name: {run: settings[run].get(name) for run in settings} for name in names}
    return {name: row for name, row in table.items() if len({str(v) for v in row.values()}) > 1}


def _read(path: Path) -> dict[str, NDArray[np.float64]]:
    """Columns of a CSV that may be being written to: a last line cut short is left out."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = [line for line in file if line.endswith("\n")]
    except (OSError, UnicodeDecodeError):
        return {}
    rows = list(csv.reader(lines))
    if len(rows) < 2:
        return {}
    width = len(rows[0])
    table = [[_value(cell) for cell in row] for row in rows[1:] if len(row) == width]
    columns = np.array(table, dtype=np.float64).reshape(-1, width).T
    return dict(zip(rows[0], columns, strict=True))


def _without_repeats(
    table: dict[str, NDArray[np.float64]], key: str
) -> dict[str, NDArray[np.float64]]:
    """What a resumed run did again counts once: the later lines, where `key` steps back."""
    if not table:
        return table
    at = table[key]
    # Kept is what no later line lies before or on.
    later = np.minimum.accumulate(at[::-1])[::-1]
    kept = np.append(at[:-1] < later[1:], True)
    return {name: values[kept] for name, values in table.items()}


def _number(folder: Path) -> int:
    digits = folder.name.removeprefix("fold-")
    return int(digits) if digits.isdecimal() else -1


def _value(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan
