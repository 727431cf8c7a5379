"""The training routine: a folder of images → folds → networks → one bundle."""

from __future__ import annotations

import hashlib
import io
import json
import platform
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.storage import write_atomic
from pneumo_core.training.dataset import HOLDOUT_FOLDS, Corpus, gather
from pneumo_core.training.framing_bias import framing_weights
from pneumo_core.training.held_out import POINT_VIEWS, view_logits
from pneumo_core.training.runs.deliver import (
    Answers,
    add_robustness,
    check_can_bundle,
    deliver,
    shipped,
    training_time,
)
from pneumo_core.training.runs.progress import forget_robustness
from pneumo_core.training.runs.progress_callback import stop_requested
from pneumo_core.training.runs.status import NETWORK
from pneumo_core.training.sources import can_leave_out, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.batches import Films
    from pneumo_core.training.distributed import Devices
    from pneumo_core.training.hardware import Machine
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.stopped import QuickRead
    from pneumo_core.training.sources import FilmSource


@dataclass(frozen=True)
class Learnt:
    """held_out: rows of the corpus, fold by fold; logits (views, N, C) of networks that had not
    seen them.

    After a stop in the training `read` has the rows that these are of, fewer perhaps; `network` is
    the one trained last, where it is at hand.
    """

    held_out: list[NDArray[np.int64]]
    logits: NDArray[np.float32]
    network: Any = None
    read: QuickRead | None = None


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
    report: Progress

    def learn(self) -> Learnt:
        """Train every fold; what networks say of films that they had not seen.

        Of several folds a network of all films is trained at the end. Stopped by hand before that,
        what there is is the network of the last fold, and its rows alone.
        """
        rows, found = [], []
        several = self.recipe.folds > 1
        # One fold: the last, which holds the highest numbers where ranges of them are held out.
        folds = range(self.recipe.held_out_folds) if several else [HOLDOUT_FOLDS - 1]
        for number, fold in enumerate(folds):
            rows.append(np.flatnonzero(self.corpus.fold == fold))
            found.append(self._fold(number, rows[-1]))
            if several and self._stopped():
                break
        else:
            if several:
                self._fold(self.recipe.folds, np.array([], dtype=np.int64))
            whole = np.concatenate([one.logits for one in found], axis=1)
            return replace(found[-1], held_out=rows, logits=whole)
        return found[-1]

    def cut_short(self) -> bool:
        """Whether the run was stopped by hand before its network of all films."""
        last = self.run.folder / f"fold-{self.recipe.folds}" / NETWORK
        return self.recipe.folds > 1 and not last.exists()

    def _stopped(self) -> bool:
        return bool(self.devices.from_chief(np.int32(stop_requested(self.run))))

    def _fold(self, number: int, held_out: NDArray[np.int64]) -> Learnt:
        """Train fold `number`, or take its logits from the run's folder where it was finished.

        A worker among several machines has none.
        """
        folder = self.run.folder / f"fold-{number}"
        kept = folder / "logits.npy"
        nothing = np.empty((1, 0, len(self.recipe.classes)), "float32")
        if self.devices.from_chief(np.int32(kept.exists())):
            # Earlier versions kept the views of the robustness suite as well.
            seen = np.load(kept)[: len(POINT_VIEWS)] if self.devices.chief else nothing
            return Learnt([held_out], seen)
        train_rows = np.setdiff1d(np.arange(len(self.corpus.labels)), held_out)
        several = f"fold {number + 1} of {self.recipe.folds}" if len(held_out) else "all films"
        self.run.update(fold=number)
        network, stopped = self._fit(several, train_rows, held_out, folder)
        if not self.devices.chief:
            return Learnt([held_out], nothing)
        logits = self._answers(network, held_out)
        network.save(folder / NETWORK)
        if not len(logits):
            read = self.read_in_time(network, held_out)
            return Learnt([held_out], read.logits[np.newaxis], network, read)
        if stopped or len(logits) < len(POINT_VIEWS):  # a run that goes on does it again
            return Learnt([held_out], logits, network)
        # The logits come last and whole: that they are there says that the fold is finished.
        content = io.BytesIO()
        np.save(content, logits)
        write_atomic(kept, content.getvalue())
        return Learnt([held_out], logits)

    def read_in_time(self, network: Any, held_out: NDArray[np.int64]) -> QuickRead:
        """What `network` says of as many of the held-out films as a person will wait for."""
        from pneumo_core.training.runs.stopped import StoppedNetwork, fair_order, read_in_time

        corpus = self.corpus
        labels, patients = corpus.labels[held_out], corpus.groups[held_out]
        rows = held_out[fair_order(labels, patients, seed=self.recipe.seed)]
        self.report("validation", 0, 1, "reading held-out films, as many as a few seconds allow")
        read = read_in_time(StoppedNetwork(network, self.machine), corpus.inputs, rows)
        self._check(read.logits)
        self.report("validation", 1, 1, f"{len(read.rows):,} of {len(rows):,} read")
        return read

    def without_sources(self) -> dict[int, NDArray[np.float32]]:
        """By source, logits (films of it, C) of a network that was trained without that source.

        Its best epoch is chosen on films of the other sources. Empty unless the recipe asks for it;
        without those that a stop, or the classes of the others, did not allow.
        """
        found: dict[int, NDArray[np.float32]] = {}
        names = self.corpus.sources if self.recipe.leave_source_out else ()
        for number, name in enumerate(names if len(names) > 1 else ()):
            if self._stopped():
                break
            if why := can_leave_out(self.corpus.index, name):
                self.report("sources", 1, 1, f"{name} is not left out: {why}")
                continue
            logits = self._without(number, name)
            if logits is not None:
                found[number] = logits
        return found

    def _without(self, number: int, name: str) -> NDArray[np.float32] | None:
        """The network's answers to the source that it never saw; None after a stop."""
        from pneumo_core.training.network import predict_logits

        folder = self.run.folder / f"without-{number}"
        kept, mine = folder / "logits.npy", self.corpus.source == number
        if self.devices.from_chief(np.int32(kept.exists())):
            return cast("NDArray[np.float32]", np.load(kept)) if self.devices.chief else None
        chosen_on = np.flatnonzero(~mine & (self.corpus.fold == self.corpus.fold.max()))
        rows = np.setdiff1d(np.flatnonzero(~mine), chosen_on)
        network, stopped = self._fit(f"without {name}", rows, chosen_on, folder)
        if stopped or not self.devices.chief:
            return None
        logits = predict_logits(network, self.corpus.inputs[np.flatnonzero(mine)])
        content = io.BytesIO()
        np.save(content, logits)
        write_atomic(kept, content.getvalue())
        return logits

    def _fit(
        self,
        title: str,
        train_rows: NDArray[np.int64],
        held_out: NDArray[np.int64],
        folder: Path,
    ) -> tuple[Any, bool]:
        """The network of the films `train_rows`, and whether a person stopped it."""
        from pneumo_core.training.fit import fit
        from pneumo_core.training.runs.progress_callback import EpochReport

        recipe, corpus = self.recipe, self.corpus
        self.run.update(phase="training")
        watch = EpochReport(
            self.run,
            recipe,
            title,
            alone=self.devices.machines == 1,
            films=len(train_rows),
            report=self.report,
            folder=None if folder.name.startswith("fold-") else folder,
            extra=len(corpus.sources) * recipe.leave_source_out,
        )
        callbacks: tuple[Any, ...] = (watch,)
        if len(held_out) and self.devices.machines == 1:
            callbacks += (partial(self._closeup, held_out, folder),)
        weights = framing_weights(
            corpus.index,
            corpus.inputs,
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
            callbacks=callbacks,
            stopped=lambda: watch.stopped,
            pooling=self._pooled,
        )
        return network, watch.stopped

    def _pooled(self, done: int, total: int) -> bool:
        """Report the features computed once, of a head trained alone; whether to stop there."""
        self.report("features", done, total, "")
        if done == total:
            self.run.update(phase="training")
        return stop_requested(self.run)

    def _closeup(self, held_out: NDArray[np.int64], folder: Path, network: Any) -> Any:
        """What looks at some of the held-out films after every epoch, the same ones each time."""
        from pneumo_core.training.runs.closeup import FILMS, EpochCloseup, HeldOut

        rng = np.random.default_rng(self.recipe.seed)
        rows = np.sort(rng.permutation(held_out)[:FILMS])
        names = [str(film) for film in self.corpus.index["film"].iloc[rows]]
        inputs, labels = np.asarray(self.corpus.inputs[rows]), self.corpus.labels[rows]
        seen = HeldOut(inputs, labels, names, self.recipe.classes)
        return EpochCloseup(seen, folder, network, stopped=lambda: stop_requested(self.run))

    def _answers(self, network: Any, held_out: NDArray[np.int64]) -> NDArray[np.float32]:
        """Its logits (views, rows, classes) of the films held out, in `POINT_VIEWS`.

        Where a person asked to stop, of the films as they are alone, or (0, rows, classes).
        """
        from pneumo_core.training.network import predict_logits

        logits = view_logits(
            lambda seen: predict_logits(network, self.corpus.framing.inputs(seen)),
            self.corpus.pixels,
            held_out,
            POINT_VIEWS,
            classes=len(self.recipe.classes),
            progress=lambda done, total: self.report("validation", done, total, ""),
            stopped=lambda: stop_requested(self.run),
        )
        if len(logits) < len(POINT_VIEWS):
            logits = logits[:1]
        self._check(logits)
        return logits

    @staticmethod
    def _check(logits: NDArray[np.float32]) -> None:
        if not np.isfinite(logits).all():
            raise TrainingError(
                "The network's outputs are not numbers. Lower --learning-rate and train again."
            )


def train(run: Run, *, settings: Settings, report: Progress) -> Bundle:
    """Train `run` and write its bundle; one that was begun continues after its last epoch.

    `report(phase, done, total, words)` receives all progress. Raises DataSetError or TrainingError
    with a message for the person; `runs.queue.run_queued` writes the run's final state.
    """
    from pneumo_core.training.distributed import join_devices

    recipe, devices = run.recipe(), join_devices()
    devices.check_batch(recipe.batch)
    with devices.all_there():
        devices.text_of_chief(json.dumps(recipe.as_dict()))
        prepared = _prepare(run, settings, report)
    # The card names the machine of the training, wherever the bundle is written.
    trained_on = run.status().trained_on or _facts(recipe, prepared.machine)
    run.update(trained_on=trained_on)
    with devices.all_there():
        learnt = prepared.learn()
        without = prepared.without_sources()
    check_can_bundle(run)
    if prepared.cut_short():  # what is delivered is one fold's network, and says so
        recipe = replace(recipe, folds=1, measured_folds=0)
    stopped = stop_requested(run)
    if stopped or not recipe.robustness:
        forget_robustness(run)
    run.update(phase="bundling")
    network = learnt.network or shipped(run)
    held_out, read = np.concatenate(learnt.held_out), learnt.read
    rows = held_out if read is None else read.rows
    if stopped and read is None:  # for the feature checks
        read = prepared.read_in_time(network, held_out)
    answers = Answers(prepared.corpus, rows, learnt.logits, without, held_out, read)
    made = deliver(
        run,
        network,
        recipe,
        answers,
        facts={**trained_on, **training_time(run)},
        settings=settings,
        report=report,
    )
    if stopped or not recipe.robustness:
        return made.bundle
    return add_robustness(
        made, run=run, recipe=recipe, answers=answers, folds=learnt.held_out, report=report
    )


def assist(sources: Sequence[FilmSource], *, settings: Settings, report: Progress) -> None:
    """A worker's part in a training of several machines; the chief says what is trained.

    The films of `sources` are the chief's own. What a worker writes is thrown away.
    """
    from pneumo_core.training.distributed import join_devices
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import create_run

    devices = join_devices()
    report("machine", 1, 1, f"{devices.sentence}; waiting for the chief")
    with devices.all_there(), TemporaryDirectory(prefix="pneumo-worker-") as scratch:
        recipe = Recipe(**json.loads(devices.text_of_chief("")))
        run = create_run(Path(scratch), recipe, data=sources[0].folder, bundle="", sources=sources)
        prepared = _prepare(run, settings, report)
        prepared.learn()
        prepared.without_sources()


def _prepare(run: Run, settings: Settings, report: Progress) -> Trainings:
    """The films and what they are trained on: the same films on every machine."""
    from pneumo_core.training import batches
    from pneumo_core.training.batches import Films
    from pneumo_core.training.distributed import join_devices
    from pneumo_core.training.hardware import find_machine

    recipe, devices = run.recipe(), join_devices()
    corpus = gather(sources_of(run.config()), recipe, run, settings, report)
    machine = find_machine(recipe.precision)
    room = batches.room_for(corpus.inputs, machine, devices)
    films = Films(corpus.inputs, corpus.labels, room, corpus.source)
    feed = batches.sentence(corpus.inputs, on_device=films.on_device)
    parts = [machine.training_sentence(recipe.batch), devices.sentence, feed]
    report("machine", 1, 1, ", ".join(filter(None, parts)))
    content = zip(corpus.index["sha256"], corpus.labels, corpus.fold, strict=True)
    devices.check_same("films", hashlib.sha256(repr(list(content)).encode()).hexdigest())
    return Trainings(run, recipe, corpus, films, machine, devices, report)


def _facts(recipe: Recipe, machine: Machine) -> dict[str, Any]:
    """The machine and the versions of what trains on it."""
    import cv2
    import keras

    versions = {"keras": keras.__version__, "numpy": np.__version__, "opencv": cv2.__version__}
    try:
        versions[machine.backend] = version(machine.backend)
    except PackageNotFoundError:  # a build of it under another name: tensorflow-cpu, say
        versions[machine.backend] = "of a build of another name"
    return {
        "machine": machine.training_sentence(recipe.batch),
        "versions": {"python": platform.python_version(), **versions},
    }
