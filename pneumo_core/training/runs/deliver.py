"""The last step of a training: calibrate, fit the feature checks, write the bundle of the run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.errors import TrainingError
from pneumo_core.training.calibrate import Calibration, pneumonia_probability, prior_shift
from pneumo_core.training.export import make_card, predictions_table, roles_by_hash
from pneumo_core.training.feature_checks import (
    fit_orientation,
    fit_out_of_distribution,
    pooled_features,
)
from pneumo_core.training.plan.parent import is_parent, load_parent, with_roles_of
from pneumo_core.training.runs.queue import bundle_name_of
from pneumo_core.training.runs.status import NETWORK
from pneumo_core.training.runs.stopped import fit_checks_in_time
from pneumo_core.training.sources import LEFT_OUT, population

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.dataset import Corpus
    from pneumo_core.training.plan.parent import Parent
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.runs.stopped import QuickRead


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
