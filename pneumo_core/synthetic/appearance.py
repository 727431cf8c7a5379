"""Synthetic chest films from a statistical model of appearance: samples, demo data, self-tests.

`appearance.npz` holds, for each subtype, a mean film and the modes in which outline and brightness
vary together (an active appearance model: Cootes, Edwards, Taylor 2001, doi 10.1109/34.927467).
Mean and modes each average over hundreds of films; no film, and no patient, is in the file.
`tools/fit_appearance.py` fits it to the training films of

    Kermany, Zhang, Goldbaum (2018), Labeled Optical Coherence Tomography (OCT) and Chest X-Ray
    Images for Classification, Mendeley Data V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0.

A synthetic film shows nobody. Say so wherever one is shown; never measure a model's performance
on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


MODEL_FILE = Path(__file__).with_name("appearance.npz")
SUBTYPES = ("normal", "bacterial", "viral")
HEIGHT, WIDTH = 480, 600  # pixels: the model's square, at the usual shape of a child's film
MARGIN = 0.04  # of the model's side, cropped all round
SAMPLES = (
    ("normal", 79),
    ("bacterial", 254),
    ("normal", 6),
    ("viral", 25),
    ("bacterial", 64),
    ("normal", 22),
)
"""Subtype and seed of each sample; `tools/choose_samples.py` chooses them."""

_FURTHEST = 2.0  # standard deviations: beyond it, few films supported the model
_EXPOSURE_SHARE = 0.34  # of the variation: between two films of one child, not between children
_ROTATION = 4.0  # degrees, either way
_ENLARGEMENT, _SHIFT = 0.1, 0.03  # at most, of the side
_GAMMA, _GAIN = (0.8, 1.25), (0.9, 1.08)


@dataclass(frozen=True)
class SampleFilm:
    """A synthetic film: `label` "normal" or "pneumonia" (the positive class), `subtype`
    "normal", "bacterial" or "viral", `pixels` uint8 (H, W), 0 black.
    """

    name: str
    label: str
    subtype: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True)
class Appearance:
    """How films of one subtype look. All on a square film, K modes of one standard deviation.

    mean       float32 (S, S), grey of the mean film in the mean shape, 0..255
    modes      float32 (K, s, s), grey that mode k adds in the mean shape
    outline    float32 (t, t, 2), where a point of the film lies in the mean shape: its
               displacement x, y as a share of the side
    bends      float32 (K, t, t, 2), the displacement that mode k adds
    texture    float32 (u, u), standard deviation of the fine detail that the modes leave out
    """

    mean: NDArray[np.float32]
    modes: NDArray[np.float32]
    outline: NDArray[np.float32]
    bends: NDArray[np.float32]
    texture: NDArray[np.float32]


def sample_films() -> list[SampleFilm]:
    """The synthetic films of the Diagnose screen, always the same: three normal, two bacterial,
    one viral, named "Synthetic 1" and so on.
    """
    models = load_appearances()
    return [
        SampleFilm(
            name=f"Synthetic {number}",
            label="normal" if subtype == "normal" else "pneumonia",
            subtype=subtype,
            pixels=draw(models[subtype], seed),
        )
        for number, (subtype, seed) in enumerate(SAMPLES, start=1)
    ]


def modelled_film(
    subtype: str, *, child: tuple[int, ...], exposure: tuple[int, ...]
) -> NDArray[np.uint8]:
    """One film, uint8 (480, 600): `child` seeds the body, `exposure` what differs between two
    films of it. `subtype` is one of `SUBTYPES`; the same arguments give the same film.
    """
    body, light = np.random.default_rng(child), np.random.default_rng(exposure)
    model = _models()[subtype]
    own, varying = (
        np.clip(rng.standard_normal(len(model.modes)), -_FURTHEST, _FURTHEST)
        for rng in (body, light)
    )
    film = compose(model, np.sqrt(1 - _EXPOSURE_SHARE**2) * own + _EXPOSURE_SHARE * varying, light)
    return _exposed(_framed(film, light), light)


def synthetic_film(subtype: str, seed: int, *, size: int = 512) -> NDArray[np.uint8]:
    """A square film for self-tests and timings: uint8 (size, size), the same for the same seed."""
    film = modelled_film(subtype, child=(seed, 1), exposure=(seed, 2))
    return np.asarray(cv2.resize(film, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def draw(model: Appearance, seed: int) -> NDArray[np.uint8]:
    """One film from the model: uint8 (480, 600), the same for the same seed."""
    rng = np.random.default_rng(seed)
    weights = np.clip(rng.standard_normal(len(model.modes)), -2.5, 2.5)
    return compose(model, weights, rng)


def compose(
    model: Appearance, weights: NDArray[np.floating], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """The film with the given weights (K,) of the modes, in standard deviations."""
    weights = weights.astype(np.float32)
    grey = model.mean + _enlarge(np.tensordot(weights, model.modes, axes=1), *model.mean.shape)
    grey = _crisp(grey)
    places = _places(model.outline + np.tensordot(weights, model.bends, axes=1))
    film = _sample(grey, places, cv2.INTER_CUBIC)
    # exposed to black, a film has no texture
    strength = _sample(model.texture, places, cv2.INTER_LINEAR) * np.clip(film / 90, 0, 1)
    return np.asarray(np.rint(np.clip(film + strength * _noise(rng), 0, 255)), np.uint8)


def load_appearances(path: Path = MODEL_FILE) -> dict[str, Appearance]:
    """The appearance model of each subtype."""
    with np.load(path, allow_pickle=False) as stored:
        return {
            str(subtype): Appearance(
                mean=stored[f"{subtype}_mean"].astype(np.float32),
                modes=_unpack(stored, f"{subtype}_modes"),
                outline=stored[f"{subtype}_outline"].astype(np.float32),
                bends=_unpack(stored, f"{subtype}_bends"),
                texture=stored[f"{subtype}_texture"].astype(np.float32),
            )
            for subtype in stored["subtypes"]
        }


@cache
def _models() -> dict[str, Appearance]:
    return load_appearances()


def _framed(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Rotated, enlarged and shifted a little; what comes in at an edge repeats it."""
    height, width = film.shape
    angle, scale = rng.uniform(-_ROTATION, _ROTATION), 1 + rng.uniform(0, _ENLARGEMENT)
    move = np.asarray(cv2.getRotationMatrix2D((width / 2, height / 2), angle, scale), np.float64)
    move[:, 2] += rng.uniform(-_SHIFT, _SHIFT, 2) * (width, height)
    moved = cv2.warpAffine(film, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _exposed(film: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Another gamma and gain."""
    gamma, gain = rng.uniform(*_GAMMA), rng.uniform(*_GAIN)
    curve = 255 * gain * (np.arange(256) / 255) ** gamma
    table: NDArray[np.uint8] = np.rint(np.clip(curve, 0, 255)).astype(np.uint8)
    return table[film]


def _unpack(stored: Any, name: str) -> NDArray[np.float32]:
    """Modes are kept as 8-bit numbers with one scale a mode."""
    whole, scale = stored[name], stored[f"{name}_scale"]
    return np.asarray(whole * scale.reshape(-1, *[1] * (whole.ndim - 1)), np.float32)


def _enlarge(plane: NDArray[Any], height: int, width: int) -> NDArray[np.float32]:
    plane = np.asarray(plane, np.float32)
    return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC))


def _crisp(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Edges as sharp as a single film's: a mean of many, however well aligned, has lost some."""
    fine = grey - cv2.GaussianBlur(grey, (0, 0), 2.0)
    broad = grey - cv2.GaussianBlur(grey, (0, 0), 6.0)
    return np.asarray(grey + 1.2 * fine + 0.3 * broad, np.float32)


def _places(displaced: NDArray[np.floating]) -> NDArray[np.float32]:
    """(H, W, 2): where each pixel lies in the mean shape, x and y as shares of its side. A margin
    is cropped: at the rim of the model few films had anything to show.
    """
    share = [MARGIN + (1 - 2 * MARGIN) * (np.arange(n) + 0.5) / n for n in (WIDTH, HEIGHT)]
    straight = np.stack(np.meshgrid(*share), axis=-1).astype(np.float32)
    fine = _enlarge(displaced, 4 * len(displaced), 4 * len(displaced))
    return straight + _sample(fine, straight, cv2.INTER_LINEAR)


def _sample(
    plane: NDArray[np.float32], places: NDArray[np.float32], interpolation: int
) -> NDArray[np.float32]:
    """`plane` (s, s) or (s, s, 2) at `places` (H, W, 2), shares of its side."""
    at = places * np.float32(len(plane)) - np.float32(0.5)
    border = cv2.BORDER_REPLICATE
    return np.asarray(
        cv2.remap(plane, at[..., 0], at[..., 1], interpolation, borderMode=border), np.float32
    )


def _noise(rng: np.random.Generator) -> NDArray[np.float32]:
    """Fine detail of random phase, (480, 600), a third as strong as what the modes leave out:
    that has form (vessels, rib edges), and noise of its strength would look like cloth.
    """
    white = rng.standard_normal((HEIGHT, WIDTH), dtype=np.float32)
    noise = np.zeros_like(white)
    for width, share in ((0.7, 0.2), (1.8, 0.13), (4.0, 0.1)):
        layer = np.asarray(cv2.GaussianBlur(white, (0, 0), width), np.float32)
        noise += share / layer.std() * layer
    return noise
