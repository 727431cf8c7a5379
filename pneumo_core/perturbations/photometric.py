"""The same film stored, scanned or exposed otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.perturbations.base import Apply, Perturbation, scaled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.perturbations.base import Film


def _scaled_to(film: Film, side: int) -> Film:
    smaller = side < film.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(film, (side, side), interpolation=how), dtype=np.uint8)


def _jpeg(quality: int, *, scale: float = 1.0) -> Apply:
    """Through a JPEG file whose side is `scale` times the film's."""

    def apply(film: Film, _: np.random.Generator) -> Film:
        side = film.shape[0]
        stored = _scaled_to(film, round(scale * side)) if scale != 1.0 else film
        coded = cv2.imencode(".jpg", stored, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        found = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)
        return _scaled_to(found, side) if scale != 1.0 else found

    return apply


def _detail(share: float) -> Apply:
    def apply(film: Film, _: np.random.Generator) -> Film:
        side = film.shape[0]
        return _scaled_to(_scaled_to(film, round(share * side)), side)

    return apply


def _blurred(pixels: float) -> Apply:
    def apply(film: Film, _: np.random.Generator) -> Film:
        return np.asarray(cv2.GaussianBlur(film, (0, 0), scaled(pixels, film)), dtype=np.uint8)

    return apply


def _sharpened(film: Film, _: np.random.Generator) -> Film:
    """Unsharp masking, as many a viewer does: the film plus 1.5 times what a blur takes away."""
    soft = cv2.GaussianBlur(film, (0, 0), scaled(2.0, film))
    return np.asarray(cv2.addWeighted(film, 2.5, soft, -1.5, 0), dtype=np.uint8)


def _noisy(spread: float) -> Apply:
    def apply(film: Film, rng: np.random.Generator) -> Film:
        noise = rng.standard_normal(film.shape, dtype=np.float32)
        return _grey(film + np.float32(spread) * noise)

    return apply


def _toned(curve: NDArray[np.floating]) -> Apply:
    """Every grey level 0..255 through a curve, float (256,)."""
    table = _grey(curve)
    return lambda film, _: table[film]


def _contrast(factor: float) -> Apply:
    def apply(film: Film, _: np.random.Generator) -> Film:
        level = np.arange(256.0)
        return _grey(film.mean() + factor * (level - film.mean()))[film]

    return apply


def _grey(values: NDArray[np.floating]) -> Film:
    return np.asarray(np.clip(np.rint(values), 0, 255), dtype=np.uint8)


_LEVELS = np.arange(256.0)

COMPRESSION = (
    *(
        Perturbation(
            f"JPEG quality {quality}",
            "compression",
            f"Stored once more as JPEG of quality {quality}.",
            _jpeg(quality),
        )
        for quality in (95, 75, 50, 20)
    ),
    Perturbation(
        "half size, JPEG quality 50",
        "compression",
        "Stored at half its size as JPEG of quality 50.",
        _jpeg(50, scale=0.5),
    ),
    Perturbation(
        "double size, JPEG quality 20",
        "compression",
        "Stored at double its size as JPEG of quality 20.",
        _jpeg(20, scale=2.0),
    ),
)
SHARPNESS = (
    Perturbation(
        "detail 71 %", "sharpness", "Scaled to 71 % of its side and back.", _detail(160 / 224)
    ),
    Perturbation("detail 50 %", "sharpness", "Scaled to half its side and back.", _detail(0.5)),
    Perturbation("blur 1 px", "sharpness", "Blurred by 1 pixel of 224.", _blurred(1.0)),
    Perturbation("blur 2 px", "sharpness", "Blurred by 2 pixels of 224.", _blurred(2.0)),
    Perturbation("sharpened", "sharpness", "Edges sharpened strongly.", _sharpened),
    Perturbation("noise 3 %", "sharpness", "Grain of 3 % of the full range added.", _noisy(7.65)),
    Perturbation("noise 6 %", "sharpness", "Grain of 6 % of the full range added.", _noisy(15.3)),
)
EXPOSURE = (
    Perturbation("darker", "exposure", "Darker by 12 % of the full range.", _toned(_LEVELS - 30.6)),
    Perturbation(
        "brighter", "exposure", "Brighter by 12 % of the full range.", _toned(_LEVELS + 30.6)
    ),
    Perturbation("contrast × 0.7", "exposure", "Flatter: contrast times 0.7.", _contrast(0.7)),
    Perturbation("contrast × 1.4", "exposure", "Harder: contrast times 1.4.", _contrast(1.4)),
    Perturbation(
        "gamma 0.7",
        "exposure",
        "Gamma 0.7: the dark parts opened.",
        _toned(255 * (_LEVELS / 255) ** 0.7),
    ),
    Perturbation(
        "gamma 1.4",
        "exposure",
        "Gamma 1.4: the dark parts closed.",
        _toned(255 * (_LEVELS / 255) ** 1.4),
    ),
)
