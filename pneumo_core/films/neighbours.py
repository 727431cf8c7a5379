"""Films that look the same: a perceptual hash of each, and the pairs whose hashes nearly agree.

Of 256 bits, the same film after JPEG at quality 20, another size, brightness, contrast or gamma
differs in at most 18, after a crop of 1 % a side in at most 28 (60 films at full size); no two
different films of the 5,216 of the training split differ in fewer than 40. The usual 64 bits
cannot tell chest films apart: nine pairs of different children differ in 2 of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

NEAR = 28  # bits of 256
_SIDE = 16
_ROWS = 256  # compared with all others at once


def perceptual_hash(picture: NDArray[np.uint8]) -> str:
    """256 bits of `picture`, uint8 (H, W), as 64 hexadecimal digits: which low frequencies of its
    cosine transform lie above their median.
    """
    import imagehash
    from PIL import Image

    return str(imagehash.phash(Image.fromarray(picture), hash_size=_SIDE))


def near_pairs(hashes: Sequence[str], *, within: int = NEAR) -> NDArray[np.int64]:
    """Pairs of positions in `hashes` that differ in `within` bits or fewer: int (pairs, 3), each
    row first, second (first < second) and the bits that differ. "" is near nothing.
    """
    known = np.flatnonzero([bool(one) for one in hashes])
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint64)
    words = packed.reshape(known.size, _SIDE**2 // 64)
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
