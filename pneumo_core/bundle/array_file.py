"""A bundle's optional `.npy` files: read, and a stranger's judged, without unpickling anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.integrity import REMEDY
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

    from pneumo_core.bundle.store import Bundle


def load_array(bundle: Bundle, file: str, *, key: str, what: str) -> NDArray[np.float32] | None:
    """The bundle's `file`, which holds `what`; None where it, or the card's part `key`, is missing.

    Raises BundleError on a damaged file.
    """
    path = bundle.path / file
    if bundle.card.get(key) is None or not path.is_file():
        return None
    try:
        found: NDArray[np.float32] = _read(path).astype(np.float32)
    except (OSError, ValueError, EOFError) as error:
        raise BundleError(
            f"Model {bundle.name}: expected {what} in {file}, but the file cannot be read. {REMEDY}"
        ) from error
    return found


def inspect_array(path: Path, what: str, dtype: DTypeLike, *, rows: int | None = None) -> None:
    """Raise BundleError unless a stranger's file holds finite numbers of `dtype` in two dimensions,
    in so many `rows` where that is given, and nothing else.
    """
    named = f"{what} in {path.name}"
    try:
        found = _read(path)
    except (OSError, ValueError, EOFError) as error:
        raise refused(named, "it is no array of numbers") from error
    fits = found.dtype == dtype and found.ndim == 2 and rows in (None, len(found))
    if not fits or not np.isfinite(found).all():
        raise refused(named, f"it is {found.dtype} {found.shape}, or not finite")


def _read(path: Path) -> NDArray[Any]:
    found: NDArray[Any] = np.load(path, allow_pickle=False)
    return found
