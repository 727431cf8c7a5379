"""Augmentation of films with lung masks: geometry of both, opacities, exposure, marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.imaging.lungs import SIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey


@dataclass(frozen=True)
class Augmentation:
    """How far training films are changed; pairs are ranges, shares are probabilities a film."""

    zoom: tuple[float, float] = (0.75, 1.3)  # of the film's size; above 1 cuts the lungs off
    aspect: float = 1.4  # width by height, from 1/aspect to aspect
    rotation_deg: float = 15.0
    quarter_turns: float = 0.06  # share turned by 90, 180 or 270 degrees
    shift: float = 0.12  # of the side
    opacity: float = 0.12  # share with a lung, or a part of one, painted white
    other_images: float = 0.25  # share of images without lungs


MILD = Augmentation(
    zoom=(0.92, 1.09),
    aspect=1.1,
    rotation_deg=5.0,
    quarter_turns=0.02,
    shift=0.04,
    opacity=0.04,
    other_images=0.15,
)


def augmented(
    film: Grey, lungs: Grey, rng: np.random.Generator, how: Augmentation
) -> tuple[Grey, Grey]:
    """A film (S, S) and its lungs (S, S, 2), 0 or 255, as (128, 128) and (128, 128, 2), 0..255."""
    if rng.random() < how.opacity:
        film = _with_opacity(film, lungs, rng)
    flip = rng.random() < 0.5
    matrix, zoom = _geometry(len(film), rng, how, flip=flip)
    border = cv2.BORDER_REPLICATE if rng.random() < 0.25 else cv2.BORDER_CONSTANT
    grey = max(0.0, float(rng.uniform(-120, 160)))
    soft = cv2.GaussianBlur(film, (0, 0), 0.6 * max(0.5, 1 / zoom))
    shape = (SIDE, SIDE)
    seen = cv2.warpAffine(soft, matrix, shape, borderMode=border, borderValue=grey)
    mask = np.asarray(cv2.warpAffine(lungs, matrix, shape), np.uint8)
    # A mirrored film cannot be recognised by its lungs: the lung on the left stays channel 0.
    return exposed(np.asarray(seen, np.uint8), rng), mask[..., ::-1] if flip else mask


def _geometry(
    side: int, rng: np.random.Generator, how: Augmentation, *, flip: bool
) -> tuple[NDArray[np.float64], float]:
    """The affine matrix (2, 3) from a film of `side` to the network's input, and the zoom."""
    turn = np.deg2rad(rng.uniform(-1, 1) * how.rotation_deg * (rng.random() < 0.7))
    if rng.random() < how.quarter_turns:
        turn += rng.integers(1, 4) * np.pi / 2
    zoom = float(np.exp(rng.uniform(*np.log(how.zoom))))
    aspect = np.exp(rng.uniform(-1, 1) * np.log(how.aspect) / 2)
    cos, sin = np.cos(turn), np.sin(turn)
    # Squeezed first, as the film was when it became a square, then turned.
    scale = np.diag([zoom * aspect * (-1 if flip else 1), zoom / aspect])
    linear = np.array([[cos, -sin], [sin, cos]]) @ scale
    centre = np.full(2, (side - 1) / 2)
    shift = rng.uniform(-how.shift, how.shift, 2) * side
    matrix = np.hstack([linear, (centre + shift - linear @ centre)[:, None]]) * (SIDE / side)
    matrix[:, 2] += (SIDE / side - 1) / 2
    return matrix, zoom


def _with_opacity(film: Grey, lungs: Grey, rng: np.random.Generator) -> Grey:
    """One lung, or its upper or lower part, as white as what lies between the lungs."""
    lung = lungs[..., int(rng.integers(2))]
    field = cv2.GaussianBlur(lung, (0, 0), float(rng.uniform(1.5, 7))).astype(np.float32) / 255
    rows = np.flatnonzero(lung.any(1))
    if rng.random() < 0.5 and rows.size:
        cut = rng.uniform(rows[0], rows[-1])
        ramp = 1 / (1 + np.exp(-(np.arange(len(film)) - cut) / rng.uniform(2, 12)))
        field *= (ramp if rng.random() < 0.7 else 1 - ramp).astype(np.float32)[:, None]
    white = float(np.quantile(film, rng.uniform(0.7, 0.95)))
    amount = rng.uniform(0.6, 1.0) * field
    return np.asarray(film * (1 - amount) + white * amount, np.uint8)


def exposed(image: Grey, rng: np.random.Generator) -> Grey:
    """The image (S, S) exposed, sharpened, marked, masked at its border and compressed anew."""
    x = image.astype(np.float32) / 255
    x = x ** np.float32(np.exp(rng.uniform(-0.7, 0.7)))
    mean = float(x.mean())
    contrast, brightness = np.exp(rng.uniform(-0.6, 0.35)), rng.uniform(-0.15, 0.15)
    x = (x - mean) * np.float32(contrast) + np.float32(mean + brightness)
    if rng.random() < 0.3:
        blurred = cv2.GaussianBlur(x, (0, 0), float(rng.uniform(0.4, 1.6)))
        x = x + np.float32(rng.uniform(-0.8, 1.0)) * (blurred - x)
    if rng.random() < 0.35:
        x = x + np.float32(rng.uniform(0, 0.06)) * rng.standard_normal(x.shape, np.float32)
    seen = np.asarray(np.clip(x, 0, 1) * 255, np.uint8)
    if rng.random() < 0.35:
        _draw_marks(seen, rng)
    if rng.random() < 0.2:
        _draw_collimation(seen, rng)
    if rng.random() < 0.25:
        quality = int(rng.integers(25, 90))
        coded = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        seen = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return seen


def _draw_marks(image: Grey, rng: np.random.Generator) -> None:
    """Tubes, lines, plates and letters, drawn into the image."""
    side = len(image)
    for _ in range(rng.integers(1, 5)):
        a, b = (tuple(int(v) for v in rng.integers(0, side, 2)) for _ in range(2))
        grey = int(rng.integers(120, 256))
        if rng.random() < 0.6:
            cv2.line(image, a, b, grey, int(rng.integers(1, 3)), cv2.LINE_AA)
        else:
            width, height = (int(v) for v in rng.integers(2, side // 8, 2))
            cv2.rectangle(image, a, (a[0] + width, a[1] + height), grey, -1)
    if rng.random() < 0.4:
        at = (int(rng.integers(0, side - 15)), int(rng.integers(10, side)))
        text, size = str(rng.choice(["R", "L", "AP", "12"])), float(rng.uniform(0.3, 0.6))
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, 255, 1)


def _draw_collimation(image: Grey, rng: np.random.Generator) -> None:
    """Uniform borders, as of a collimated film."""
    side = len(image)
    top, bottom, left, right = rng.integers(0, side // 9, 4)
    grey = max(0, int(rng.integers(-200, 255)))
    image[:top], image[side - bottom :] = grey, grey
    image[:, :left], image[:, side - right :] = grey, grey
