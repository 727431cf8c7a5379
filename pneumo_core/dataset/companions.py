"""Pictures that accompany films: lung masks and annotations, told by name, place or content."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from pneumo_core.dataset.names import is_plain_folder, stem_of, words_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

_BESIDE = "lungs?|left|right|infections?|manual|train|test|val|images?|cxr|xray|chest|binary"
_MASK = re.compile(
    rf"(?:{_BESIDE})?"
    r"(?:masks?|maske|masken|masques?|mascaras?|maschera|maschere|msk|segs?|segm|segmentations?|"
    r"segmentacion|segmentacao|segmentazione|segmentierung(?:en)?)"
)
_SIDES = frozenset({"left", "right", "l", "r", "lung", "lungs", "png", "binary"})
# Said of a picture only where the film that it was made from lies beside it.
_DERIVED = frozenset(
    """annotation annotations bbox boxes cam contour contours edges ground groundtruth gradcam gt
    heatmap heatmaps label labels lung lungs masked overlay overlays roi segmented truth""".split()  # noqa: SIM905
)
_TAIL = re.compile(rf"(?i)[_-](?:{'|'.join(sorted(_DERIVED))})(?:\.\w+)?$")
_SHARE = 0.9  # of the names in a folder that are those of films in the folder beside it
_MAY_BE = re.compile(r"mas[kqc]|seg|msk", re.IGNORECASE)


def is_mask_folder(folder: str) -> bool:
    """Whether a folder holds lung masks, by its name: "masks", "lung_seg", "Segmentation"."""
    if folder.isascii() and not _MAY_BE.search(folder):
        return False
    return any(map(_MASK.fullmatch, words_of(folder)))


def is_mask_name(name: str) -> bool:
    """Whether a file is a mask, by its name: "IM-0001_mask.png", "mask_17", "a_mask_left"."""
    if not _MAY_BE.search(name):  # asked of 200,000 files
        return False
    stem = stem_of(name)
    words = words_of(stem)
    while len(words) > 1 and words[-1] in _SIDES:
        words = words[:-1]
    return bool(words and (_MASK.fullmatch(words[-1]) or _MASK.fullmatch(words[0])))


def made_from_films(images: Sequence[str]) -> set[str]:
    """Of pictures (posix paths) those that were made from others: annotations, overlays, lungs.

    They are in a folder of such a name beside one called images, and bear the films' names; or
    bear the film's name with such a word behind it, in the folder of the film.
    """
    folders = {image.rpartition("/")[0] for image in images}
    derived = {folder for folder in folders if _is_derived(folder.rpartition("/")[2])}
    named = {image.rpartition("/")[0] for image in images if _TAIL.search(image)}
    if not derived | named:
        return set()
    by_folder: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_folder[image.rpartition("/")[0]].append(image)
    found: set[str] = set()
    for folder in derived | named:
        films = by_folder[folder]
        if folder in derived and _same_names(films, folder, by_folder):
            found.update(films)
        else:
            found.update(_named_after_others(films))
    return found


def _is_derived(folder: str) -> bool:
    words = words_of(folder)
    return any(word in _DERIVED for word in words)


def _same_names(films: Sequence[str], folder: str, by_folder: Mapping[str, list[str]]) -> bool:
    """Whether a plain folder beside this one holds films of the same names."""
    parent = folder.rpartition("/")[0]
    beside = {
        _base(film)
        for other, some in by_folder.items()
        if other != folder
        and other.rpartition("/")[0] == parent
        and is_plain_folder(other.rpartition("/")[2])
        for film in some
    }
    return sum(_base(film) in beside for film in films) >= _SHARE * len(films) and bool(beside)


def _named_after_others(films: Sequence[str]) -> list[str]:
    """Those whose name is that of another with a word such as "gt" behind it."""
    stems = {stem_of(film).lower() for film in films}
    return [film for film in films if _base(film) != (own := stem_of(film).lower())
            and _base(film) in stems and own]  # fmt: skip


def _base(film: str) -> str:
    """The file's name without a word such as "gt" or "mask" at its end, in lower case."""
    stem = stem_of(film).lower()
    head, sign, last = stem.replace("-", "_").rpartition("_")
    if sign and (last in _DERIVED or _MASK.fullmatch(last)):
        return stem[: len(head)]
    return stem


def looks_like_mask(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture, uint8 (H, W), is black and white alone, or 0 and 1: no film, a mask."""
    some = pixels[:: max(1, pixels.shape[0] // 128), :: max(1, pixels.shape[1] // 128)]
    low, high = int(some.min()), int(some.max())
    if high == low or low > 12 or 4 < high < 243:
        return False
    near = (high - low) // 20  # lossy compression blurs the two
    dark, light = float((some <= low + near).mean()), float((some >= high - near).mean())
    return dark + light >= 0.98 and min(dark, light) >= 0.02
