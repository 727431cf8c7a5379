"""What a training saves on its way, so that whatever ends it costs half a minute and no more.

Every file appears under its name only when it is whole: a run may be killed at any moment.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras

from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

HISTORY = "history.csv"
SECONDS_BETWEEN_BACKUPS = 30.0
_SHARE = 20  # a backup that takes long is made again only after this many times as long


class WrittenWhole(keras.Model):  # type: ignore[misc]
    """A model whose weights files appear at once and whole."""

    def save_weights(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Write beside `filepath`, then rename."""
        target = Path(filepath)
        partial = target.with_name(f"partial-{target.name}")
        try:
            super().save_weights(partial, overwrite=True, **options)
            if overwrite or not target.exists():
                partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


class SparingBackup(keras.callbacks.BackupAndRestore):  # type: ignore[misc]
    """Backs up at an epoch's end, but at most every half minute; what is lost is done again.

    `steps` an epoch. What the backup knows outlives `fit`: it goes when the fold is finished.
    `agreed(due)`: what several machines make of it. All of them back up at once, since to read an
    optimizer takes every machine that trains it.
    """

    def __init__(
        self, folder: Path, *, steps: int, agreed: Callable[[bool], bool] = lambda due: due
    ) -> None:
        super().__init__(str(folder), delete_checkpoint=False)
        self.steps, self.agreed = steps, agreed
        self.wait = SECONDS_BETWEEN_BACKUPS
        self.saved = time.monotonic()

    @property
    def files(self) -> list[Path]:
        """What the backup consists of."""
        return [Path(self._weights_path), Path(self._training_metadata_path)]

    def restore(self, model: keras.Model) -> int:
        """Give `model` what was backed up; how many epochs it has behind it."""
        self.set_model(model)
        self._load_model()
        # Read off the optimizer: a kill between two files cannot make this disagree with it.
        return int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // self.steps

    def on_train_begin(self, logs: Any = None) -> None:
        """Nothing: `restore` came before, since history and choice depend on what it finds."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Back up, if the last time is long enough ago and the loss is a number."""
        began = time.monotonic()
        finite = math.isfinite((logs or {}).get("loss", 0.0))
        due = finite and not self.model.stop_training and began - self.saved >= self.wait
        if self.agreed(due):
            super().on_epoch_end(epoch, logs)
            self.saved = time.monotonic()
            self.wait = max(SECONDS_BETWEEN_BACKUPS, _SHARE * (self.saved - began))

    def remove(self) -> None:
        """Take the backup away: what was trained is kept elsewhere by now."""
        shutil.rmtree(self.backup_dir, ignore_errors=True)


class BestWeights(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keeps the weights of the epoch with the best validation AUC: of the network alone.

    Keras' own would save the optimizer with them, three times as much again.
    """

    def __init__(self, path: Path, network: keras.Model, *, best_before: float | None) -> None:
        super().__init__(
            path,
            monitor="val_auc",
            mode="max",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=best_before,
        )
        self.network = WrittenWhole(network.inputs, network.outputs)

    def set_model(self, _model: keras.Model) -> None:
        """Save this network, whatever is trained."""
        super().set_model(self.network)


def cut_history(folder: Path, *, epochs: int) -> list[dict[str, str]]:
    """Leave the first `epochs` rows in history.csv, since what follows is done again; the rows."""
    path = folder / HISTORY
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if _epoch(row) < epochs]
        names = reader.fieldnames or []
    text = io.StringIO(newline="")
    if rows:
        writer = csv.DictWriter(text, names)
        writer.writeheader()
        writer.writerows(rows)
    write_atomic(path, text.getvalue())
    return rows


def _epoch(row: dict[str, str]) -> float:
    """Number of the row's epoch; infinite for a row cut short."""
    try:
        return math.inf if None in row.values() else int(row["epoch"])
    except (KeyError, TypeError, ValueError):
        return math.inf


def figures(rows: list[dict[str, str]], name: str) -> list[float]:
    """Column `name` of the history's rows; [] where it has none."""
    return [float(row[name]) for row in rows if row.get(name)]
