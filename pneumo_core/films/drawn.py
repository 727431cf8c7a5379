"""Which films Pneumo drew itself: a small text file beside them says so, and is checked.

A drawn film looks like a file of the real data set, by its name and its folder. What was made with
such films must say so, also where only part of their folder is used, or where they were mixed with
others; so the file names every film by its content, and says nothing of any other.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

MARKER = "drawn-by-pneumo.txt"
DIGITS = 16  # of a film's SHA-256: 64 bits, so that two of a million films share none by chance
_ABOVE = 3  # folders: from split and class, train/NORMAL, up to what `demo-data` made, and one more
_ABOUT = f"""\
# The films named here were drawn by Pneumo (python -m pneumo_core demo-data). They show no child.
# A line is the first {DIGITS} digits of a film's SHA-256. Keep this file in the films' folder, so
# that a model that learns from them says what it learnt from.
"""


def write_marker(folder: Path, digests: Iterable[str]) -> None:
    """Say in `folder` that the films with these SHA-256 (64 hexadecimal digits) were drawn."""
    lines = "".join(f"{digest[:DIGITS]}\n" for digest in sorted(digests))
    (folder / MARKER).write_text(_ABOUT + lines, encoding="ascii", newline="\n")


def are_drawn(index: pd.DataFrame, root: Path) -> NDArray[np.bool_]:
    """Whether each film of `index` was drawn by Pneumo: bool (N,), False where nothing says so.

    `index` is that of `index_folder` for `root`. Markers count that lie in `root`, anywhere below
    it, or in one of the three folders above it: `root` may be a part of what was drawn, or hold it.
    One that cannot be read counts as none.
    """
    told = {digest for marker in _markers(root.resolve()) for digest in _told_by(marker)}
    return np.array([sha256[:DIGITS] in told for sha256 in index["sha256"]], dtype=np.bool_)


def _markers(root: Path) -> Iterator[Path]:
    yield from (folder / MARKER for folder in root.parents[:_ABOVE])
    for folder, _, files in os.walk(root):
        if MARKER in files:
            yield Path(folder, MARKER)


def _told_by(marker: Path) -> list[str]:
    try:
        lines = marker.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in lines if len(line) == DIGITS and not line.startswith("#")]
