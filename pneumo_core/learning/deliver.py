"""From a trained network and its answers to held-out films to a bundle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.errors import TrainingError
from pneumo_core.learning.calibrate import Calibration, pneumonia_probability, prior_shift
from pneumo_core.learning.card import make_card
from pneumo_core.learning.familiar import fit_familiarity, pooled_features
from pneumo_core.learning.launch import bundle_name_of
from pneumo_core.learning.orientation import fit_orientation

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.learning.corpus import Corpus, Report
    from pneumo_core.learning.recipe import Recipe
    from pneumo_core.learning.runs import Run


@dataclass(frozen=True)
class Answers:
    """What networks said of films that they had not seen.

    rows: int (N,) of the corpus; logits: float32 (views, N, C) in `POINT_VIEWS` of
    `learning.views`, or in the first of these alone.
    """

    corpus: Corpus
    rows: NDArray[np.int64]
    logits: NDArray[np.float32]


@dataclass(frozen=True)
class Delivery:
    """A written bundle, its calibration, and what was added to its logits, float32 (C,)."""

    bundle: Bundle
    fitted: Calibration
    shift: NDArray[np.float32]


# Of the films that the checks of unfamiliar and turned films are fitted on, when a person waits.
SHARE_WHEN_STOPPED = 0.2


def deliver(  # noqa: PLR0913 - the parts of a delivery, most by keyword
    run: Run,
    network: Any,
    recipe: Recipe,
    answers: Answers,
    *,
    facts: dict[str, Any],
    settings: Settings,
    report: Report,
    stopped: bool = False,
) -> Delivery:
    """Calibrate, measure and write the bundle that the run was asked for.

    `facts` are machine, versions, seconds and finished, for the card; `stopped`: a person stopped
    the run and waits. Raises BundleError.
    """
    corpus, rows = answers.corpus, answers.rows
    report("bundle", 0, 1, "calibrating and writing the bundle")
    shift = _shift_to_prior(network, answers.logits, corpus.labels[rows])
    logits = answers.logits + shift
    report("familiar", 0, 1, "what films look like to the network")
    features = pooled_features(network)
    share, seed = SHARE_WHEN_STOPPED if stopped else 1.0, recipe.seed
    known, familiarity = fit_familiarity(features, corpus.pixels, seed=seed, share=share)
    lies, orientation = fit_orientation(features, corpus.pixels, seed=seed, share=share)
    name = bundle_name_of(run, settings)
    card, fitted = make_card(
        name=name,
        recipe=recipe,
        index=corpus.index,
        rows=rows,
        logits=logits,
        labels=corpus.labels,
        pixels=corpus.pixels,
        facts=facts,
        parameters=int(network.count_params()),
    )
    bundle = write_bundle(
        network,
        name=name,
        card={**card, "familiarity": familiarity, "orientation": orientation},
        predictions=predictions_table(corpus, rows, logits[0], fitted.temperature),
        familiar=known.subspace,
        orientation=lies.weights,
        films=roles_by_hash(corpus.index["sha256"], rows, trained_on_all=recipe.folds > 1),
        film_hashes=roles_by_hash(corpus.index["phash"], rows, trained_on_all=recipe.folds > 1),
        models_dir=settings.models_dir,
        replace=True,
    )
    told = f"Model {bundle.name} is written."
    run.update(figures=card["figures"], delivered=bundle.name, message=told)
    report("bundle", 1, 1, f"model {bundle.name} is written")
    return Delivery(bundle, fitted, shift)


def check_can_bundle(run: Run) -> None:
    """A machine made for training alone may lack what writes the bundle."""
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
    """Bring the head's bias to the films' own odds; what that adds to its logits (views, N, C)."""
    shift = np.zeros(logits.shape[-1], "float32")
    shift[1:] = prior_shift(np.concatenate(logits), np.tile(labels, len(logits)))
    head = network.get_layer("logits")
    kernel, bias = head.get_weights()
    head.set_weights([kernel, bias + shift])
    return shift


def roles_by_hash(
    hashes: pd.Series, held_out: NDArray[np.int64], *, trained_on_all: bool
) -> dict[str, str]:
    """What each film was for, by its hash: "t" trained on, "v" chosen on, "tv" both."""
    role = np.full(len(hashes), "t", dtype=object)
    role[held_out] = "tv" if trained_on_all else "v"
    found: dict[str, str] = {}
    for one, of_film in zip(hashes, role, strict=True):
        found[one] = "".join(sorted({*of_film, *found.get(one, "")}))
    return found


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
