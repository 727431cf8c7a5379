"""Export: a trained network and its predictions on held-out films as a bundle."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.card import Card
from pneumo_core.bundle.provenance import (
    PUBLISHED,
    SYNTHETIC,
    population_of,
    training_summary,
)
from pneumo_core.training.calibrate import (
    Calibration,
    calibrate,
    headline,
    pneumonia_probability,
    rates,
)
from pneumo_core.training.held_out import POINT_VIEWS, cohort_rows
from pneumo_core.training.network import find_backbone

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.training.dataset import Corpus
    from pneumo_core.training.plan.parent import Parent
    from pneumo_core.training.recipe import Recipe


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
    held_out: int | None = None,
    parent: Parent | None = None,
) -> tuple[dict[str, Any], Calibration]:
    """The card, and the calibration it states.

    `rows` are the films of `corpus` that the network was not trained on, and `logits` (views,
    len(rows), C) its answers to them in `POINT_VIEWS`, or in the first of these alone; `held_out`
    is the number of such films, where a stop left some unread; `facts` are machine, seconds,
    finished and versions; `parent` is what it started from.
    """
    index, labels, groups = corpus.index, corpus.labels[rows], corpus.groups[rows]
    fitted = calibrate(np.concatenate(logits), np.tile(labels, len(logits)))
    p, positive = pneumonia_probability(logits[0], fitted.temperature), labels > 0
    of = f"{len(rows):,}" if held_out in {None, len(rows)} else f"{len(rows):,} of {held_out:,}"
    fitted_on = f"{of} validation films ({held_out_words(recipe)}), {_views(len(logits))}"
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
        "figures": headline(logits[0], labels, groups, fitted),
        "cohorts": cohort_rows(index.iloc[rows], corpus.pixels[rows], p, fitted.balanced),
        "data": {
            **_data(index, index.iloc[rows], parent),
            "held_out_films": len(rows) if held_out is None else held_out,
        },
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
