"""Near-duplicates: a perceptual hash of each film, and the pairs whose hashes nearly agree.

Of 256 bits, the same film after JPEG at quality 20, another size, brightness, contrast or gamma
differs in at most 18, after a crop of 1 % a side in at most 28 (60 films at full size); a
full-size original differs from its copy of 224 × 224 in at most 6 (60 of 60 films). Of the
13,600,720 pairs among the 5,216 films of the training split, the 28 pairs of equal files differ in
0 and all others in 38 or more; 769 chest films of other sources differ from each of these in 64 or
more. The usual 64 bits cannot distinguish chest films: nine pairs of different children differ in 2
of them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from pneumo_core.imaging.decode import resize

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


NEAR = 28  # bits of 256
HASHED_SIDE = 96  # pixels: what the hash is taken of, squashed to a square like training's films
_SIDE = 16
_ROWS = 256  # compared with all others at once


def perceptual_hash(picture: NDArray[np.uint8]) -> str:
    """256 bits of `picture`, uint8 (H, W), as 64 hexadecimal digits: which low frequencies of its
    cosine transform are above their median. Its proportions are ignored.
    """
    import imagehash
    from PIL import Image

    square = Image.fromarray(resize(picture, HASHED_SIDE))
    return str(imagehash.phash(square, hash_size=_SIDE))


def pack_hashes(hashes: Sequence[str]) -> NDArray[np.uint64]:
    """Perceptual hashes, none of them "", as uint64 (N, 4)."""
    return np.frombuffer(bytes.fromhex("".join(hashes)), np.uint64).reshape(-1, _SIDE**2 // 64)


def near_hashes(phash: str, packed: NDArray[np.uint64], *, within: int = NEAR) -> NDArray[np.int64]:
    """Rows of `packed` (see `pack_hashes`) that differ from `phash` in `within` bits or fewer,
    int (M,). "" is near nothing.
    """
    if not phash:
        return np.empty(0, np.int64)
    apart = np.bitwise_count(packed ^ pack_hashes([phash])).sum(axis=1)
    return np.flatnonzero(apart <= within)


def near_pairs(hashes: Sequence[str], *, within: int = NEAR) -> NDArray[np.int64]:
    """Pairs of positions in `hashes` that differ in `within` bits or fewer: int (pairs, 3), each
    row first, second (first < second) and the bits that differ. "" is near nothing.
    """
    known = np.flatnonzero([bool(one) for one in hashes])
    words = pack_hashes(hashes)
    found = [np.empty((0, 3), np.int64)]
    for start in range(0, known.size, _ROWS):
        rows = words[start : start + _ROWS]
        apart = np.zeros((len(rows), known.size - start), np.uint16)
        for word in range(words.shape[1]):
            apart += np.bitwise_count(rows[:, None, word] ^ words[None, start:, word])
        first, second = np.nonzero(apart <= within)
        later = second > first
        first, second = first[later], second[later]
        found.append(
            np.stack([known[first + start], known[second + start], apart[first, second]], axis=1)
        )
    return np.concatenate(found)


# ITU-T T.81, table K.1: luminance, in rows. The Independent JPEG Group's quality scales it.
_LUMINANCE = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55),
    *(14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62),
    *(18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)


def quantisation_of(path: Path) -> tuple[str, float]:
    """Key and quality of the JPEG at `path`, from its header alone; ("", NaN) for other files.

    The key is 8 hexadecimal digits over all its tables: films of one key were written alike. The
    quality, 1 to 100, is that of the IJG's encoder whose luminance table comes nearest.
    """
    try:
        with Image.open(path, formats=("JPEG",)) as image:
            tables = getattr(image, "quantization", {})
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError):
        return "", float("nan")
    if not tables:
        return "", float("nan")
    tables_text = repr(sorted((number, list(table)) for number, table in tables.items()))
    luminance = np.asarray(tables[min(tables)], dtype=np.int64)
    return hashlib.sha256(tables_text.encode()).hexdigest()[:8], float(_nearest_quality(luminance))


def _nearest_quality(table: NDArray[np.int64]) -> int:
    """The quality, 1 to 100, whose luminance table differs least from `table`, int (64,)."""
    return 1 + int(np.abs(_tables_by_quality() - table).sum(axis=1).argmin())


@cache
def _tables_by_quality() -> NDArray[np.int64]:
    """The IJG encoder's luminance tables (jpeg_quality_scaling, jcparam.c): int (100, 64)."""
    quality = np.arange(1, 101)[:, None]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    tables: NDArray[np.int64] = (np.array(_LUMINANCE, np.int64) * scale + 50) // 100
    return tables.clip(1, 255)
