"""Explanations of one reading: maps by several methods, how far they agree, a sanity check.

A map may look convincing and say nothing of what the network learnt: it passes the sanity check of
Adebayo et al. 2018 (arXiv 1810.03292) only if a network with randomised weights gives another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle.framing import framing_of
from pneumo_core.errors import PneumoError
from pneumo_core.imaging.lung_frame import on_film
from pneumo_core.inference.gradient_maps import (
    GRADIENT_METHODS,
    gradient_map,
    keras_network,
    logits_and_features,
    randomised,
)
from pneumo_core.inference.runtime import Runtime
from pneumo_core.inference.saliency import class_activation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import keras
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle
    from pneumo_core.imaging.lung_frame import Window

METHODS = ("cam", *GRADIENT_METHODS)
TITLES = {
    "cam": "CAM",
    "gradcam": "Grad-CAM",
    "gradcam++": "Grad-CAM++",
    "scorecam": "Score-CAM",
    "smoothgrad": "SmoothGrad",
}
PNEUMONIA = "pneumonia"
ALIKE = 0.5  # rank correlation from which two maps are called alike
STRONG, WEAK = 0.7, 0.3
FLAT = 1e-9  # range below which a map has no order
ONE_METHOD = frozenset({"cam", "gradcam"})
"""Behind average pooling and one linear layer, which every network here ends with, Grad-CAM is CAM
but for its scale (Selvaraju et al. 2017, arXiv 1610.02391)."""


@dataclass(frozen=True)
class Explanation:
    """One map: `cam` float32 (h,w) in 0..1 of what the network saw, not yet drawn on the film.

    probability: calibrated, 0..1, of what is explained; the map of a gradient method, which by
    itself ends at 1 for any film, is scaled by it. randomised: rank correlation, -1..1, with the
    map of a network with randomised weights; None where it was not asked for, or one of the two is
    the same throughout. randomised_flat: the randomised network's map is: "empty" or "the same
    everywhere", else "".
    """

    method: str
    target: str
    cam: NDArray[np.float32]
    probability: float
    randomised: float | None = None
    randomised_flat: str = ""


def check_method(method: str) -> None:
    """Raise PneumoError unless `method` is one of `METHODS`."""
    if method not in METHODS:
        raise PneumoError(
            f"Expected a method out of {', '.join(METHODS)}; got {method!r}. Name one of these."
        )


def targets(classes: Sequence[str]) -> tuple[str, ...]:
    """What can be explained: pneumonia, and the subtypes where the model has them."""
    return (PNEUMONIA, *(classes[1:] if len(classes) > 2 else ()))


def target_classes(classes: Sequence[str], target: str) -> tuple[int, ...]:
    """The classes of a target of `targets`, as places in `classes`. Raises PneumoError."""
    if target == PNEUMONIA:
        return tuple(range(1, len(classes)))
    if target not in targets(classes):
        raise PneumoError(
            f"Expected one of {', '.join(targets(classes))} to explain; got {target!r}."
        )
    return (list(classes).index(target),)


def explanations(
    bundle: Bundle,
    film: NDArray[np.uint8],
    methods: Sequence[str],
    target: str = PNEUMONIA,
    *,
    sanity: bool = False,
) -> Iterator[Explanation]:
    """Explanations of a network's input uint8 (S,S), one after the other as they are computed.

    Loads TensorFlow. sanity: with the rank correlation with a network of randomised weights.
    """
    for method in methods:
        check_method(method)
    chosen = target_classes(bundle.classes, target)
    network = keras_network(bundle)
    random = randomised(network) if sanity else None
    for method in methods:
        cam, p = _mapped(bundle, network, film, method, chosen)
        rho, flat = None, ""
        if random is not None and np.ptp(cam) >= FLAT:
            other, _ = _mapped(bundle, random, film, method, chosen)
            rho, flat = rank_correlation(cam, other), flat_words(other)
        yield Explanation(method, target, cam, p, rho, flat)


def saliency_map(bundle: Bundle, pixels: NDArray[np.uint8], method: str) -> NDArray[np.float32]:
    """Map for a film uint8 (H,W) by a method of `METHODS`, float32 (h,w) in 0..1.

    "cam" comes with every prediction and needs no TensorFlow; `Explanation` says how the others are
    scaled. Raises PneumoError for an unknown method.
    """
    check_method(method)
    framing = framing_of(bundle)
    copy = framing.copy(pixels)
    window = framing.windows(copy[np.newaxis])[0]
    film = framing.input(copy, window)
    if method != "cam":
        return on_film(next(explanations(bundle, film, [method])).cam, window)
    runtime = Runtime(bundle)
    logits, features = runtime.run(film[np.newaxis])
    chances = bundle.probabilities(logits)[0]
    evidence = class_activation(features[0], runtime.head_kernel, chances, bundle.temperature)
    return on_film(evidence, window)


def network_input(bundle: Bundle, pixels: NDArray[np.uint8], window: Window) -> NDArray[np.uint8]:
    """What the network saw of a film uint8 (H,W) through the window of its reading, (S,S)."""
    framing = framing_of(bundle)
    return np.ascontiguousarray(framing.input(framing.copy(pixels), window))


def rank_correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Spearman's rank correlation, -1..1, of two maps (h,w); None where one is the same throughout.

    On the coarser grid of the two: a fine map is averaged to it.
    """
    import cv2
    from scipy.stats import rankdata

    shape = min(one.shape, other.shape)
    maps = [
        cam
        if cam.shape == shape
        else cv2.resize(cam, (shape[1], shape[0]), interpolation=cv2.INTER_AREA)
        for cam in (one, other)
    ]
    if any(np.ptp(cam) < FLAT for cam in maps):
        return None
    ranks = [rankdata(cam.ravel()) for cam in maps]
    return float(np.corrcoef(*ranks)[0, 1])


def agreement_words(rho: float | None) -> str:
    """How far two maps agree, in words, from their rank correlation."""
    if rho is None:
        return "cannot be compared: one of them is empty"
    if rho >= STRONG:
        return f"agree (rank correlation {rho:.2f})"
    if rho >= WEAK:
        return f"agree in part (rank correlation {rho:.2f})"
    return f"do not agree (rank correlation {rho:.2f})"


def pair_words(one: Explanation, other: Explanation) -> str:
    """How far the maps of two methods agree, in words."""
    both = f"{TITLES[one.method]} and {TITLES[other.method]}"
    if {one.method, other.method} == ONE_METHOD:
        return (
            f"{both} are one method for this network (average pooling and one linear layer): "
            "their agreement confirms nothing"
        )
    return f"{both} {agreement_words(rank_correlation(one.cam, other.cam))}"


def flat_words(cam: NDArray[np.float32]) -> str:
    """What a map (h,w) is that has no order: "empty" or "the same everywhere"; else ""."""
    if np.ptp(cam) >= FLAT:
        return ""
    return "empty" if float(cam.max()) < FLAT else "the same everywhere"


def sanity_words(explanation: Explanation) -> str:
    """Whether a map depends on what the network learnt, in words."""
    if flat := explanation.randomised_flat:
        return (
            f"With randomised weights the map is {flat}: this map depends on what the network "
            "learnt, but there is no second map to compare it with."
        )
    rho = explanation.randomised
    if rho is None:
        return f"Not checked: the map is {flat_words(explanation.cam) or 'not compared'}."
    if abs(rho) < ALIKE:
        return (
            f"Passed: with randomised weights the map is different (rank correlation {rho:.2f}), "
            "so it depends on what the network learnt."
        )
    return (
        f"Failed: with randomised weights the map is much the same (rank correlation {rho:.2f}), "
        "so it shows the film, not what the network learnt. Do not rely on it."
    )


def _mapped(
    bundle: Bundle,
    network: keras.Model,
    film: NDArray[np.uint8],
    method: str,
    chosen: Sequence[int],
) -> tuple[NDArray[np.float32], float]:
    """The map of `method`, and the calibrated probability of the classes that it explains."""
    logits, features = logits_and_features(network, film)
    chances = bundle.probabilities(logits[np.newaxis])[0]
    p = float(chances[list(chosen)].sum())
    if method == "cam":
        kernel = np.array(network.get_layer("logits").kernel, np.float32)
        return class_activation(features, kernel, chances, bundle.temperature, chosen), p
    cam = gradient_map(network, film, method, chosen)
    return np.asarray(np.float32(p) * cam, dtype=np.float32), p
