"""What a run tells of itself while it trains."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keras

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run

SECONDS_BETWEEN_REPORTS = 1.0


class EpochReport(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes progress to the run's status and to `report`, at most once a second."""

    def __init__(
        self,
        run: Run,
        recipe: Recipe,
        title: str,
        *,
        films: int,
        report: Callable[[str, int, int, str], None],
    ) -> None:
        super().__init__()
        self.run, self.recipe, self.title = run, recipe, title
        self.films, self.report = films, report
        self.steps = -(-films // recipe.batch)
        self.epoch, self.told, self.began = 0, 0.0, time.time()

    def on_epoch_begin(self, epoch: int, _logs: Any = None) -> None:
        """Start the epoch's clock."""
        self.epoch, self.began = epoch, time.time()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Report the step, its loss and the films a second."""
        now = time.time()
        if now - self.told < SECONDS_BETWEEN_REPORTS:
            return
        self.told = now
        speed = (batch + 1) * self.recipe.batch / max(1e-9, now - self.began)
        done = self.epoch * self.steps + batch + 1
        loss = (logs or {}).get("loss", float("nan"))
        words = (
            f"{self.title}, epoch {self.epoch + 1} of {self.recipe.epochs}, loss {loss:.3f}, "
            f"{speed:.0f} films/s"
        )
        self.run.update(epoch=self.epoch, step=batch + 1, steps=self.steps, films_per_second=speed)
        self.report("train", done, self.steps * self.recipe.epochs, words)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch's figures."""
        shown = {k: round(float(v), 4) for k, v in (logs or {}).items()}
        self.run.update(epoch=epoch + 1, last=shown)
        words = ", ".join(f"{name} {value:.4f}" for name, value in shown.items())
        seconds = time.time() - self.began
        where = f"{self.title}, {epoch + 1} of {self.recipe.epochs}"
        self.report("epoch", epoch + 1, self.recipe.epochs, f"{where}: {words} ({seconds:.0f} s)")
