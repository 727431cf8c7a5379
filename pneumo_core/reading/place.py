"""Where on a frontal film a map is strongest, in a radiologist's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.reading.saliency import upsample

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAINT = 0.25  # a map that stays below this has no place worth naming
NOWHERE = "no single place"
AT_THE_EDGE = ", at the edge of the film, where there is seldom lung"
NOTHING = "nothing stood out: the map is faint"
_ROWS = ("upper", "mid", "lower")
_GRID = 60  # divides into thirds


def place(cam: NDArray[np.float32]) -> str:
    """The zones that hold most of a map's peaks, (h,w) in 0..1, or that there is none.

    Peaks are what reaches half of the map's maximum: a coarse map has a wide, low skirt.
    Six zones: right and left half, upper, middle and lower third of the picture. The patient's
    right is the picture's left, as on any frontal film in standard orientation; a film that was
    mirrored is not noticed. Two zones are named when they hold 60 % of the map together and the
    weaker more than a third as much as the stronger, one when it holds 40 % (evenly spread, a zone
    would hold 17 %). A map that peaks at the rim of the picture is said to: the zones are those of
    the picture, not of the lungs.
    """
    if float(cam.max()) < FAINT:
        return NOTHING
    fine = upsample(cam, (_GRID, _GRID))
    zones = _zones(fine)
    return zones + AT_THE_EDGE if zones != NOWHERE and _peaks_at_the_edge(fine) else zones


def _zones(fine: NDArray[np.float32]) -> str:
    peaks = np.where(fine >= fine.max() / 2, fine, 0.0)
    grid = peaks.reshape(3, _GRID // 3, 2, _GRID // 2)
    shares = grid.sum(axis=(1, 3)) / grid.sum()
    order = np.argsort(-shares, axis=None)
    first, second = (divmod(int(i), 2) for i in order[:2])
    if shares[first] + shares[second] >= 0.6 and shares[second] > shares[first] / 3:
        return _two(*sorted([first, second]))
    if shares[first] >= 0.4:
        return f"mostly the {_side(first)} {_ROWS[first[0]]} zone"
    return NOWHERE


def _peaks_at_the_edge(fine: NDArray[np.float32]) -> bool:
    """Whether the highest place lies in the outer tenth of the picture, where lungs seldom are."""
    rim = _GRID // 10
    inner = fine[rim:-rim, rim:-rim]
    return bool(fine.max() > inner.max())


def _side(zone: tuple[int, int]) -> str:
    return ("right", "left")[zone[1]]


def _two(one: tuple[int, int], other: tuple[int, int]) -> str:
    if one[0] == other[0]:
        return f"both {_ROWS[one[0]]} zones"
    if one[1] == other[1]:
        return f"the {_side(one)} {_ROWS[one[0]]} and {_ROWS[other[0]]} zones"
    return f"the {_side(one)} {_ROWS[one[0]]} zone and the {_side(other)} {_ROWS[other[0]]} zone"
