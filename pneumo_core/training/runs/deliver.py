"""The last steps of a training: calibrate, fit the feature checks, write the bundle of the run;
then its robustness suite.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.bundle.write import revise_card
from pneumo_core.errors import TrainingError
from pneumo_core.training.calibrate import Calibration, pneumonia_probability, prior_shift
from pneumo_core.training.export import held_out_words, make_card, predictions_table, roles_by_hash
from pneumo_core.training.feature_checks import (
    fit_orientation,
    fit_out_of_distribution,
    pooled_features,
)
from pneumo_core.training.held_out import SUITE_VIEWS, stress_sample, stress_table, view_logits
from pneumo_core.training.plan.parent import is_parent, load_parent, with_roles_of
from pneumo_core.training.runs.queue import bundle_name_of
from pneumo_core.training.runs.status import NETWORK, STOP
from pneumo_core.training.runs.stopped import fit_checks_in_time
from pneumo_core.training.sources import LEFT_OUT, population

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.dataset import Corpus
    from pneumo_core.training.plan.parent import Parent
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.stopped import QuickRead

_LATER = "Measure it with: python -m pneumo_core stress --into-card --model {name}"


@dataclass(frozen=True)
class Answers:
    """Logits of networks for films that they were not trained on.

    rows: int (N,) of the corpus; logits: float32 (views, N, C) in `POINT_VIEWS` of
    `training.held_out`, or in the first of these alone. without: by source, logits (its films, C)
    of a network that was trained without it. held_out: rows (H,) of all films held out, of which
    `rows` are some where a stop left the others unread. read: what was read after a stop, when a
    person waits; None otherwise.
    """

    corpus: Corpus
    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    without: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)
    held_out: NDArray[np.int64] | None = None
    read: QuickRead | None = None

    @property
    def all_held_out(self) -> NDArray[np.int64]:
        """The rows held out, read or not."""
        return self.rows if self.held_out is None else self.held_out


@dataclass(frozen=True)
class Delivery:
    """A written bundle, its calibration, and what was added to its logits, float32 (C,)."""

    bundle: Bundle
    fitted: Calibration
    shift: NDArray[np.float32]


def deliver(  # noqa: PLR0913 - the parts of a delivery, most by keyword
    run: Run,
    network: Any,
    recipe: Recipe,
    answers: Answers,
    *,
    facts: dict[str, Any],
    settings: Settings,
    report: Progress,
) -> Delivery:
    """Calibrate, measure and write the bundle of the run.

    `facts` are machine, versions, seconds and finished, for the card. Raises BundleError.
    """
    corpus, rows, read = answers.corpus, answers.rows, answers.read
    report("bundle", 0, 1, "calibrating and writing the bundle")
    shift = _shift_to_prior(network, answers.logits, corpus.labels[rows])
    logits = answers.logits + shift
    report("familiar", 0, 1, "fitting the out-of-distribution and orientation checks")
    (known, familiarity), (upright, orientation) = _feature_checks(network, recipe, answers)
    (name, beside), parent = bundle_name_of(run, settings), _parent_of(recipe, settings)
    card, fitted = make_card(
        name=name,
        recipe=recipe,
        rows=rows,
        logits=logits,
        corpus=corpus,
        facts=facts,
        parameters=int(network.count_params()),
        held_out=len(answers.all_held_out),
        parent=parent,
    )
    card |= _left_out(answers, shift, fitted)
    bundle = write_bundle(
        network,
        name=name,
        card={**card, "familiarity": familiarity, "orientation": orientation},
        predictions=predictions_table(corpus, rows, logits[0], fitted.temperature),
        out_of_distribution=known.array,
        orientation=upright.array,
        films=_film_list(corpus, answers.all_held_out, recipe, parent, FILMS),
        film_hashes=_film_list(corpus, answers.all_held_out, recipe, parent, FILM_HASHES),
        models_dir=settings.models_dir,
        replace=True,
        write_full_graph=None if read is None else read.network.full_graph(shift),
    )
    said = " ".join(filter(None, (beside, _read_in_part(answers))))
    message = f"Model {bundle.name} is written. {said}".rstrip()
    left_out = ("left_out_sources",) if "left_out_sources" in card else ()
    figures = {**card["figures"], **{name: card[name] for name in left_out}}
    wrote = {"name": bundle.name, "digest": bundle.digest}
    run.update(figures=figures, delivered=bundle.name, wrote=wrote, message=message)
    report("bundle", 1, 1, f"model {bundle.name} is written. {beside}".rstrip(" ."))
    return Delivery(bundle, fitted, shift)


def _feature_checks(network: Any, recipe: Recipe, answers: Answers) -> Any:
    """Both checks, each with the card's facts about it; on what time allows after a stop."""
    corpus, seed = answers.corpus, recipe.seed
    if answers.read is not None:
        return fit_checks_in_time(answers.read, corpus.framing, corpus.pixels, seed=seed)
    features = pooled_features(network, corpus.framing)
    return (
        fit_out_of_distribution(features, corpus.pixels, seed=seed),
        fit_orientation(features, corpus.pixels, seed=seed),
    )


def _read_in_part(answers: Answers) -> str:
    """How many of the held-out films were read before a stop, for the run; "" for all of them."""
    read, whole = len(answers.rows), len(answers.all_held_out)
    if read == whole:
        return ""
    return (
        f"The run was stopped by hand: figures and operating points are from {read:,} of the "
        f"{whole:,} films held out."
    )


def _parent_of(recipe: Recipe, settings: Settings) -> Parent | None:
    """The model that the training started from, if it was one."""
    if not is_parent(recipe.weights, settings.models_dir):
        return None
    return load_parent(recipe.weights, settings.models_dir)


def _film_list(
    corpus: Corpus, rows: NDArray[np.int64], recipe: Recipe, parent: Parent | None, file: str
) -> dict[str, str]:
    """The films of a bundle's list `file`, role by hash, with those that a parent has learnt from.

    A film of two roles has both.
    """
    column = "sha256" if file == FILMS else "phash"
    own = roles_by_hash(corpus.index[column], rows, trained_on_all=recipe.folds > 1)
    return own if parent is None else with_roles_of(parent, file, own)


def _left_out(
    answers: Answers, shift: NDArray[np.float32], fitted: Calibration
) -> dict[str, list[dict[str, Any]]]:
    """Figures of each source by a network that never saw it, for the card; {} without any."""
    index, names = answers.corpus.index, answers.corpus.sources
    points = {
        "screening": fitted.screening,
        "balanced": fitted.balanced,
        "ruling_in": fitted.ruling_in,
    }
    rows = [
        population(
            names[number],
            LEFT_OUT,
            index[index["source"] == names[number]],
            pneumonia_probability(logits + shift, fitted.temperature),
            points,
        )
        for number, logits in answers.without.items()
    ]
    return {"left_out_sources": rows} if rows else {}


def check_can_bundle(run: Run) -> None:
    """Raise TrainingError where OpenVINO, which writes the bundle, is not installed."""
    from importlib.util import find_spec

    if find_spec("openvino") is None:
        raise TrainingError(
            "Expected OpenVINO to write the bundle, and it is not installed here. The training is "
            f"finished and kept in the run {run.id}: install what requirements.txt lists, or copy "
            "the run's folder to a machine that has it, and resume the run there."
        )


def _shift_to_prior(
    network: Any, logits: NDArray[np.float32], labels: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Set the bias of the head to the class odds of the films; the shift of the logits (C,)."""
    shift = np.zeros(logits.shape[-1], "float32")
    shift[1:] = prior_shift(np.concatenate(logits), np.tile(labels, len(logits)))
    head = network.get_layer("logits")
    kernel, bias = head.get_weights()
    head.set_weights([kernel, bias + shift])
    return shift


def shipped(run: Run) -> Any:
    """The network trained last: that of all films, or of the last fold before a stop."""
    import keras

    def number(path: Path) -> int:
        return int(path.parent.name.removeprefix("fold-"))

    last = max(run.folder.glob(f"fold-*/{NETWORK}"), key=number)
    return keras.saving.load_model(last, compile=False)


def training_time(run: Run) -> dict[str, Any]:
    """Seconds of training and the date of its end, UTC: not those of a later resume."""
    status, last = run.status(), max(run.folder.glob(f"fold-*/{NETWORK}"), key=_modified)
    # Runs of earlier versions have no date of their own.
    day = status.trained or time.strftime("%Y-%m-%d", time.gmtime(_modified(last)))
    return {"seconds": round(status.seconds, 1), "finished": day}


def _modified(path: Path) -> float:
    return path.stat().st_mtime


def add_robustness(  # noqa: PLR0913 - what the suite is run on
    made: Delivery,
    *,
    run: Run,
    recipe: Recipe,
    answers: Answers,
    folds: Sequence[NDArray[np.int64]],
    report: Progress,
) -> Bundle:
    """The delivered bundle, with the suite's table in its card unless something ended the suite.

    `folds` are the rows that each fold held out, in the order of `answers`. The model is written
    by now: a stop, Ctrl-C or a fault ends the suite alone, and the run's note says so.
    """
    try:
        found = _suite(run, recipe, answers, folds, report)
        if found is not None:
            logits, rows = found
            labels, where = answers.corpus.labels[rows], held_out_words(recipe)
            name, fitted = made.bundle.name, made.fitted
            table = stress_table(name, where, logits + made.shift, labels, fitted)
            return revise_card(made.bundle, stress=table)
        why = "it was stopped by hand"
    except KeyboardInterrupt:
        why = "it was stopped by hand"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not cost the model
        why = f"{type(error).__name__}: {error}"
    note = f"The robustness suite did not finish ({why}). {_LATER.format(name=made.bundle.name)}"
    run.update(note=" ".join(filter(None, [run.status().note, note])))
    report("robustness", 1, 1, note)
    return made.bundle


def _suite(
    run: Run,
    recipe: Recipe,
    answers: Answers,
    folds: Sequence[NDArray[np.int64]],
    report: Progress,
) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """Logits (all views, N, C) of the films sampled from every fold, and their rows (N,).

    None where a person asked to stop before the end.
    """
    parts, sampled, first = [], [], 0
    for number, rows in enumerate(folds):
        chosen = stress_sample(answers.corpus.labels[rows], films=recipe.stress_films, seed=number)

        def progress(done: int, total: int, before: int = number) -> None:
            report("robustness", before * total + done, len(folds) * total, "")

        logits = _perturbed(run, number, answers, rows[chosen], progress)
        if logits is None:
            return None
        known = answers.logits[:, first : first + len(rows)][:, chosen]
        parts.append(np.concatenate([known, logits]))
        sampled.append(rows[chosen])
        first += len(rows)
    return np.concatenate(parts, axis=1), np.concatenate(sampled)


def _perturbed(
    run: Run,
    number: int,
    answers: Answers,
    rows: NDArray[np.int64],
    progress: Callable[[int, int], None],
) -> NDArray[np.float32] | None:
    """Logits (SUITE_VIEWS, len(rows), C) by the network of fold `number`; None after a stop."""
    import keras

    from pneumo_core.training.network import predict_logits

    trained = run.folder / f"fold-{number}" / NETWORK
    network: Any = keras.saving.load_model(trained, compile=False)
    logits = view_logits(
        lambda films: predict_logits(network, answers.corpus.framing.inputs(films)),
        answers.corpus.pixels,
        rows,
        SUITE_VIEWS,
        classes=answers.logits.shape[-1],
        progress=progress,
        stopped=lambda: run.requested(STOP),
    )
    return logits if len(logits) == len(SUITE_VIEWS) else None
