"""The quantisation tables of a JPEG: which encoder wrote it, and how hard it pressed."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

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
    told = repr(sorted((number, list(table)) for number, table in tables.items()))
    luminance = np.asarray(tables[min(tables)], dtype=np.int64)
    return hashlib.sha256(told.encode()).hexdigest()[:8], float(_nearest_quality(luminance))


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
