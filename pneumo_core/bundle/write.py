"""Write a bundle: everything in a hidden folder first, checked there, then moved into place."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.card import FITTED_FORMAT, FORMAT, Card, parse_card
from pneumo_core.bundle.feature_checks import (
    FEATURE_CHECKS,
    Orientation,
    OutOfDistribution,
)
from pneumo_core.bundle.integrity import (
    ELSEWHERE,
    FILM_HASHES,
    FILMS,
    move_into_place,
    staged,
    verify_bundle,
    write_sums,
)
from pneumo_core.bundle.keras_network import (
    TOLERANCE,
    check_films,
    check_network,
    in_float32,
    load_network,
    save_network,
)
from pneumo_core.bundle.model_card import readme
from pneumo_core.bundle.openvino_graph import Graph, write_graph
from pneumo_core.bundle.provenance import film_hashes_text, films_text, joined_film_roles
from pneumo_core.bundle.registry import Bundle, check_name, load_bundle
from pneumo_core.config import load_settings
from pneumo_core.errors import BundleError
from pneumo_core.metrics import probabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import keras
    import pandas as pd
    from numpy.typing import NDArray

COMPARED_ON, FEWER = 64, 8  # generated images, on which the forms of a network are compared
PREDICTIONS = (
    *("film", "split", "label", "subtype", "group"),
    *("p_normal", "p_bacterial", "p_viral", "p_pneumonia"),
)


def write_bundle(  # noqa: PLR0913 - what a bundle is made of
    model: keras.Model,
    *,
    name: str,
    card: dict[str, Any],
    predictions: pd.DataFrame,
    films: Mapping[str, str] | None = None,
    film_hashes: Mapping[str, str] | None = None,
    out_of_distribution: NDArray[np.float32] | None = None,
    orientation: NDArray[np.float32] | None = None,
    elsewhere: pd.DataFrame | None = None,
    models_dir: Path | None = None,
    replace: bool = False,
    write_full_graph: Callable[[Path], None] | None = None,
) -> Bundle:
    """Write a trained network as the bundle `name`; the bundle in service stays as it is.

    `model` takes float32 (N,S,S,1) in 0..255, scales inside and gives logits (N,C); it is a flat
    functional graph whose layer before global average pooling is named "features" and whose head
    is a Dense named "logits". `card` has the form of `card.schema.json`; its format, name and
    agreement are filled in here, and its version is "1.0" unless given. `predictions` has the
    columns `PREDICTIONS`, out of fold or on validation; `elsewhere` has them for films of another
    hospital, held out by patient. `films` holds the role of each film by its
    full SHA-256: "t" trained on, "v" validation, "tv" both; without it the bundle lists no films.
    `film_hashes` holds the same by perceptual hash, which recognises other copies of a film.
    `out_of_distribution` (D + 1, K) and `orientation` (4, K + 1) are the arrays of the
    `feature_checks`, whose limits the card states.
    `replace` allows an older bundle of that name to be replaced.

    Kernels are stored in half precision unless that moves a probability by more than 1e-3. Where
    a person waits, the caller may have the OpenVINO graph of the model already: `write_full_graph`
    then writes it to a path, kernels stay in full precision, and fewer images are compared. Raises
    BundleError where something does not fit together, or OpenVINO and Keras differ by more.
    """
    folder = load_settings().models_dir if models_dir is None else models_dir
    if (folder / check_name(name)).exists() and not replace:
        raise BundleError(
            f"Expected a new model name, but {name} exists. Choose another name, or replace it."
        )
    card = {"version": "1.0", **card, "format": FORMAT, "name": name}
    known = parse_card(card, name)
    check_network(model, size=known.size, classes=len(known.classes))
    lists = {FILMS: films_text(films or {}), FILM_HASHES: film_hashes_text(film_hashes or {})}
    with staged(folder, name) as staging:
        card["agreement"] = _write_network(in_float32(model), known, staging, write_full_graph)
        _write_texts(card, predictions, staging)
        if elsewhere is not None:
            _write_predictions(elsewhere, staging / ELSEWHERE)
        for file, text in lists.items():
            if text:
                (staging / file).write_text(text, encoding="ascii", newline="\n")
        if out_of_distribution is not None:
            OutOfDistribution.save(out_of_distribution, staging)
        if orientation is not None:
            Orientation.save(orientation, staging)
        write_sums(staging)
        move_into_place(staging, folder / name, replace=replace)
    return load_bundle(name, models_dir=folder)


def write_fitted(
    parent: Bundle,
    *,
    name: str,
    card: dict[str, Any],
    predictions: pd.DataFrame,
    sha256: Sequence[str],
) -> Bundle:
    """Write `parent`'s network with another `card` as the bundle `name`, beside the parent.

    The network and the arrays of its feature checks are copied, not made anew; the parent stays as
    it is. `predictions` has the columns `PREDICTIONS`, cross-fitted on the films whose SHA-256 (64
    hexadecimal digits) are `sha256`: the model's thresholds were chosen on them. No perceptual hash
    of theirs is stored, since it holds a coarse picture of the film. Raises BundleError, also where
    the name is taken or the parent has been altered.
    """
    folder = parent.path.parent
    if (folder / check_name(name)).exists():
        raise BundleError(
            f"Expected a new model name, but {name} exists. Choose another name, or delete it."
        )
    verify_bundle(parent.path)
    whole = {"version": "1.0", **card, "format": FITTED_FORMAT, "name": name}
    parse_card(whole, name)
    with staged(folder, name) as staging:
        for file in ("model.keras", "openvino/model.xml", "openvino/model.bin"):
            shutil.copyfile(parent.path / file, staging / file)
        for check in FEATURE_CHECKS:
            if (parent.path / check.file).is_file():
                shutil.copyfile(parent.path / check.file, staging / check.file)
        if (parent.path / FILM_HASHES).is_file():
            shutil.copyfile(parent.path / FILM_HASHES, staging / FILM_HASHES)
        listed = joined_film_roles(parent.path / FILMS, sha256, role="v")
        (staging / FILMS).write_text(listed, encoding="ascii", newline="\n")
        _write_texts(whole, predictions, staging)
        write_sums(staging)
        move_into_place(staging, folder / name, replace=False)
    return load_bundle(name, models_dir=folder)


def revise_card(bundle: Bundle, **parts: Any) -> Bundle:
    """The bundle with `parts` laid over its card; README and sums follow, the rest stays as it is.

    Readers see the old bundle or the new one. Raises BundleError where the bundle has been altered
    or a part has the wrong form.
    """
    verify_bundle(bundle.path)
    card = dict(bundle.card.with_parts(**parts).document)
    known = parse_card(card, bundle.name)
    with staged(bundle.path.parent, bundle.name) as staging:
        shutil.copytree(bundle.path, staging, dirs_exist_ok=True)
        (staging / "card.json").write_text(_card_json(card), encoding="utf-8")
        (staging / "README.md").write_text(readme(known), encoding="utf-8")
        write_sums(staging)
        move_into_place(staging, bundle.path, replace=True)
    return load_bundle(bundle.name, models_dir=bundle.path.parent)


def _write_network(
    model: keras.Model,
    card: Card,
    staging: Path,
    write_full_graph: Callable[[Path], None] | None,
) -> dict[str, Any]:
    """Write both forms of the network; how far the probabilities of each differ from the model."""
    halves = (True, False) if write_full_graph is None else (False,)
    films = check_films(card.size)[: COMPARED_ON if write_full_graph is None else FEWER]
    temperature = card.calibration.temperature

    def of_keras(network: keras.Model) -> NDArray[np.float64]:
        return probabilities(network.predict(films, batch_size=16, verbose=0), temperature)

    def stored_network(half: bool) -> NDArray[np.float64]:
        save_network(model, staging / "model.keras", half=half)
        stored = load_network(staging / "model.keras")
        pairs = zip(model.get_weights(), stored.get_weights(), strict=True)
        same = all(np.array_equal(one, other) for one, other in pairs)
        return expected if same else of_keras(stored)

    def stored_graph(half: bool) -> NDArray[np.float64]:
        target = staging / "openvino" / "model.xml"
        if write_full_graph is None:
            write_graph(staging / "model.keras", target, half=half)
        else:
            write_full_graph(target)
        return probabilities(_run_graph(Graph(target), films, model.name), temperature)

    expected = of_keras(model)
    half_network, network, network_error = _within(expected, stored_network, halves)
    half_graph, _, graph_error = _within(network, stored_graph, halves)
    return {
        "films": len(films),
        "half_precision": network_error,
        "keras_openvino": graph_error,
        "keras_stored_as": "float16" if half_network else "float32",
        "openvino_stored_as": "float16" if half_graph else "float32",
    }


def _run_graph(graph: Graph, films: NDArray[np.float32], network: str) -> NDArray[np.float32]:
    """Logits of films, 16 at a time, as a reading passes several crops and shifts at a time."""
    try:
        return np.concatenate([graph(films[i : i + 16])[0] for i in range(0, len(films), 16)])
    except RuntimeError as error:
        raise BundleError(
            f"Expected the network {network} to take several films at a time; converted without "
            "TensorFlow it takes one. Write the bundle where TensorFlow is installed "
            "(KERAS_BACKEND=tensorflow), by resuming the run there, or train another backbone."
        ) from error


def _within(
    expected: NDArray[np.float64],
    store: Callable[[bool], NDArray[np.float64]],
    halves: tuple[bool, ...],
) -> tuple[bool, NDArray[np.float64], float]:
    """Store in half precision, or in full where half differs too much: (half, found, largest)."""
    largest = np.inf
    for half in halves:
        found = store(half)
        largest = float(np.abs(found - expected).max())
        if largest <= TOLERANCE:
            return half, found, largest
    raise BundleError(
        f"Expected the stored network to give the model's probabilities within {TOLERANCE}, "
        f"got a difference of {largest:.2g}. Write the bundle where TensorFlow is installed "
        "(KERAS_BACKEND=tensorflow)."
    )


def _write_texts(card: dict[str, Any], predictions: pd.DataFrame, staging: Path) -> None:
    _write_predictions(predictions, staging / "predictions.csv")
    (staging / "card.json").write_text(_card_json(card), encoding="utf-8")
    (staging / "README.md").write_text(readme(Card.from_document(card)), encoding="utf-8")


def _write_predictions(predictions: pd.DataFrame, path: Path) -> None:
    missing = [column for column in PREDICTIONS if column not in predictions.columns]
    if missing:
        raise BundleError(
            f"Expected predictions with the columns {', '.join(PREDICTIONS)}; "
            f"{', '.join(missing)} missing. Add them (empty where the model has no subtypes)."
        )
    predictions.loc[:, list(PREDICTIONS)].to_csv(
        path, index=False, float_format="%.6f", lineterminator="\n"
    )


def _card_json(card: dict[str, Any]) -> str:
    try:
        text = json.dumps(
            card, indent=2, ensure_ascii=False, allow_nan=False, default=np.ndarray.tolist
        )
    except (TypeError, ValueError) as error:
        raise BundleError(
            f"Expected a card of text, finite numbers, lists and objects: {error}. Correct it."
        ) from error
    return f"{text}\n"
