"""What may give the label away without showing a lung: each a feature of every film."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core.dataset.catalogue import THUMBNAIL

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.dataset.catalogue import Catalogue

CELLS = 16  # a side of the thumbnail that is asked
_RING = np.pad(np.zeros((CELLS - 2, CELLS - 2), bool), 1, constant_values=True)


@dataclass(frozen=True)
class Feature:
    """One thing to predict the label from.

    name: as in the table; title: as a person reads it, fit to begin a sentence; kind: "number"
    float (N,), "category" keys (N,) or "picture" float (N, D); values: of the readable films.
    """

    name: str
    title: str
    kind: Literal["number", "category", "picture"]
    values: Callable[[Catalogue], NDArray[Any]]


def _column(name: str) -> Callable[[Catalogue], NDArray[Any]]:
    return lambda catalogue: catalogue.readable[name].to_numpy()


def cells(catalogue: Catalogue) -> NDArray[np.float32]:
    """Each readable film as 16 × 16 mean grey levels, 0..255: float32 (N, 16, 16)."""
    step = THUMBNAIL // CELLS
    films = np.empty((len(catalogue.thumbnails), CELLS, CELLS), np.float32)
    for start in range(0, len(films), 1024):  # the thumbnails may be larger than memory
        part = catalogue.thumbnails[start : start + 1024]
        blocks = part.reshape(-1, CELLS, step, CELLS, step)
        films[start : start + 1024] = blocks.mean(axis=(2, 4), dtype=np.float32)
    return films


FEATURES = (
    Feature("width", "The width in pixels", "number", _column("width")),
    Feature("height", "The height in pixels", "number", _column("height")),
    Feature("aspect", "The shape (width to height)", "number", _column("aspect")),
    Feature("bytes_per_pixel", "The file size per pixel", "number", _column("bytes_per_pixel")),
    Feature("quantisation", "The JPEG compression table", "category", _column("quantisation")),
    Feature("quality", "The JPEG quality setting", "number", _column("quality")),
    Feature("mean", "The mean brightness", "number", _column("mean")),
    Feature("contrast", "The contrast", "number", _column("contrast")),
    Feature("border_mean", "The brightness of the border", "number", _column("border_mean")),
    Feature("border_contrast", "The contrast of the border", "number", _column("border_contrast")),
    Feature(
        "thumbnail",
        f"The whole film blurred to {CELLS} × {CELLS} dots",
        "picture",
        lambda catalogue: cells(catalogue).reshape(-1, CELLS**2),
    ),
    Feature(
        "ring",
        "The blurred outer rim of the film",
        "picture",
        lambda catalogue: cells(catalogue)[:, _RING],
    ),
)
