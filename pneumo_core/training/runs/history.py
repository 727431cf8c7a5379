"""The history of runs: a run's curves, and the runs in a table that compares them."""

from __future__ import annotations

import csv
import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.formatting import NONE, duration, estimate
from pneumo_core.metrics import Estimate
from pneumo_core.training.runs.run import Run, list_runs
from pneumo_core.training.runs.status import CLOSEUP, CLOSEUP_MAPS, LIVE, summary_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


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
    last: int = field(default=0, init=False)

    def begin_epoch(self) -> None:
        """Count steps from 0 again."""
        self.last = 0

    def add(self, epoch: int, step: int, **values: float) -> None:
        """A point at step `step` (1..steps) of epoch `epoch` (from 0), unless there are enough."""
        if step - self.last < self.steps / POINTS_AN_EPOCH:
            return
        self.last = step
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


def read_closeup(run: Run) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """The closer look at the latest training's last epoch (`closeup.Closeup`), and its arrays
    "films" uint8 (E, S, S) and "maps" float32 (E, h, w); None before there is one.
    """
    for folder in sorted(run.folder.glob("fold-*"), key=_number, reverse=True):
        try:
            found = json.loads((folder / CLOSEUP).read_text("utf-8"))
            with np.load(folder / CLOSEUP_MAPS) as stored:
                return found, {name: stored[name] for name in ("films", "maps")}
        except (OSError, ValueError, KeyError):
            continue
    return None


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
    # A line stays if no later line has the same or an earlier step.
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


FIGURES = ("auc", "sensitivity", "specificity")
# Shown wherever an epoch's AUC and the model's own appear together.
MEASURED_AGAIN = (
    "The AUC of an epoch is a quick estimate for choosing the best one. The AUC of the model is "
    "computed again from its calibrated predictions in full precision; that is the one to report."
)


def run_rows(runs_dir: Path) -> list[dict[str, Any]]:
    """A row a run (see `row_of`), the latest first."""
    return [row_of(run) for run in list_runs(runs_dir)]


def live_runs(runs_dir: Path) -> list[Run]:
    """Runs that train or wait: those that train first, then the queue in its order."""
    found = []
    for run in list_runs(runs_dir):
        try:
            status = run.status()
        except TrainingError:
            continue
        if status.state in LIVE:
            found.append((status.state == "queued", status.queued, run.id, run))
    return [run for *_, run in sorted(found, key=lambda one: one[:3])]


def current_run(runs_dir: Path) -> Run | None:
    """The run to show: the one that trains, else the next of the queue, else the one that wrote its
    status last.
    """
    live = live_runs(runs_dir)
    if live:
        return live[0]
    ended = []
    for run in list_runs(runs_dir):
        try:
            ended.append((run.status().updated, run))
        except TrainingError:
            continue
    return max(ended, key=lambda one: one[0])[1] if ended else None


def row_of(run: Run) -> dict[str, Any]:
    """A run in one line, every value text, number, estimate or None.

    run, created (ISO 8601), state, data (the folder's name), data_hash, backbone, weights, size,
    task, preset, epochs (done of asked), seed, version, device, time, val_loss and val_auc of the
    last epoch, model (its bundle); of a finished model auc, sensitivity and specificity, each with
    its 95 % interval ({"value", "low", "high"}).
    """
    try:
        config, status = run.config(), run.status()
    except TrainingError:
        return {"run": run.id, "state": "failed", "data": "damaged"}
    recipe, last = config.get("recipe", {}), status.last
    figures = status.figures
    return {
        "run": run.id,
        "created": config.get("created") or "",
        "state": summary_of(status).state.name,
        "data": Path(str(config.get("data", ""))).name,
        "data_hash": status.data_hash,
        **{name: recipe.get(name) for name in ("backbone", "size", "task", "preset", "seed")},
        "weights": weights_in_words(recipe),
        "epochs": f"{status.epoch} of {recipe.get('epochs')}",
        "version": config.get("version") or "",
        "device": status.machine,
        "time": duration(status.seconds_worked) if status.seconds_worked else "",
        "val_loss": last.get("val_loss"),
        "val_auc": last.get("val_auc"),
        **{name: figures.get(name) for name in FIGURES},
        "model": config.get("bundle") or "",
    }


def settings_of(run: Run) -> dict[str, Any]:
    """What a run was asked for, by the recipe's names; a weights file by its name alone."""
    try:
        recipe = run.config().get("recipe", {})
    except TrainingError:
        return {}
    return {**recipe, "weights": weights_in_words(recipe)}


def weights_in_words(recipe: Mapping[str, Any]) -> str:
    """Where a recipe starts from: "ImageNet", "from scratch", or a file's name."""
    weights = str(recipe.get("weights", ""))
    known = {"imagenet": "ImageNet", "none": "from scratch"}
    return known.get(weights) or Path(weights).name


def in_words(value: Any) -> str:
    """A value of a row: "0.9412", "0.94 [0.92–0.96]", "–" for none."""
    if value is None or value == "":
        return NONE
    if isinstance(value, dict):
        return estimate(Estimate.from_dict(value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)
