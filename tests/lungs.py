"""Lungs for tests: a finder that answers with them, whatever film it is given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from pneumo_core.imaging.lungs import NO_LUNGS, Box, Lungs


def made_lungs(height: int, width: int, **changes: Any) -> Lungs:
    """Two lungs on a film: the right one in its left half, rows 2/8 to 6/8, columns 1/8 to 3/8."""
    masks = np.zeros((64, 64, 2), np.bool_)
    masks[16:48, 8:24, 0] = True
    masks[16:48, 40:56, 1] = True
    unit_x, unit_y = width / 8, height / 8
    found = Lungs(
        found=True,
        right=Box(unit_x, 2 * unit_y, 3 * unit_x, 6 * unit_y),
        left=Box(5 * unit_x, 2 * unit_y, 7 * unit_x, 6 * unit_y),
        masks=masks,
    )
    return replace(found, **changes)


NONE_FOUND = {"found": False, "right": None, "left": None, "reasons": (NO_LUNGS,)}


@dataclass(frozen=True)
class StubFinder:
    """A lung finder that finds `made_lungs` with `changes` on every film."""

    changes: dict[str, Any] = field(default_factory=dict)
    digest: str = "0123456789abcdef"

    def __call__(self, pixels: np.ndarray, shape: tuple[int, int] | None = None) -> Lungs:
        return made_lungs(*(shape or pixels.shape), **self.changes)
