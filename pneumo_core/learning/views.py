"""A fold's held-out films, seen as they are and disturbed: what points and stress table rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.films.disturb import DISTURBANCES, disturb

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

CLEAN = "as it is"
# The operating points are fitted on these views of every held-out film: what another room, another
# scanner or another archive does to a film without changing what it shows.
POINT_VIEWS = (
    CLEAN,
    "centre crop 90 %",
    "centre crop 80 %",
    "aspect 0.75, cropped",
    "aspect 1.33, cropped",
    "black margin",
    "blur 1 px",
    "JPEG quality 50",
)
VIEWS = (*POINT_VIEWS, *(name for name in DISTURBANCES if name not in POINT_VIEWS))


def view_logits(  # noqa: PLR0913 - options, by keyword
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    *,
    classes: int,
    stressed: NDArray[np.bool_],
    progress: Callable[[int, int], None],
) -> NDArray[np.float32]:
    """Logits float32 (len(VIEWS), len(rows), C) of the films `rows` of `pixels` in every view.

    The views after POINT_VIEWS are seen of the films chosen in `stressed` (len(rows),) alone;
    the others' logits are NaN there. `answer` gives logits (N, C) for films uint8 (N, S, S).
    """
    logits = np.full((len(VIEWS), len(rows), classes), np.nan, dtype=np.float32)
    for number, name in enumerate(VIEWS if len(rows) else ()):
        chosen = np.ones(len(rows), bool) if name in POINT_VIEWS else stressed
        for start in range(0, len(rows), 512):
            part = np.arange(start, min(start + 512, len(rows)))
            part = part[chosen[part]]
            if len(part):
                films = np.asarray(pixels[rows[part]])
                # Seeds follow the film's row, whichever films are seen beside it.
                seen = films if name == CLEAN else _seen(films, name, rows[part])
                logits[number, part] = answer(seen)
        progress(number + 1, len(VIEWS))
    return logits


def _seen(films: NDArray[np.uint8], name: str, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    return np.stack(
        [
            disturb(film[None], name, first=int(row))[0]
            for film, row in zip(films, rows, strict=True)
        ]
    )


def stress_sample(labels: NDArray[np.int64], *, films: int, seed: int) -> NDArray[np.bool_]:
    """Which of the held-out films, labels (N,), are disturbed in every way: bool (N,).

    Half of them normal and half not, as far as there are so many; all where `films` is 0.
    """
    if not films:
        return np.ones(len(labels), bool)
    chosen, rng = np.zeros(len(labels), bool), np.random.default_rng(seed)
    for sick in (False, True):
        mine = np.flatnonzero((labels > 0) == sick)
        chosen[rng.permutation(mine)[: films // 2]] = True
    return chosen


def measured(logits: NDArray[Any]) -> NDArray[np.bool_]:
    """Which films (N,) were seen in every view of logits (V, N, C)."""
    found: NDArray[np.bool_] = np.isfinite(logits).all(axis=(0, 2))
    return found
