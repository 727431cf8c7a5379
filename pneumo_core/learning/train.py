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

from pneumo_core.learning.corpus import Report, gather
from pneumo_core.learning.deliver import Answers, check_can_bundle, deliver
from pneumo_core.learning.remaining import forget_robustness
from pneumo_core.learning.trainings import NETWORK, Trainings

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings
    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run


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
        _prepare(run, settings, report).learn()


def _train(run: Run, settings: Settings, report: Report) -> Bundle:
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.robustness import add_robustness
    from pneumo_core.learning.watch import stop_asked

    began = time.time()
    recipe, devices = run.recipe(), join_devices()
    devices.check_batch(recipe.batch)
    with devices.all_there():
        devices.text_of_chief(json.dumps(recipe.as_dict()))
        prepared = _prepare(run, settings, report)
    # The card tells of where the networks were trained, wherever the bundle is written.
    trained_on = run.status().get("trained_on") or _facts(recipe, prepared.machine)
    run.update(trained_on=trained_on)
    with devices.all_there():
        held_out, logits = prepared.learn()
    check_can_bundle(run)
    if prepared.cut_short():  # what is delivered is one fold's network, and says so
        recipe = replace(recipe, folds=1, measured_folds=0)
    seconds = time.time() - began + run.status().get("seconds", 0.0)
    stopped = stop_asked(run)
    if stopped or not recipe.robustness:
        forget_robustness(run)
    run.update(phase="bundling", seconds=seconds)
    answers = Answers(prepared.corpus, np.concatenate(held_out), logits)
    made = deliver(
        run,
        _shipped(run),
        recipe,
        answers,
        facts={**trained_on, "seconds": round(seconds, 1), "finished": _today()},
        settings=settings,
        report=report,
        stopped=stopped,
    )
    if stopped or not recipe.robustness:
        return made.bundle
    return add_robustness(
        made, run=run, recipe=recipe, answers=answers, folds=held_out, report=report
    )


def _prepare(run: Run, settings: Settings, report: Report) -> Trainings:
    """The films and what they are trained on: the same films on every machine."""
    from pneumo_core.learning import on_device
    from pneumo_core.learning.distribution import join_devices
    from pneumo_core.learning.fold_feeds import Films
    from pneumo_core.learning.machine import survey

    recipe, devices = run.recipe(), join_devices()
    corpus = gather(Path(run.config()["data"]), recipe, run, settings, report)
    machine = survey(recipe.precision)
    films = Films(corpus.pixels, corpus.labels, on_device.room_for(corpus.pixels, machine, devices))
    feed = on_device.sentence(corpus.pixels, on_device=films.on_device)
    told = [machine.sentence(recipe.batch), devices.sentence, feed]
    report("machine", 1, 1, ", ".join(filter(None, told)))
    content = zip(corpus.index["sha256"], corpus.labels, corpus.fold, strict=True)
    devices.check_same("films", hashlib.sha256(repr(list(content)).encode()).hexdigest())
    return Trainings(run, recipe, corpus, films, machine, devices, report)


def _shipped(run: Run) -> Any:
    """The network trained last: that of all films, or of the last fold before a stop."""
    import keras

    def number(path: Path) -> int:
        return int(path.parent.name.removeprefix("fold-"))

    last = max(run.folder.glob(f"fold-*/{NETWORK}"), key=number)
    return keras.saving.load_model(last, compile=False)


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
