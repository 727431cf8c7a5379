"""What a run tells of itself while it trains, and how it hears that it should stop."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import keras

from pneumo_core.learning.history import StepCurve, data_hash
from pneumo_core.learning.machine import survey
from pneumo_core.learning.memory import memory_now
from pneumo_core.learning.runs import CANCEL, STOP

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run

SECONDS_BETWEEN_REPORTS = 1.0
SECONDS_BETWEEN_LOOKS = 0.2
_VALIDATION_SHARE = (
    0.1  # of an epoch's time, until one was seen: a fifth of the films, no gradients
)


def stop_asked(run: Run) -> bool:
    """Whether a person asked the run to stop: what is trained by now makes the model."""
    return run.asked(STOP)


class EpochReport(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes progress to the run's status, its curve and `report`, at most once a second.

    Stops the training after the step it is at where a person asked for it. `films` is the number
    of training films, `title` names this training among those of the run.
    """

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
        self.epochs, self.epoch = recipe.epochs, 0
        self.told, self.looked = 0.0, 0.0
        self.speed, self.epoch_seconds = math.nan, math.nan

    def on_train_begin(self, _logs: Any = None) -> None:
        """Find the place of this training in the run. A run stopped by now has learnt nothing."""
        if stop_asked(self.run):
            self.run.ask(CANCEL)
            raise KeyboardInterrupt
        self.epochs = self.params.get("epochs") or self.epochs
        self.steps = self.params.get("steps") or self.steps
        self.fold = int(self.run.status().get("fold") or 0)
        self.fits = self.recipe.folds + (self.recipe.folds > 1)
        folder = self.run.folder / f"fold-{self.fold}"
        folder.mkdir(exist_ok=True)
        self.curve = StepCurve(folder, self.steps)
        self.run.update(
            phase="training",
            words=f"{self.title}: preparing the first step",
            done=self.fold * self.epochs * self.steps,
            total=self.fits * self.epochs * self.steps,
            machine=survey(self.recipe.precision).sentence(self.recipe.batch),
            data_hash=data_hash(self.run),
            fits=self.fits,
            epochs=self.epochs,
            steps=self.steps,
        )

    def on_epoch_begin(self, epoch: int, _logs: Any = None) -> None:
        """Start the epoch's clocks; its first step, which may compile, is no measure of speed."""
        self.epoch, self.began = epoch, time.time()
        self.first_step: float | None = None
        self.summed = (0, 0.0)
        self.curve.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Report the step, its loss and the films a second; stop where that is asked for."""
        now = time.time()
        if self.first_step is None:
            self.first_step = now
        if now - self.looked >= SECONDS_BETWEEN_LOOKS:
            self.looked = now
            if stop_asked(self.run) and not self.model.stop_training:
                self.model.stop_training = True
                self.run.update(stopped_after={"fold": self.fold, "epoch": self.epoch})
        if now - self.told < SECONDS_BETWEEN_REPORTS:
            return
        self.told = now
        if batch:
            self.speed = batch * self.recipe.batch / max(1e-9, now - self.first_step)
        self._tell_step(batch + 1, logs or {})

    def on_test_begin(self, _logs: Any = None) -> None:
        """Say that the films held out are looked at."""
        self.run.update(words=f"{self._where()}: the films held out", step=self.steps)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch's figures."""
        shown = {k: round(float(v), 4) for k, v in (logs or {}).items()}
        now = time.time()
        seconds = now - self.began
        if self.first_step is not None:
            self.epoch_seconds = now - self.first_step + self.recipe.batch / self.speed
        words = ", ".join(f"{name} {value:.4f}" for name, value in shown.items())
        note = {}
        if not math.isfinite(shown.get("loss", 0.0)):
            note["note"] = (
                f"The loss became NaN in epoch {epoch + 1} and the training ended there. The best "
                "epoch before it counts. Train again with a lower learning rate."
            )
        self.run.update(
            epoch=epoch + 1, last=shown, seconds_left=self._left(epoch + 1, 0), words=words, **note
        )
        where = f"{self.title}, {epoch + 1} of {self.epochs}"
        self.report("epoch", epoch + 1, self.epochs, f"{where}: {words} ({seconds:.0f} s)")

    def _tell_step(self, step: int, logs: dict[str, float]) -> None:
        loss, rate = self._interval_loss(step, logs), self._learning_rate()
        done = self.epoch * self.steps + step
        speed = f"{self.speed:.0f}" if math.isfinite(self.speed) else "–"
        words = f"{self._where()}, loss {loss:.3f}, {speed} films/s"
        self.run.update(
            epoch=self.epoch,
            step=step,
            done=self.fold * self.epochs * self.steps + done,
            total=self.fits * self.epochs * self.steps,
            films_per_second=_finite(self.speed),
            learning_rate=rate,
            loss=_finite(loss),
            seconds_left=self._left(self.epoch, step),
            memory=memory_now(),
            words=words,
        )
        auc = float(logs.get("auc", math.nan))  # of the epoch so far
        self.curve.add(
            *(self.epoch, step), loss=loss, auc=auc, films_per_second=self.speed, learning_rate=rate
        )
        self.report("train", done, self.steps * self.epochs, words)

    def _interval_loss(self, step: int, logs: dict[str, float]) -> float:
        """Mean loss of the steps since the last report, out of Keras' mean over the epoch."""
        before, total = self.summed
        summed = float(logs.get("loss", math.nan)) * step
        self.summed = (step, summed)
        return (summed - total) / max(1, step - before)

    def _learning_rate(self) -> float:
        return float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))

    def _left(self, epoch: int, step: int) -> float | None:
        """Seconds to the end of all trainings of the run if none ends early; None if unknown."""
        a_step = self.recipe.batch / self.speed  # NaN before the first measure
        an_epoch = self.epoch_seconds  # NaN in the first one
        if not math.isfinite(an_epoch):
            an_epoch = self.steps * a_step * (1 + _VALIDATION_SHARE)
        here = self.epochs - epoch - step / max(1, self.steps)
        left = an_epoch * (here + (self.fits - self.fold - 1) * self.epochs)
        return round(left, 1) if math.isfinite(left) else None

    def _where(self) -> str:
        return f"{self.title}, epoch {self.epoch + 1} of {self.epochs}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
