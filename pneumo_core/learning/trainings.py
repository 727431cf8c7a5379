"""The trainings of a run: a network a fold, and one of all films where there are several folds."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.learning.corpus import HOLDOUT_FOLDS, Corpus, Report
from pneumo_core.learning.counterweight import framing_weights
from pneumo_core.learning.views import POINT_VIEWS, view_logits
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.learning.distribution import Devices
    from pneumo_core.learning.fold_feeds import Films
    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run

NETWORK = "network.keras"


@dataclass(frozen=True)
class Trainings:
    """What the trainings of a run share, once its films are decoded and folded.

    Each is kept in the run's folder `fold-N` as it ends; what is kept is not done again.
    """

    run: Run
    recipe: Recipe
    corpus: Corpus
    films: Films
    machine: Machine
    devices: Devices
    report: Report

    def learn(self) -> tuple[list[NDArray[np.int64]], NDArray[np.float32]]:
        """Rows, fold by fold, and logits (views, rows, classes) of networks that had not seen them.

        Of several folds a network of all films is trained at the end. Stopped by hand before that,
        what there is is the network of the last fold, and its rows alone.
        """
        rows, logits = [], []
        several = self.recipe.folds > 1
        # One fold: the last, which holds the highest numbers where ranges of them are held out.
        folds = range(self.recipe.held_out_folds) if several else [HOLDOUT_FOLDS - 1]
        for number, fold in enumerate(folds):
            rows.append(np.flatnonzero(self.corpus.fold == fold))
            logits.append(self._fold(number, rows[-1]))
            if several and self._stopped():
                return rows[-1:], logits[-1]
        if several:
            self._fold(self.recipe.folds, np.array([], dtype=np.int64))
        return rows, np.concatenate(logits, axis=1)

    def cut_short(self) -> bool:
        """Whether the run was stopped by hand before its network of all films."""
        last = self.run.folder / f"fold-{self.recipe.folds}" / NETWORK
        return self.recipe.folds > 1 and not last.exists()

    def _stopped(self) -> bool:
        from pneumo_core.learning.watch import stop_asked

        return bool(self.devices.told_by_chief(np.int32(stop_asked(self.run))))

    def _fold(self, number: int, held_out: NDArray[np.int64]) -> NDArray[np.float32]:
        """Train fold `number`, or take its logits from the run's folder where it was finished.

        A worker among several machines has none.
        """
        folder = self.run.folder / f"fold-{number}"
        kept = folder / "logits.npy"
        nothing = np.empty((1, 0, len(self.recipe.classes)), "float32")
        if self.devices.told_by_chief(np.int32(kept.exists())):
            # Earlier versions kept the views of the robustness suite as well.
            seen = np.load(kept)[: len(POINT_VIEWS)] if self.devices.chief else nothing
            return cast("NDArray[np.float32]", seen)
        network, stopped = self._fit(number, held_out, folder)
        if not self.devices.chief:
            return nothing
        logits = self._answers(network, held_out)
        network.save(folder / NETWORK)
        if stopped or len(logits) < len(POINT_VIEWS):  # a run that goes on does it again
            return logits
        # The logits come last and whole: that they are there says that the fold is finished.
        content = io.BytesIO()
        np.save(content, logits)
        write_atomic(kept, content.getvalue())
        return logits

    def _fit(self, number: int, held_out: NDArray[np.int64], folder: Path) -> tuple[Any, bool]:
        """The network of all films but those held out, and whether a person stopped it."""
        from pneumo_core.learning.fit import fit
        from pneumo_core.learning.watch import EpochReport

        recipe, corpus = self.recipe, self.corpus
        train_rows = np.setdiff1d(np.arange(len(corpus.labels)), held_out)
        title = f"fold {number + 1} of {recipe.folds}" if len(held_out) else "all films"
        self.run.update(phase="training", fold=number)
        watch = EpochReport(self.run, recipe, title, films=len(train_rows), report=self.report)
        weights = framing_weights(
            corpus.index,
            corpus.pixels,
            train_rows,
            strength=recipe.framing_weights if recipe.augment else 0.0,
        )
        network = fit(
            recipe,
            self.films,
            train_rows,
            held_out,
            machine=self.machine,
            folder=folder,
            weights=weights,
            callbacks=(watch,),
            stopped=lambda: watch.stopped,
        )
        return network, watch.stopped

    def _answers(self, network: Any, held_out: NDArray[np.int64]) -> NDArray[np.float32]:
        """Its logits (views, rows, classes) of the films held out, in `POINT_VIEWS`.

        Where a person asked to stop, of the films as they are alone.
        """
        from pneumo_core.learning.fit import predict_logits
        from pneumo_core.learning.watch import stop_asked

        logits = view_logits(
            lambda seen: predict_logits(network, seen),
            self.corpus.pixels,
            held_out,
            POINT_VIEWS,
            classes=len(self.recipe.classes),
            progress=lambda done, total: self.report("validation", done, total, ""),
            stopped=lambda: stop_asked(self.run),
        )
        if len(logits) < len(POINT_VIEWS):
            logits = logits[:1]
        if not np.isfinite(logits).all():
            raise TrainingError(
                "The network's answers are not numbers. Lower --learning-rate, train again."
            )
        return logits
