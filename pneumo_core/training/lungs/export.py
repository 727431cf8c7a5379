"""The lung finder's bundle: network, graph, limits, card, README; written whole or not at all."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.integrity import (
    LUNGS,
    move_into_place,
    staged,
    write_sums,
)
from pneumo_core.bundle.keras_network import check_films, load_network, save_network
from pneumo_core.bundle.lung_finder import (
    FINDER_FILES,
    GRAPH,
    PLAUSIBILITY,
    LungFinder,
    check_finder_card,
)
from pneumo_core.bundle.openvino_graph import write_single_output
from pneumo_core.errors import BundleError
from pneumo_core.formatting import count
from pneumo_core.imaging.lungs import SIDE
from pneumo_core.training.lungs.fit import build_network, predictor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import keras

    from pneumo_core.imaging.lung_shape import Plausibility
    from pneumo_core.metrics.intervals import Estimate

_NAME = re.compile(rf"{LUNGS}(-[a-z0-9.-]{{1,50}})?")
TOLERANCE = 0.02  # in probability, between the network and what is stored of it
TITLE = "Lung finder"
SUMMARY = (
    "A small U-Net from a frontal chest film to the masks of the right and left lung, with the "
    "region behind the heart, and whether they can be a pair of lungs at all."
)
LICENCE = "Masks: V7 Labs, CC BY 4.0, unless others were used."


def check_finder_name(name: str, models_dir: Path, *, replace: bool) -> None:
    """Raise BundleError unless a finder can be written under that name."""
    if not _NAME.fullmatch(name):
        raise BundleError(
            f"Expected {LUNGS!r} or a name that begins with '{LUNGS}-', of small letters, digits, "
            f"dots and dashes, got {name[:80]!r}. Only {LUNGS!r} is used for reading."
        )
    if (models_dir / name).exists() and not replace:
        raise BundleError(
            f"Expected a new name, but there is a lung finder {name!r} already. Add --replace to "
            f"overwrite it, or choose a name such as {LUNGS}-2."
        )


def write_finder(  # noqa: PLR0913 - what a finder is made of
    network: keras.Model,
    plausibility: Plausibility,
    card: dict[str, Any],
    *,
    name: str,
    models_dir: Path,
    replace: bool,
) -> LungFinder:
    """Write the finder `name`; the older one is there until the new one is.

    `card` has the form of `lung_card.schema.json` without format, kind, name, version, input and
    agreement, which are filled in. Raises BundleError where something does not fit together.
    """
    check_finder_name(name, models_dir, replace=replace)
    with staged(models_dir, name) as staging:
        card = {
            "format": 1,
            "kind": "lung finder",
            "name": name,
            "version": "1.0",
            "title": TITLE,
            "summary": SUMMARY,
            "input": {"size": SIDE},
            **card,
        }
        plausibility.save(staging / PLAUSIBILITY)
        plain = build_network()  # without the optimizer, three times as large
        plain.set_weights(network.get_weights())
        save_network(plain, staging / "model.keras", half=True)
        stored = load_network(staging / "model.keras")
        write_single_output(stored, staging / GRAPH, half=True)
        _write_texts(card, staging)
        card["agreement"] = _agreement(network, stored, staging)
        _write_texts(card, staging)
        move_into_place(staging, models_dir / name, replace=replace)
    return LungFinder(models_dir / name)


def _write_texts(card: dict[str, Any], staging: Path) -> None:
    check_finder_card(card, card["name"])
    text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
    (staging / "card.json").write_text(f"{text}\n", encoding="utf-8")
    (staging / "README.md").write_text(finder_readme(card), encoding="utf-8")
    write_sums(staging, FINDER_FILES)


def _agreement(network: keras.Model, stored: keras.Model, staging: Path) -> dict[str, float]:
    """Largest differences of a probability on generated images. Raises BundleError."""
    films = check_films(SIDE)
    finder = LungFinder(staging)
    before, after = (predictor(one)(films) for one in (network, stored))
    found = {
        "films": len(films),
        "half_precision": float(np.abs(before - after).max()),
        "keras_openvino": float(np.abs(after - finder.probabilities(films)).max()),
    }
    if max(found["half_precision"], found["keras_openvino"]) > TOLERANCE:
        raise BundleError(
            f"Expected the stored network to give the same probabilities within {TOLERANCE}, got "
            f"{found}. Train with more steps."
        )
    return found


def finder_readme(card: Mapping[str, Any]) -> str:
    """The finder's card as a text for people."""
    data, held_out, training = card["data"], card.get("held_out", {}), card["training"]
    masks = f"{count(data['masks'], 'lung masks')} of {count(data['patients'], 'patients')}."
    known = "steps" in training and "batch" in training
    steps = f"; {training['steps']:,} steps of {training['batch']} films" if known else ""
    steps += f" and {training['continued_steps']:,} continued" * bool(
        training.get("continued_steps")
    )
    lines = [
        f"# {TITLE}",
        SUMMARY,
        "Not a medical device: the masks frame the film and check that it is a chest X-ray.",
        "## Data",
        " ".join([masks, data["licence"], _adults(data)]).strip(),
        "## How well it does",
        _measured_on(held_out),
        _table(card.get("figures", {})),
        "Films and images rejected as no pair of lungs, on the half on which nothing was fitted:",
        _table(card.get("rejected", {})),
        "## Training",
        f"Finished {training['finished']} on {training['machine']}{steps}.",
        "Made with `python -m pneumo_core train-lungs`.",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"


def _adults(data: Mapping[str, Any]) -> str:
    if not data.get("adult_films"):
        return ""
    marked, every = data.get("adult_films_marked", 0), data["adult_films"]
    return (
        f"{every:,} adult films without masks took part: {marked:,} were marked by the network "
        "itself and trained on, all served to fit the limits of the judgement."
    )


def _measured_on(held_out: Mapping[str, int]) -> str:
    if not held_out:
        return "No patients were held out: nothing was measured."
    films, patients = held_out["films"], held_out["patients"]
    folds = f"{held_out['measured_folds']} of {held_out['folds']} folds"
    return (
        f"On {count(films, 'films')} of {count(patients, 'patients')} held out ({folds}), by "
        "networks trained on the other patients in the same way; 95 % intervals by patient. Box "
        "edges are shifted by their median error on the same films."
    )


def _table(figures: Mapping[str, Mapping[str, float]]) -> str:
    if not figures:
        return ""
    rows = [
        f"| {name.replace('_', ' ')} | {one['value']:.3f} [{one['low']:.3f}–{one['high']:.3f}] |"
        for name, one in figures.items()
    ]
    return "\n".join(["| figure | value [95 % interval] |", "| --- | --- |", *rows])


def as_figures(found: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """Estimates as the card holds them."""
    return {name: estimate.to_dict() for name, estimate in found.items()}
