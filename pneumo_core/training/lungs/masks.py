"""Films with lung masks: each mask paired with its film by name, the right lung told from the left.

A mask is a PNG named as its film (IM-0115-0001.png of IM-0115-0001.jpeg), white where there is
lung, of the whole film in any size. The larger two connected parts are the lungs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError, UnreadableImage
from pneumo_core.formatting import count
from pneumo_core.imaging.decode import read_film
from pneumo_core.imaging.lungs import COPY_SIDE
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.imaging.film import Grey

LEAST_PART = 0.005  # of the mask's pixels: the smaller lung
TWO_FILMS = "two films have the mask's name"


@dataclass(frozen=True, eq=False)
class MaskedFilms:
    """Films and masks of a training.

    index: every readable film, rows as `index_folder` gives them; pixels: uint8 (N, 224, 224), in
    its order. rows: int (M,), the films that have a mask; lungs: uint8 (M, 224, 224, 2), right and
    left, 0 or 255. left_out: how many masks or films were left out, by reason.
    """

    index: pd.DataFrame
    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    lungs: NDArray[np.uint8]
    left_out: dict[str, int]


def load_masked_films(
    images: Path, masks: Path, *, settings: Settings, progress: Progress = silent
) -> MaskedFilms:
    """The films below `images` with the masks of the folder `masks`.

    Raises DataSetError where a folder is none, or no film has a usable mask.
    """
    files = mask_files(masks)
    index = index_folder(images, progress=progress)
    left_out = Counter({"film cannot be read": int((~index.readable).sum())})
    index = index[index.readable].reset_index(drop=True)
    names = index.film.map(lambda film: PurePosixPath(film).stem)
    twice = set(names[names.duplicated()])
    row_of = {name: row for row, name in enumerate(names) if name not in twice}
    rows, lungs = [], []
    for done, file in enumerate(files, start=1):
        progress("masks", done, len(files))
        row, reason = row_of.get(file.stem), TWO_FILMS if file.stem in twice else "mask has no film"
        pair = None
        if row is not None:
            pair, reason = read_mask(file)
        if row is None or pair is None:
            left_out[reason] += 1
        else:
            rows.append(row)
            lungs.append(pair)
    if not rows:
        raise DataSetError(_none_usable(masks, len(files), left_out))
    pixels = pixel_cache(
        index, images, size=COPY_SIDE, cache_dir=settings.cache_dir, progress=progress
    )
    reasons = {reason: n for reason, n in left_out.items() if n}
    return MaskedFilms(index, pixels, np.array(rows), np.stack(lungs), reasons)


def mask_files(masks: Path) -> list[Path]:
    """The PNG files of a folder, sorted. Raises DataSetError where there are none."""
    if not masks.is_dir():
        raise DataSetError(
            f"Expected a folder of lung masks, there is no folder {masks}. Name the folder that "
            "holds a PNG for each film, named as the film."
        )
    files = sorted(path for path in masks.iterdir() if path.suffix.lower() == ".png")
    if not files:
        raise DataSetError(
            f"Expected lung masks in {masks}, found no PNG there. Name the folder that holds a "
            "PNG for each film, named as the film."
        )
    return files


def read_mask(file: Path) -> tuple[Grey | None, str]:
    """The lungs uint8 (224, 224, 2) of a mask file; or None and the reason."""
    try:
        mask = read_film(file).pixels
    except UnreadableImage:
        return None, "mask cannot be read"
    shape = (COPY_SIDE, COPY_SIDE)
    small = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA) >= 128
    return split_lungs(np.asarray(small, np.bool_))


def split_lungs(mask: NDArray[np.bool_]) -> tuple[Grey | None, str]:
    """Right and left lung, uint8 (H, W, 2) of 0 and 255, of a mask (H, W); or None and the reason.

    The lungs are the two largest parts; smaller parts go to the side of the midline on which they
    lie.
    """
    n, part, stats, centres = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    areas = stats[1:, cv2.CC_STAT_AREA]
    if n < 3 or np.sort(areas)[-2] < LEAST_PART * mask.size:
        return None, "mask shows no two lungs apart"
    largest = 1 + np.argsort(areas)[-2:]
    right, left = largest[np.argsort(centres[largest, 0])]
    middle = centres[[right, left], 0].mean()
    on_the_left = np.arange(mask.shape[1]) < middle
    of_right = mask & ((part == right) | ((part != left) & on_the_left))
    return np.stack([of_right, mask & ~of_right], axis=-1).astype(np.uint8) * np.uint8(255), ""


def left_out_words(left_out: dict[str, int]) -> str:
    """In words: "12 left out: 10 mask has no film, 2 mask cannot be read"; "" for nothing."""
    if not left_out:
        return ""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
    return f"{sum(left_out.values()):,} left out: {reasons}"


def _none_usable(masks: Path, files: int, left_out: Counter[str]) -> str:
    words = left_out_words({reason: n for reason, n in left_out.items() if n})
    return (
        f"Expected lung masks named as the films, but of {count(files, 'masks')} in {masks} none "
        f"can be used ({words}). Name each PNG as its film: IM-0115-0001.png for IM-0115-0001.jpeg."
    )
