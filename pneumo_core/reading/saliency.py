"""Where the model looked: class activation maps, and how they are laid over a film.

A map says where the network found its evidence, not where a lesion is; the best such methods
agree with radiologists less than radiologists do with each other (Saporta et al. 2022,
doi 10.1038/s42256-022-00536-x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.errors import PneumoError
from pneumo_core.imaging.decode import resize
from pneumo_core.metrics import probabilities
from pneumo_core.reading.gradients import GRADIENT_METHODS, gradient_map
from pneumo_core.reading.runtime import Runtime

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.bundle import Bundle

METHODS = ("cam", *GRADIENT_METHODS)
FULL_EVIDENCE = 4.0  # a log odds of 4 is a probability of 98 %


def class_activation(
    features: NDArray[np.float32],
    head_kernel: NDArray[np.float32],
    probabilities: NDArray[np.float64],
    temperature: float,
) -> NDArray[np.float32]:
    """Evidence for pneumonia against normal at each place of the feature map, (h,w) in 0..1.

    `features` (h,w,K), `head_kernel` (K,C) with class 0 normal, `probabilities` (C,). With a
    pooled linear head, features times kernel is each place's share in the logits (Zhou et al.
    2016, arXiv 1512.04150). The pneumonia classes are weighted by their probability; evidence
    against pneumonia is cut off at 0. The scale ends at the strongest place, but never below
    `FULL_EVIDENCE` log odds, so that a confidently normal film shows little.
    """
    pneumonia = probabilities[1:] / max(float(probabilities[1:].sum()), 1e-12)
    direction = head_kernel[:, 1:] @ pneumonia - head_kernel[:, 0]
    evidence = np.maximum(features @ direction / temperature, 0.0)
    return np.asarray(evidence / max(float(evidence.max()), FULL_EVIDENCE), dtype=np.float32)


def check_method(method: str) -> None:
    """Raise PneumoError unless `method` is one of `METHODS`."""
    if method not in METHODS:
        raise PneumoError(
            f"Expected a method out of {', '.join(METHODS)}; got {method!r}. Name one of these."
        )


def saliency_map(bundle: Bundle, pixels: NDArray[np.uint8], method: str) -> NDArray[np.float32]:
    """Map for a film uint8 (H,W) by a method of `METHODS`, float32 (h,w) in 0..1.

    "cam" is the map of a reading and needs no TensorFlow; `gradient_map` describes the others.
    Raises PneumoError for an unknown method.
    """
    check_method(method)
    film = resize(pixels, bundle.size)
    if method != "cam":
        return gradient_map(bundle, film, method)
    runtime = Runtime(bundle)
    logits, features = runtime.run(film[np.newaxis])
    chances = probabilities(logits, bundle.temperature)[0]
    return class_activation(features[0], runtime.head_kernel, chances, bundle.temperature)


def upsample(cam: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A map (h,w) in 0..1 smoothly enlarged to the first two of `shape`, float32 in 0..1."""
    import cv2

    large = cv2.resize(cam, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0.0, 1.0), dtype=np.float32)


def heat(cam: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The map alone in inferno colours, uint8 (H,W,3) RGB: black is nothing, yellow most."""
    import cv2

    levels = np.rint(upsample(cam, shape) * 255).astype(np.uint8)
    coloured: Any = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    return np.array(coloured[..., ::-1], dtype=np.uint8)


def overlay(
    pixels: NDArray[np.uint8], cam: NDArray[np.float32], *, opacity: float = 0.45
) -> NDArray[np.uint8]:
    """A film uint8 (H,W) with the map over it, uint8 (H,W,3) RGB.

    The map covers a place by `opacity` times its own height there, so that a film with no
    evidence stays as it is.
    """
    cover = (opacity * upsample(cam, pixels.shape))[..., np.newaxis]
    grey = np.repeat(pixels[..., np.newaxis], 3, axis=2).astype(np.float32)
    mixed = grey * (1 - cover) + heat(cam, pixels.shape) * cover
    return np.asarray(np.rint(mixed), dtype=np.uint8)
