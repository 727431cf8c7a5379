"""A fold's held-out films in several views: for calibration, and for the robustness suite."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.perturbations import DISTURBANCES, disturb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
# The others make the robustness suite; its table has all of them.
VIEWS = (*POINT_VIEWS, *(name for name in DISTURBANCES if name not in POINT_VIEWS))
SUITE_VIEWS = VIEWS[len(POINT_VIEWS) :]
_BATCH = 128  # films between two looks at whether a person asked to stop


def view_logits(  # noqa: PLR0913 - options, by keyword
    answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
    pixels: NDArray[np.uint8],
    rows: NDArray[np.int64],
    views: Sequence[str],
    *,
    classes: int,
    progress: Callable[[int, int], None],
    stopped: Callable[[], bool] = lambda: False,
) -> NDArray[np.float32]:
    """Logits float32 (len(views), len(rows), C) of the films `rows` of `pixels` in each view.

    `answer` gives logits (N, C) for films uint8 (N, S, S). Where `stopped` says so in between,
    only the views that were read whole are returned; the films as they are (`CLEAN`) always are.
    """
    logits = np.empty((len(views), len(rows), classes), dtype=np.float32)
    for number, name in enumerate(views if len(rows) else ()):
        for start in range(0, len(rows), _BATCH):
            if name != CLEAN and stopped():
                return logits[:number]
            part = rows[start : start + _BATCH]
            films = np.asarray(pixels[part])
            # Seeds follow the film's row, whichever films are seen beside it.
            seen = films if name == CLEAN else _seen(films, name, part)
            logits[number, start : start + len(part)] = answer(seen)
        progress(number + 1, len(views))
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
