"""Export: a trained network and its predictions on held-out films as a bundle."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle import Bundle, write_bundle
from pneumo_core.bundle.card import Card
from pneumo_core.bundle.integrity import FILM_HASHES, FILMS
from pneumo_core.bundle.provenance import (
    PUBLISHED,
    SYNTHETIC,
    population_of,
    training_summary,
)
from pneumo_core.errors import TrainingError
from pneumo_core.training.calibrate import (
    Calibration,
    calibrate,
    headline,
    pneumonia_probability,
    prior_shift,
    rates,
)
from pneumo_core.training.feature_checks import (
    fit_orientation,
    fit_out_of_distribution,
    pooled_features,
)
from pneumo_core.training.held_out import POINT_VIEWS, cohort_rows
from pneumo_core.training.network import find_backbone
from pneumo_core.training.plan.parent import is_parent, load_parent, with_roles_of
from pneumo_core.training.runs.queue import bundle_name_of
from pneumo_core.training.sources import LEFT_OUT, population

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.dataset import Corpus
    from pneumo_core.training.plan.parent import Parent
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run


SUBTYPES = ("normal", "bacterial", "viral")
# Normal and pneumonia films of the official training split, alone and with the 16 films of val.
PUBLISHED_COUNTS = ((1341, 3875), (1349, 3883))
UNKNOWN_SOURCE = "A folder of films chosen by the user; its origin is unknown."
SYNTHETIC_ORIGIN = (
    "The statistical model behind them was fitted to Kermany et al. 2018 (Mendeley Data V2, doi "
    "10.17632/rscbjbr9sj.2, CC BY 4.0)."
)
IMAGENET_LICENCE = "Apache-2.0 (keras.applications); trained on ImageNet"


def make_card(  # noqa: PLR0913 - a card gathers what the whole run knows
    *,
    name: str,
    recipe: Recipe,
    corpus: Corpus,
    rows: NDArray[np.int64],
    logits: NDArray[np.float32],
    facts: dict[str, Any],
    parameters: int,
    parent: Parent | None = None,
) -> tuple[dict[str, Any], Calibration]:
    """The card, and the calibration it states.

    `rows` are the films of `corpus` that the network was not trained on, and `logits` (views,
    len(rows), C) its answers to them in `POINT_VIEWS`, or in the first of these alone; `facts` are
    machine, seconds, finished and versions; `parent` is what it started from.
    """
    index, held_out, groups = corpus.index, corpus.labels[rows], corpus.groups[rows]
    fitted = calibrate(np.concatenate(logits), np.tile(held_out, len(logits)))
    p, positive = pneumonia_probability(logits[0], fitted.temperature), held_out > 0
    fitted_on = f"{len(rows):,} validation films ({held_out_words(recipe)}), {_views(len(logits))}"
    card: dict[str, Any] = {
        "format": 1,
        "name": name,
        "version": "1.0",
        "title": "Pneumonia in paediatric chest films",
        "classes": list(recipe.classes),
        "input": corpus.framing.facts(),
        "network": _network(recipe, parameters, parent),
        "calibration": {
            "temperature": fitted.temperature,
            "head": "its bias is set to the odds of the same films",
            "fitted_on": fitted_on,
        },
        "operating_points": {
            "screening": rates(positive, p, fitted.screening).to_dict(),
            "balanced": rates(positive, p, fitted.balanced).to_dict(),
            "ruling_in": rates(positive, p, fitted.ruling_in).to_dict(),
            "fitted_on": fitted_on,
        },
        "figures": headline(logits[0], held_out, groups, fitted),
        "cohorts": cohort_rows(index.iloc[rows], corpus.pixels[rows], p, fitted.balanced),
        "data": _data(index, index.iloc[rows], parent),
        "training": {
            **{name: value for name, value in recipe.as_dict().items() if value != ""},
            **(_augmentation(recipe) if recipe.augment else {}),
            "weights": _origin(recipe, parent),
            **({} if parent is None else {"parent": parent.title, "parent_digest": parent.digest}),
            **{
                key: facts[key]
                for key in ("machine", "routine", "seconds", "finished")
                if key in facts
            },
        },
        "versions": facts["versions"],
    }
    trained_on = training_summary(Card.from_document(card))
    return {**card, "summary": f"{trained_on} {_chosen_on(recipe)}"}, fitted


def _chosen_on(recipe: Recipe) -> str:
    """What else the validation films were used for, which makes their figures optimistic."""
    what = "its calibration and its operating points"
    if recipe.folds == 1:
        return f"The same films were used to choose its best epoch, {what}."
    return f"The same predictions were used to fit {what}."


def _views(count: int) -> str:
    """In how many views the films were read to fit the calibration and the operating points."""
    if count == 1:
        return (
            "as they are; the run was stopped by hand, so they were not read in the other views "
            "that the points are usually fitted on"
        )
    return (
        f"each as it is and in {count - 1} other views ({', '.join(POINT_VIEWS[1:count])}); the "
        "rates beside a point are those of the films as they are"
    )


def held_out_words(recipe: Recipe) -> str:
    """How the films of the figures were held out, for a sentence."""
    what = "patients" if recipe.hold_out == "patients" else "patients, by ranges of their numbers"
    if recipe.folds == 1:
        return f"one fifth of the {what}, held out"
    of = f"{recipe.measured_folds} of " if recipe.measured_folds else ""
    return f"out-of-fold predictions of {of}{recipe.folds} folds of {what}"


def _augmentation(recipe: Recipe) -> dict[str, Any]:
    from pneumo_core.training.augment import Augmentation
    from pneumo_core.training.framing_bias import Counterweight

    return {
        "augmentation": asdict(Augmentation(area=(recipe.least_area, 1.1))),
        "counterweight": asdict(Counterweight()),
    }


def _origin(recipe: Recipe, parent: Parent | None = None) -> str:
    if parent is not None:
        return f"the network of the model {parent.title}"
    if recipe.weights == "none":
        return "none: trained from scratch"
    return "ImageNet, by Keras" if recipe.weights == "imagenet" else "ImageNet, from a local file"


def _network(recipe: Recipe, parameters: int, parent: Parent | None) -> dict[str, Any]:
    spec = find_backbone(recipe.backbone)
    cut = f", cut after {spec.cut}" if spec.cut else ""
    facts: dict[str, Any] = {
        "backbone": f"{spec.application or 'small CNN'}{cut}",
        "weights": _origin(recipe, parent),
        "parameters": parameters,
        "trained_from": recipe.trained_from or spec.trained_from or "all",
    }
    licence = IMAGENET_LICENCE if recipe.weights != "none" else ""
    if parent is not None:
        licence = parent.bundle.card.network.weights_licence
    return {**facts, **({"weights_licence": licence} if licence else {})}


def _data(index: pd.DataFrame, held_out: pd.DataFrame, parent: Parent | None) -> dict[str, Any]:
    """The films, counted; `held_out` are the rows of `index` that the figures are of."""
    counts = {name: int((index["subtype"] == name).sum()) for name in SUBTYPES}
    origin = origin_of_films(index, counts["normal"])
    if parent is not None:
        own = origin.get("source", PUBLISHED)
        before = f"Before that the network was trained for {parent.title}:"
        origin["source"] = f"{own} {before} {population_of(parent.bundle.card)}"
        origin["films_known_to_parent"] = int(index["known"].sum())
        origin["parent_films"] = parent.bundle.card.data.films or 0
        origin["parent_drawn_films"] = parent.bundle.card.data.synthetic_films or 0
    if len(set(index["source"])) > 1:
        listed = index["source"].value_counts(sort=False)
        origin["sources"] = ", ".join(f"{name} ({count:,} films)" for name, count in listed.items())
    return {
        **origin,
        "films": len(index),
        "validation_films": len(held_out),
        "validation_normal": int((held_out["label"] == "normal").sum()),
        "validation_groups": int(held_out["group"].nunique()),
        "groups": int(index["group"].nunique()),
        **counts,
    }


def origin_of_films(index: pd.DataFrame, normal: int) -> dict[str, Any]:
    """Where the films of a corpus, `normal` of them normal, are from, as far as it is known.

    For a card's "data": "source" unless they are the published ones, and how many are synthetic.
    """
    synthetic = int(index["drawn"].sum())
    if synthetic == len(index):
        return {"source": f"{SYNTHETIC} {SYNTHETIC_ORIGIN}", "drawn_films": synthetic}
    if synthetic:
        source = (
            f"{synthetic:,} of the {len(index):,} films are synthetic and show no child; the "
            "origin of the others is unknown."
        )
        return {"source": source, "drawn_films": synthetic}
    # Without a source the card names Kermany et al.: only where the counts are the published ones.
    published = (normal, len(index) - normal) in PUBLISHED_COUNTS
    return {} if published else {"source": UNKNOWN_SOURCE}


@dataclass(frozen=True)
class Answers:
    """Logits of networks for films that they were not trained on.

    rows: int (N,) of the corpus; logits: float32 (views, N, C) in `POINT_VIEWS` of
    `training.held_out`, or in the first of these alone. without: by source, logits (its films, C)
    of a network that was trained without it.
    """

    corpus: Corpus
    rows: NDArray[np.int64]
    logits: NDArray[np.float32]
    without: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivery:
    """A written bundle, its calibration, and what was added to its logits, float32 (C,)."""

    bundle: Bundle
    fitted: Calibration
    shift: NDArray[np.float32]


# Of the films to fit the feature checks on after a stop, when a person waits.
SHARE_WHEN_STOPPED = 0.2


def deliver(  # noqa: PLR0913 - the parts of a delivery, most by keyword
    run: Run,
    network: Any,
    recipe: Recipe,
    answers: Answers,
    *,
    facts: dict[str, Any],
    settings: Settings,
    report: Progress,
    stopped: bool = False,
) -> Delivery:
    """Calibrate, measure and write the bundle of the run.

    `facts` are machine, versions, seconds and finished, for the card; `stopped`: the
    run was stopped by hand, and the person waits. Raises BundleError.
    """
    corpus, rows = answers.corpus, answers.rows
    report("bundle", 0, 1, "calibrating and writing the bundle")
    shift = _shift_to_prior(network, answers.logits, corpus.labels[rows])
    logits = answers.logits + shift
    report("familiar", 0, 1, "fitting the out-of-distribution and orientation checks")
    features = pooled_features(network, corpus.framing)
    share, seed = SHARE_WHEN_STOPPED if stopped else 1.0, recipe.seed
    known, familiarity = fit_out_of_distribution(features, corpus.pixels, seed=seed, share=share)
    upright, orientation = fit_orientation(features, corpus.pixels, seed=seed, share=share)
    name, parent = bundle_name_of(run, settings), _parent_of(recipe, settings)
    card, fitted = make_card(
        name=name,
        recipe=recipe,
        rows=rows,
        logits=logits,
        corpus=corpus,
        facts=facts,
        parameters=int(network.count_params()),
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
        films=_film_list(corpus, rows, recipe, parent, FILMS),
        film_hashes=_film_list(corpus, rows, recipe, parent, FILM_HASHES),
        models_dir=settings.models_dir,
        replace=True,
    )
    message = f"Model {bundle.name} is written."
    left_out = ("left_out_sources",) if "left_out_sources" in card else ()
    figures = {**card["figures"], **{name: card[name] for name in left_out}}
    run.update(figures=figures, delivered=bundle.name, message=message)
    report("bundle", 1, 1, f"model {bundle.name} is written")
    return Delivery(bundle, fitted, shift)


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


def roles_by_hash(
    hashes: pd.Series, held_out: NDArray[np.int64], *, trained_on_all: bool
) -> dict[str, str]:
    """The role of each film, by its hash: "t" training, "v" validation, "tv" both."""
    role = np.full(len(hashes), "t", dtype=object)
    role[held_out] = "tv" if trained_on_all else "v"
    found: dict[str, str] = {}
    for one, of_film in zip(hashes, role, strict=True):
        found[one] = "".join(sorted({*of_film, *found.get(one, "")}))
    return found


def predictions_table(
    corpus: Corpus, rows: NDArray[np.int64], logits: NDArray[np.float32], temperature: float
) -> pd.DataFrame:
    """The bundle's predictions.csv: calibrated, on films that the network was not trained on."""
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
