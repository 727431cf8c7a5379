"""Near-duplicates: a perceptual hash of each film, and the pairs whose hashes nearly agree.

Of 256 bits, the same film after JPEG at quality 20, another size, brightness, contrast or gamma
differs in at most 18, after a crop of 1 % a side in at most 28 (60 films at full size); a
full-size original differs from its copy of 224 × 224 in at most 6 (60 of 60 films). Of the
13,600,720 pairs among the 5,216 films of the training split, the 28 pairs of equal files differ in
0 and all others in 38 or more; 769 chest films of other sources differ from each of these in 64 or
more; mirrored or turned by quarters no two films of these 5,985 differ in fewer than 58. The film
itself mirrored or turned differs in at most 22 (50 films), turned by 2 degrees or cropped by 3 % a
side in more than NEAR: those are found by `dataset.near_copies`. The usual 64 bits cannot
distinguish chest films: nine pairs of different children differ in 2 of them.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from pneumo_core.imaging.decode import resize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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
    """Rows of `packed` (see `pack_hashes`) that differ from `phash`, mirrored or turned by quarters
    or not, in `within` bits or fewer, int (M,). "" is near nothing.
    """
    if not phash:
        return np.empty(0, np.int64)
    near = np.zeros(len(packed), np.bool_)
    for one in _orientations(pack_hashes([phash])):
        near |= np.bitwise_count(packed ^ one).sum(axis=1) <= within
    return np.flatnonzero(near)


def near_pairs(hashes: Sequence[str], *, within: int = NEAR) -> NDArray[np.int64]:
    """Pairs of positions in `hashes` that differ in `within` bits or fewer, one of them mirrored or
    turned by quarters or not: int (pairs, 4), each row first, second (first < second), the bits
    that differ, and in which of the eight orientations, 0 for none. "" is near nothing.
    """
    known = np.flatnonzero([bool(one) for one in hashes])
    words = pack_hashes(hashes)
    found = [np.empty((0, 4), np.int64)]
    for start in range(0, known.size, _ROWS):
        rows, others = words[start : start + _ROWS], words[start:].T.copy()
        best = np.full((len(rows), known.size - start), within + 1, np.uint16)
        turned = np.zeros(best.shape, np.uint8)
        for number, oriented in enumerate(_orientations(rows)):
            apart = _bits_apart(oriented, others)
            closer = apart < best
            if closer.any():
                best[closer], turned[closer] = apart[closer], number
        first, second = np.nonzero(best <= within)
        later = second > first
        first, second = first[later], second[later]
        columns = (known[first + start], known[second + start], best[first, second])
        found.append(np.stack([*columns, turned[first, second]], axis=1).astype(np.int64))
    return np.concatenate(found)


def copies(hashes: Sequence[str], more: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Films and their near copies under one number: int (N,), the position of the first of them.

    more: further pairs of one film, (M, 2), besides those whose hashes nearly agree.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs, films = near_pairs(hashes)[:, :2], len(hashes)
    if more is not None:
        pairs = np.concatenate([pairs, more])
    links = (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1]))
    _, component = connected_components(coo_array(links, shape=(films, films)), directed=False)
    _, first, member = np.unique(component, return_index=True, return_inverse=True)
    return np.asarray(first[member], np.int64)


def _bits_apart(rows: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """How many bits differ between each of `rows`, (R, 4), and each of `others`, (4, N): (R, N)."""
    apart = np.zeros((len(rows), others.shape[1]), np.uint16)
    for word, column in enumerate(others):
        apart += np.bitwise_count(rows[:, word, None] ^ column)
    return apart


def _orientations(packed: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Hashes, uint64 (N, 4), as of the films mirrored and turned: themselves first, eight in all.

    Mirroring changes the sign of each coefficient of odd frequency in that direction, so its bit
    (their median is near 0); transposing swaps rows and columns of the coefficients. With both come
    the turns by quarters.
    """
    bits = np.unpackbits(packed.view(np.uint8), axis=1).reshape(-1, _SIDE, _SIDE)
    odd = np.arange(_SIDE, dtype=np.uint8) % 2
    for grid in (bits, bits.transpose(0, 2, 1)):
        for flip in (0, odd, odd[:, None], odd ^ odd[:, None]):
            flat = np.packbits((grid ^ flip).reshape(len(bits), -1), axis=1)
            yield flat.view(np.uint64).reshape(-1, packed.shape[1])


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
