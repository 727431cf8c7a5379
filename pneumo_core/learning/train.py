"""The training routine: a folder of films → folds → networks → one bundle."""

from __future__ import annotations

import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.errors import TrainingError
from pneumo_core.films.reframe import OTHER_FRAMES, WHOLE
from pneumo_core.learning.calibrate import pneumonia_probability, prior_shift
from pneumo_core.learning.card import make_card
from pneumo_core.learning.corpus import Corpus, Report, gather

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

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


def _train(run: Run, settings: Settings, report: Report) -> Bundle:
    from pneumo_core.learning.fit import Films
    from pneumo_core.learning.machine import survey

    began = time.time()
    recipe, config = run.recipe(), run.config()
    corpus = gather(Path(config["data"]), recipe, run, settings, report)
    machine = survey(recipe.precision)
    report("machine", 1, 1, machine.sentence(recipe.batch))
    films = Films(corpus.pixels, corpus.labels)
    network, rows, logits = _learn(run, recipe, corpus, films, machine, report)
    earlier = run.status().get("seconds", 0.0)
    seconds = time.time() - began + earlier
    run.update(phase="bundling", seconds=seconds)
    report("bundle", 0, 1, "calibrating and writing the bundle")
    logits = _with_prior(network, logits, corpus.labels[rows])
    card, fitted = make_card(
        name=config["bundle"],
        recipe=recipe,
        index=corpus.index,
        rows=rows,
        logits=logits,
        labels=corpus.labels,
        facts=_facts(recipe, machine, seconds),
        parameters=int(network.count_params()),
    )
    bundle = write_bundle(
        network,
        name=config["bundle"],
        card=card,
        predictions=predictions_table(corpus, rows, logits[0], fitted.temperature),
        models_dir=settings.models_dir,
        replace=True,
    )
    run.update(figures=card["figures"])
    report("bundle", 1, 1, f"model {bundle.name} is written")
    return bundle


def _learn(  # noqa: PLR0913, PLR0917 - the parts of one training, all different
    run: Run, recipe: Recipe, corpus: Corpus, films: Any, machine: Machine, report: Report
) -> tuple[Any, NDArray[np.int64], NDArray[np.float32]]:
    """The network to ship, and rows and logits (frames, films, classes) of films unseen by it."""
    everything = np.arange(len(corpus.labels))
    rows, logits, network = [], [], None
    for fold in range(recipe.folds):
        held_out = np.flatnonzero(corpus.fold == fold)
        network, seen = _fold(
            run, recipe, films, np.setdiff1d(everything, held_out), held_out, machine, report, fold
        )
        rows.append(held_out)
        logits.append(seen)
    if recipe.folds > 1:
        nobody = np.array([], dtype=np.int64)
        network, _ = _fold(run, recipe, films, everything, nobody, machine, report, recipe.folds)
    return network, np.concatenate(rows), np.concatenate(logits, axis=1)


def _fold(  # noqa: PLR0913, PLR0917 - the parts of one training, all different
    run: Run,
    recipe: Recipe,
    films: Any,
    train_rows: NDArray[np.int64],
    held_out: NDArray[np.int64],
    machine: Machine,
    report: Report,
    fold: int,
) -> tuple[Any, NDArray[np.float32]]:
    """Train one fold, or take it from the run's folder where it was finished before."""
    import keras

    from pneumo_core.learning.fit import fit, predict_logits
    from pneumo_core.learning.watch import EpochReport

    folder = run.folder / f"fold-{fold}"
    finished, kept = folder / "network.keras", folder / "logits.npy"
    if kept.exists():
        return keras.saving.load_model(finished, compile=False), np.load(kept)
    title = f"fold {fold + 1} of {recipe.folds}" if len(held_out) else "all films"
    run.update(phase="training", fold=fold)
    watch = EpochReport(run, recipe, title, films=len(train_rows), report=report)
    network = fit(
        recipe, films, train_rows, held_out, machine=machine, folder=folder, callbacks=(watch,)
    )
    logits = np.stack(
        [predict_logits(network, films.pixels, held_out, frame) for frame in (WHOLE, *OTHER_FRAMES)]
    )
    if not np.isfinite(logits).all():
        raise TrainingError(
            "The network's answers are not numbers. Lower --learning-rate, train again."
        )
    network.save(finished)
    # The logits come last and whole: that they are there says that the fold is finished.
    partial = kept.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, logits)
    partial.replace(kept)
    return network, logits


def _with_prior(
    network: Any, logits: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Bring the head's bias to the films' own odds; the logits (frames, films, C) it gives then."""
    shift = np.zeros(logits.shape[-1], "float32")
    shift[1:] = prior_shift(np.concatenate(logits), np.tile(labels, len(logits)))
    head = network.get_layer("logits")
    kernel, bias = head.get_weights()
    head.set_weights([kernel, bias + shift])
    return logits + shift


def predictions_table(
    corpus: Corpus, rows: NDArray[np.int64], logits: NDArray[np.float32], temperature: float
) -> pd.DataFrame:
    """The bundle's predictions.csv: films that the network had not seen, calibrated."""
    from pneumo_core import metrics

    table = corpus.index[["film", "split", "label", "subtype", "group"]].iloc[rows].copy()
    p = metrics.probabilities(logits, temperature)
    three = p.shape[1] == 3
    table["p_normal"] = p[:, 0]
    table["p_bacterial"] = p[:, 1] if three else np.nan
    table["p_viral"] = p[:, 2] if three else np.nan
    table["p_pneumonia"] = pneumonia_probability(logits, temperature)
    table["split"] = "validation"
    return table.sort_values("film").reset_index(drop=True)


def _facts(recipe: Recipe, machine: Machine, seconds: float) -> dict[str, Any]:
    import cv2
    import keras

    versions = {"keras": keras.__version__, "numpy": np.__version__, "opencv": cv2.__version__}
    try:
        versions[machine.backend] = version(machine.backend)
    except PackageNotFoundError:  # a build of it under another name: tensorflow-cpu, say
        versions[machine.backend] = "of a build of another name"
    return {
        "machine": machine.sentence(recipe.batch),
        "seconds": round(seconds, 1),
        "finished": time.strftime("%Y-%m-%d", time.gmtime()),
        "versions": {"python": platform.python_version(), **versions},
    }
