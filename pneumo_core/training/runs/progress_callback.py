"""The status of a run while Keras trains, and the request to stop."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import keras

from pneumo_core.formatting import finite
from pneumo_core.progress import Rate
from pneumo_core.storage import utc_now
from pneumo_core.training.hardware import GpuUse, find_machine, memory_now
from pneumo_core.training.runs.estimate import around_training, bundle_seconds
from pneumo_core.training.runs.history import EPOCHS, StepCurve, data_hash
from pneumo_core.training.runs.progress import RemainingPhases, smoothed
from pneumo_core.training.runs.status import CANCEL, STOP
from pneumo_core.training.runs.stopped import seconds_after_stop

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run


_VALIDATION_COST = 0.4  # of a training film's time: no gradients
_VALIDATION_SHARE = 0.1  # of an epoch's time, until one was seen
_HELD_OUT = 0.25  # films held out for each that is trained on


@dataclass
class EpochClock:
    """Times one training of `epochs` epochs of `steps` steps of `batch` images.

    All times are seconds of one clock. An epoch's first step, which may compile and which waits
    for the first images, is no measure of speed.
    """

    epochs: int
    steps: int
    batch: int
    start: float = field(default=math.nan, init=False)  # seconds to the end of the first step
    rest: float = field(default=math.nan, init=False)  # of an epoch: validation and saving
    _rate: Rate = field(default_factory=Rate, init=False)  # of steps
    _began: float = field(default=0.0, init=False)
    _trained: float = field(default=math.nan, init=False)
    _first: bool = field(default=True, init=False)
    _validates: bool = field(default=False, init=False)

    def begin_epoch(self, now: float) -> None:
        """An epoch begins."""
        self._began, self._trained, self._first = now, math.nan, True

    def end_step(self, step: int, now: float) -> None:
        """Step `step` (1..steps) has ended."""
        if self._first:
            self._rate.start(now, step)
            self.start = now - self._began if math.isnan(self.start) else self.start
        elif step > 1:
            self._rate.add(now, step)
        self._first = False
        if step == self.steps:
            self._trained = now

    def begin_validation(self) -> None:
        """The held-out images are read from here on."""
        self._validates = True

    def end_epoch(self, now: float, *, whole: bool = True) -> float:
        """The epoch has ended; how many seconds it took. Not `whole`: it was not validated."""
        if whole and math.isfinite(self._trained):
            self.rest = now - self._trained
        return now - self._began

    @property
    def speed(self) -> float:
        """Images a second in training; NaN if unknown."""
        return self._rate.value * self.batch

    def left(self, epoch: int, step: int) -> float | None:
        """Seconds to the end of this training, if it does not end early.

        `epoch` epochs and `step` steps are done. None if unknown.
        """
        left = self._an_epoch * (self.epochs - epoch - step / max(1, self.steps))
        return round(left, 1) if math.isfinite(left) else None

    @property
    def training(self) -> float:
        """Seconds of a whole training that does not end early; NaN if unknown."""
        return self.start + self.epochs * self._an_epoch

    @property
    def answer(self) -> float:
        """Seconds in which the network predicts one image, as in validation; NaN if unknown."""
        guessed = _VALIDATION_COST / self.speed
        measured = self._validates and math.isfinite(self.rest)
        return min(guessed, self.rest / self._held_out) if measured else guessed

    @property
    def _an_epoch(self) -> float:
        steps = self.steps * self.batch / self.speed
        return steps + self.rest if math.isfinite(self.rest) else steps * (1 + _VALIDATION_SHARE)

    @property
    def _held_out(self) -> float:
        return _HELD_OUT * self.steps * self.batch

    def pace(self) -> dict[str, float] | None:
        """What the estimate of a later run may go by (see `estimate.Pace`); None if unknown."""
        if not self._validates or not math.isfinite(self.speed + self.start + self.rest):
            return None
        save = self.rest - self.answer * self._held_out
        parts = {"train": 1 / self.speed, "validation": self.answer}
        return {**parts, "start": self.start, "save": save}


SECONDS_BETWEEN_REPORTS = 1.0
SECONDS_BETWEEN_CHECKS = 0.2


def stop_requested(run: Run) -> bool:
    """Whether a person asked the run to stop: what is trained by now makes the model."""
    return run.requested(STOP)


class EpochReport(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes progress to the run's status, its curve and `report`, at most once a second.

    Stops the training after the step it is at where a person asked for it, and a validation where
    the machine trains `alone`. `films` is the number of training films, `title` names this training
    among those of the run. `extra` trainings follow the recipe's own, for sources left out; for
    those `folder` is where they are kept.
    """

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        run: Run,
        recipe: Recipe,
        title: str,
        *,
        films: int,
        report: Progress,
        folder: Path | None = None,
        extra: int = 0,
        alone: bool = True,
    ) -> None:
        super().__init__()
        self.alone = alone
        self.folder, self.extra = folder, extra
        self.run, self.recipe, self.title, self.report = run, recipe, title, report
        self.steps = -(-films // recipe.batch)
        self.films, self.epoch, self.step, self.written, self.checked = films, 0, 0, 0.0, 0.0
        self.gpus = GpuUse()
        self.stopped = False  # whether a person ended this training

    def on_train_begin(self, _logs: Any = None) -> None:
        """Find the place of this training in the run; cancel it if stopped with nothing trained."""
        self.fold = self.run.status().fold
        folder = self.folder or self.run.folder / f"fold-{self.fold}"
        first = self.fold == 0 and self.folder is None
        if stop_requested(self.run) and first and not (folder / EPOCHS).exists():
            self.run.request(CANCEL)
            raise KeyboardInterrupt
        self.epochs = self.params.get("epochs") or self.recipe.epochs
        self.steps = self.params.get("steps") or self.steps
        self.fits = self.recipe.fits + self.extra
        # That of all films has the number after all folds, measured or not.
        self.before = min(self.fold, self.recipe.held_out_folds)
        if self.folder is not None:  # without-0, without-1, …
            self.before = self.recipe.fits + int(self.folder.name.rpartition("-")[2])
        self._title = f"{self.title}, " if self.fits > 1 else ""  # of one, it says nothing
        folder.mkdir(exist_ok=True)
        self.curve = StepCurve(folder, self.steps)
        self.clock = EpochClock(self.epochs, self.steps, self.recipe.batch)
        self.took = {
            "bundle": bundle_seconds(self.recipe, self.run.folder.parent),
            **self.run.status().took,
        }
        self.began, self.trained_before = time.time(), self.run.status().seconds
        self.run.update(
            phase="training",
            words=f"{self._title}preparing the first step",
            machine=find_machine(self.recipe.precision).training_sentence(self.recipe.batch),
            data_hash=data_hash(self.run),
            fits=self.fits,
            epochs=self.epochs,
            steps=self.steps,
            **self._done(0),
        )

    def on_epoch_begin(self, epoch: int, _logs: Any = None) -> None:
        """Start the epoch's clock."""
        self.epoch, self.step, self.summed = epoch, 0, (0, 0.0)
        self.clock.begin_epoch(time.time())
        self.curve.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Report the step, its loss and the films a second; stop where that is asked for."""
        now, self.step = time.time(), batch + 1
        self.clock.end_step(self.step, now)
        self._stop_if_requested(now)
        if now - self.written >= SECONDS_BETWEEN_REPORTS:
            self.written = now
            self._write_step(batch + 1, logs or {})

    def on_test_begin(self, _logs: Any = None) -> None:
        """Say that the held-out films are read."""
        self.clock.begin_validation()
        self.run.update(words=f"{self._where()}: validating on the held-out films")

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        """End the validation where that is asked for; several machines end theirs together."""
        if self.alone:
            self._stop_if_requested(time.time())
            self.model.stop_evaluating = self.stopped

    def _stop_if_requested(self, now: float) -> None:
        if now - self.checked < SECONDS_BETWEEN_CHECKS:
            return
        self.checked = now
        if stop_requested(self.run) and not self.model.stop_training:
            self.model.stop_training = self.stopped = True
            self.run.update(stopped_after={"fold": self.fold, "epoch": self.epoch})

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report the epoch's figures."""
        now = time.time()
        whole = self.step >= self.steps and not (self.stopped and self.alone)
        self._stop_if_requested(now)
        seconds = self.clock.end_epoch(now, whole=whole)
        shown = {k: round(float(v), 4) for k, v in (logs or {}).items()}
        words = ", ".join(f"{name} {value:.4f}" for name, value in shown.items())
        facts: dict[str, Any] = {}
        if not math.isfinite(shown.get("loss", 0.0)):
            facts["note"] = (
                f"The loss became NaN in epoch {epoch + 1} and the training ended there. The best "
                "epoch before it is used. Train again with a lower learning rate."
            )
        if whole and (pace := self.clock.pace()):
            facts["pace"] = {**pace, "memory": memory_now()["process"]}
        facts |= self._time_left(epoch + 1, 0, now)
        known = {name: finite(value) for name, value in shown.items()}
        how = "done" if whole else f"ended after step {self.step} of {self.steps}"
        self.run.update(
            epoch=epoch + whole,
            last=known,
            words=f"{self._where()}: {how}",
            seconds=round(self.trained_before + now - self.began, 1),
            trained=utc_now()[:10],
            **facts,
        )
        where = f"{self.title}, {epoch + 1} of {self.epochs}"
        self.report("epoch", epoch + 1, self.epochs, f"{where}: {words} ({seconds:.0f} s)")

    def _write_step(self, step: int, logs: dict[str, float]) -> None:
        loss, speed = self._interval_loss(step, logs), self.clock.speed
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        words = f"{self._where()}, loss {loss:.3f}"
        if math.isfinite(speed):
            words += f", {speed:.0f} films/s"
        self.run.update(
            epoch=self.epoch,
            step=step,
            films_per_second=finite(speed),
            learning_rate=rate,
            loss=finite(loss),
            memory=memory_now(),
            gpu_use=self.gpus.now(),
            words=words,
            **self._time_left(self.epoch, step, self.written),
            **self._done(self.epoch * self.steps + step),
        )
        auc = float(logs.get("auc", math.nan))  # of the epoch so far
        values = {"loss": loss, "auc": auc, "films_per_second": speed, "learning_rate": rate}
        self.curve.add(self.epoch, step, **values)
        done = self.epoch * self.steps + step
        self.report("train", done, self.steps * self.epochs, words)

    def _done(self, steps: int) -> dict[str, int]:
        """Steps done in this training, as steps of the whole run."""
        a_fit = self.epochs * self.steps
        return {"done": self.before * a_fit + steps, "total": self.fits * a_fit}

    def _time_left(self, epoch: int, step: int, now: float) -> dict[str, Any]:
        """The time left of the whole run, as the status is to have it."""
        stopped = stop_requested(self.run)
        remaining = self._remaining(stopped=stopped)
        left = 0.0 if stopped else self.clock.left(epoch, step)
        if left is None or not math.isfinite(remaining.seconds):
            return smoothed(self.run.status(), None, now)
        shown = smoothed(self.run.status(), left + remaining.seconds, now, restart=stopped)
        return shown | remaining.facts()

    def _remaining(self, *, stopped: bool) -> RemainingPhases:
        """What follows this training; after a stop neither another training nor the suite."""
        measured = self.before < self.recipe.held_out_folds  # that of all films is not
        held_out = 1 / max(self.recipe.folds, 5 if self.recipe.folds == 1 else 2)
        films = self.films / (1 - held_out) if measured else self.films
        around = around_training(self.recipe, films, self.clock.answer)
        answers = float(self.took.get("validation") or around.answers)
        bundle = float(self.took.get("bundle") or around.bundle)
        if stopped:
            answers, bundle = seconds_after_stop(films * held_out, self.clock.answer)
            return RemainingPhases(answers if measured else 0.0, bundle, bundle)
        folds = max(0, self.recipe.held_out_folds - self.before - 1)
        trainings = self.fits - self.before - 1
        after = bundle + around.robustness
        if trainings:
            after += trainings * self.clock.training + folds * answers
        return RemainingPhases(answers if measured else 0.0, after, bundle, around.robustness)

    def _interval_loss(self, step: int, logs: dict[str, float]) -> float:
        """Mean loss of the steps since the last report, out of Keras' mean over the epoch."""
        before, total = self.summed
        summed = float(logs.get("loss", math.nan)) * step
        self.summed = (step, summed)
        return (summed - total) / max(1, step - before)

    def _where(self) -> str:
        return f"{self._title}epoch {self.epoch + 1} of {self.epochs}"
