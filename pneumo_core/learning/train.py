"""The training routine: a folder of films → folds → networks → one bundle."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import TrainingError
from pneumo_core.learning.corpus import HOLDOUT_FOLDS, Corpus, Report, gather
from pneumo_core.learning.counterweight import framing_weights
from pneumo_core.learning.deliver import Answers, check_can_bundle, deliver
from pneumo_core.learning.views import POINT_VIEWS, stress_sample, view_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run


NETWORK = "network.keras"


def train(run: Run, *, settings: Settings, report: Report) -> Bundle:
    """Carry `run` to its bundle; a run begun before goes on where its last epoch ended.

    `report(phase, done, total, words)` hears of all progress. Raises DataSetError or
    TrainingError with words for the person; the run's status says the same.
    """
    try:
        bundle = _train(run, settings, report)
    except KeyboardInterrupt:
        run.update(state="interrupted", message="Stopped by hand; it can be resumed.")
        raise
    except BaseException as error:
        told = str(error) or type(error).__name__
        run.update(state="failed", message=told)
        raise
    run.update(state="done", phase="done", message=f"Model {bundle.name} is written.")
    return bundle


def assist(data: Path, *, settings: Settings, report: Report) -> None:
    """A worker's part in a training of several machines; the chief says what is trained.

    The films below `data` are the chief's own. What a worker writes is thrown away.
    """
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import create_run

    devices = join_devices()
    report("machine", 1, 1, f"{devices.sentence}; waiting for the chief")
    with devices.all_there(), TemporaryDirectory(prefix="pneumo-worker-") as scratch:
        recipe = Recipe(**json.loads(devices.text_of_chief("")))
        run = create_run(Path(scratch), recipe, data=data, bundle="")
        corpus, machine = _prepare(run, settings, report)
        _learn(run, recipe, corpus, machine, report)


def _prepare(run: Run, settings: Settings, report: Report) -> tuple[Corpus, Machine]:
    """The films and what they are trained on: the same films on every machine."""
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.machine import survey

    recipe, devices = run.recipe(), join_devices()
    corpus = gather(Path(run.config()["data"]), recipe, run, settings, report)
    machine = survey(recipe.precision)
    report(
        "machine", 1, 1, ", ".join(filter(None, [machine.sentence(recipe.batch), devices.sentence]))
    )
    content = zip(corpus.index["sha256"], corpus.labels, corpus.fold, strict=True)
    devices.check_same("films", hashlib.sha256(repr(list(content)).encode()).hexdigest())
    return corpus, machine


def _train(run: Run, settings: Settings, report: Report) -> Bundle:
    from pneumo_core.learning.distribution import join_devices

    began = time.time()
    recipe, devices = run.recipe(), join_devices()
    devices.check_batch(recipe.batch)
    with devices.all_there():
        devices.text_of_chief(json.dumps(recipe.as_dict()))
        corpus, machine = _prepare(run, settings, report)
    # The card tells of where the networks were trained, wherever the bundle is written.
    trained_on = run.status().get("trained_on") or _facts(recipe, machine)
    run.update(trained_on=trained_on)
    with devices.all_there():
        held_out, logits = _learn(run, recipe, corpus, machine, report)
    check_can_bundle(run)
    if len(held_out) < recipe.folds:  # asked for, or stopped by hand
        recipe = replace(recipe, measured_folds=len(held_out))
    seconds = time.time() - began + run.status().get("seconds", 0.0)
    run.update(phase="bundling", seconds=seconds)
    return deliver(
        run,
        _shipped(run),
        recipe,
        Answers(corpus, np.concatenate(held_out), logits),
        facts={**trained_on, "seconds": round(seconds, 1), "finished": _today()},
        settings=settings,
        report=report,
    )


def _learn(
    run: Run, recipe: Recipe, corpus: Corpus, machine: Machine, report: Report
) -> tuple[list[NDArray[np.int64]], NDArray[np.float32]]:
    """Rows, fold by fold, and logits (views, rows, classes) of networks that had not seen them."""
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.watch import stop_asked

    def stopped() -> bool:
        return bool(join_devices().told_by_chief(np.int32(stop_asked(run))))

    rows, logits = [], []
    # One fold: the last, which holds the highest numbers where ranges of numbers are held out.
    folds = range(recipe.held_out_folds) if recipe.folds > 1 else [HOLDOUT_FOLDS - 1]
    for number, fold in enumerate(folds):
        rows.append(np.flatnonzero(corpus.fold == fold))
        logits.append(_fold(run, recipe, corpus, rows[-1], machine, report, number))
        if recipe.folds > 1 and stopped():
            break
    if recipe.folds > 1 and not stopped():
        nobody = np.array([], dtype=np.int64)
        _fold(run, recipe, corpus, nobody, machine, report, recipe.folds)
    return rows, np.concatenate(logits, axis=1)


def _shipped(run: Run) -> Any:
    """The network trained last: that of all films, or of the last fold before a stop."""
    import keras

    def number(path: Path) -> int:
        return int(path.parent.name.removeprefix("fold-"))

    last = max(run.folder.glob(f"fold-*/{NETWORK}"), key=number)
    return keras.saving.load_model(last, compile=False)


def _fold(  # noqa: PLR0913, PLR0917 - the parts of one training, all different
    run: Run,
    recipe: Recipe,
    corpus: Corpus,
    held_out: NDArray[np.int64],
    machine: Machine,
    report: Report,
    fold: int,
) -> NDArray[np.float32]:
    """Train one fold, or take its logits from the run's folder where it was finished before.

    A worker among several machines has none.
    """
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.fit import Films, fit, predict_logits
    from pneumo_core.learning.watch import EpochReport

    devices, folder = join_devices(), run.folder / f"fold-{fold}"
    kept, nothing = folder / "logits.npy", np.empty((1, 0, len(recipe.classes)), "float32")
    if devices.told_by_chief(np.int32(kept.exists())):
        seen: NDArray[np.float32] = np.load(kept) if devices.chief else nothing
        return seen
    train_rows = np.setdiff1d(np.arange(len(corpus.labels)), held_out)
    title = f"fold {fold + 1} of {recipe.folds}" if len(held_out) else "all films"
    run.update(phase="training", fold=fold)
    watch = EpochReport(run, recipe, title, films=len(train_rows), report=report)
    weights = np.ones(len(corpus.labels))
    weights[train_rows] = framing_weights(
        corpus.index.iloc[train_rows],
        corpus.pixels[train_rows],
        strength=recipe.framing_weights if recipe.augment else 0.0,
    )
    network = fit(
        recipe,
        Films(corpus.pixels, corpus.labels),
        train_rows,
        held_out,
        machine=machine,
        folder=folder,
        weights=weights,
        callbacks=(watch,),
    )
    if not devices.chief:
        return nothing
    run.update(phase="disturbing")
    logits = view_logits(
        lambda seen: predict_logits(network, seen),
        corpus.pixels,
        held_out,
        classes=len(recipe.classes),
        stressed=stress_sample(corpus.labels[held_out], films=recipe.stress_films, seed=fold),
        progress=lambda done, total: report("stress", done, total, ""),
    )
    if not np.isfinite(logits[: len(POINT_VIEWS)]).all():
        raise TrainingError(
            "The network's answers are not numbers. Lower --learning-rate, train again."
        )
    network.save(folder / NETWORK)
    # The logits come last and whole: that they are there says that the fold is finished.
    partial = kept.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, logits)
    partial.replace(kept)
    return logits


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


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
        "machine": machine.sentence(recipe.batch),
        "versions": {"python": platform.python_version(), **versions},
    }
