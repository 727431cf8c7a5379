"""The card of a trained network: everything a reader must know, measured, nothing by hand."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.provenance import DRAWN, learnt_from
from pneumo_core.learning.calibrate import (
    Calibration,
    calibrate,
    headline,
    pneumonia_probability,
    rates,
)
from pneumo_core.learning.evidence import cohort_rows
from pneumo_core.learning.network import find_backbone
from pneumo_core.learning.views import POINT_VIEWS

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.learning.recipe import Recipe

SUBTYPES = ("normal", "bacterial", "viral")
# Normal and pneumonia films of the official training split, alone and with the 16 films of val.
PUBLISHED_COUNTS = ((1341, 3875), (1349, 3883))
UNKNOWN_SOURCE = "A folder of films named by whoever trained; nothing is known of its origin."
DRAWN_AFTER = (
    "The statistical model behind the drawings is made from Kermany et al. 2018 (Mendeley Data V2, "
    "doi 10.17632/rscbjbr9sj.2, CC BY 4.0)."
)
IMAGENET_LICENCE = "Apache-2.0 (keras.applications); trained on ImageNet"


def make_card(  # noqa: PLR0913 - a card gathers what the whole run knows
    *,
    name: str,
    recipe: Recipe,
    index: pd.DataFrame,
    rows: NDArray[np.int64],
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    pixels: NDArray[np.uint8],
    facts: dict[str, Any],
    parameters: int,
) -> tuple[dict[str, Any], Calibration]:
    """The card, and the calibration it states.

    `rows` are the films that the network had not seen, out of `index` (that of a `Corpus`, whose
    class labels and pixels are `labels` and `pixels`), and `logits` (views, len(rows), C) its
    answers to them in `POINT_VIEWS`, or in the first of these alone; `facts` are machine, seconds,
    finished and versions.
    """
    held_out, groups = labels[rows], index["group"].to_numpy()[rows]
    fitted = calibrate(np.concatenate(logits), np.tile(held_out, len(logits)))
    p, sick = pneumonia_probability(logits[0], fitted.temperature), held_out > 0
    fitted_on = f"{len(rows):,} validation films ({held_out_words(recipe)}), {_views(len(logits))}"
    card: dict[str, Any] = {
        "format": 1,
        "name": name,
        "version": "1.0",
        "title": "Pneumonia in paediatric chest films",
        "classes": list(recipe.classes),
        "input": {"size": recipe.size},
        "network": _network(recipe, parameters),
        "calibration": {
            "temperature": fitted.temperature,
            "head": "its bias is set to the odds of the same films",
            "fitted_on": fitted_on,
        },
        "operating_points": {
            "screening": rates(sick, p, fitted.screening),
            "balanced": rates(sick, p, fitted.balanced),
            "ruling_in": rates(sick, p, fitted.ruling_in),
            "fitted_on": fitted_on,
        },
        "figures": headline(logits[0], held_out, groups, fitted),
        "cohorts": cohort_rows(index.iloc[rows], pixels[rows], p, fitted.balanced),
        "data": _data(index, index.iloc[rows]),
        "training": {
            **{name: value for name, value in recipe.as_dict().items() if value != ""},
            **(_disturbances(recipe) if recipe.augment else {}),
            "weights": _origin(recipe),
            **{
                key: facts[key]
                for key in ("machine", "routine", "seconds", "finished")
                if key in facts
            },
        },
        "versions": facts["versions"],
    }
    return {**card, "summary": f"{learnt_from(card)} {_chosen_on(recipe)}"}, fitted


def _chosen_on(recipe: Recipe) -> str:
    """What else the films of the figures served for, which flatters these."""
    what = "its calibration and its operating points"
    if recipe.folds == 1:
        return f"The same films served to choose its best epoch, {what}."
    return f"The same answers served to fit {what}."


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


def _disturbances(recipe: Recipe) -> dict[str, Any]:
    from pneumo_core.learning.augment import Augmentation
    from pneumo_core.learning.counterweight import Counterweight

    return {
        "augmentation": asdict(Augmentation(area=(recipe.least_area, 1.1))),
        "counterweight": asdict(Counterweight()),
    }


def _origin(recipe: Recipe) -> str:
    if recipe.weights == "none":
        return "none: trained from scratch"
    return "ImageNet, by Keras" if recipe.weights == "imagenet" else "ImageNet, from a local file"


def _network(recipe: Recipe, parameters: int) -> dict[str, Any]:
    spec = find_backbone(recipe.backbone)
    cut = f", cut after {spec.cut}" if spec.cut else ""
    facts: dict[str, Any] = {
        "backbone": f"{spec.application or 'small CNN'}{cut}",
        "weights": _origin(recipe),
        "parameters": parameters,
        "trained_from": recipe.trained_from or spec.trained_from or "all",
    }
    if recipe.weights != "none":
        facts["weights_licence"] = IMAGENET_LICENCE
    return facts


def _data(index: pd.DataFrame, held_out: pd.DataFrame) -> dict[str, Any]:
    """The films, counted; `held_out` are the rows of `index` that the figures are of."""
    counts = {name: int((index["subtype"] == name).sum()) for name in SUBTYPES}
    return {
        **origin_of_films(index, counts["normal"]),
        "films": len(index),
        "validation_films": len(held_out),
        "validation_normal": int((held_out["label"] == "normal").sum()),
        "validation_groups": int(held_out["group"].nunique()),
        "groups": int(index["group"].nunique()),
        **counts,
    }


def origin_of_films(index: pd.DataFrame, normal: int) -> dict[str, Any]:
    """Where the films of a corpus, `normal` of them normal, are from, as far as it is known.

    For a card's "data": "source" unless they are the published ones, and how many were drawn.
    """
    drawn = int(index["drawn"].sum())
    if drawn == len(index):
        return {"source": f"{DRAWN} {DRAWN_AFTER}", "drawn_films": drawn}
    if drawn:
        source = (
            f"{drawn:,} of the {len(index):,} films were drawn by Pneumo and are no child's; "
            "nothing is known of the origin of the others."
        )
        return {"source": source, "drawn_films": drawn}
    # Without a source the card speaks of Kermany et al.: only where the films are that many.
    published = (normal, len(index) - normal) in PUBLISHED_COUNTS
    return {} if published else {"source": UNKNOWN_SOURCE}
