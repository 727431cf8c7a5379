"""Where on a frontal film a map is strongest, in a radiologist's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.reading.saliency import upsample

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAINT = 0.25  # a map that stays below this has no place worth naming
NOWHERE = "no single place"
AT_THE_EDGE = ", near the edge of the film, perhaps outside the lungs"
AT_THE_SHOULDER = ", towards the shoulder, perhaps outside the lungs"
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
    would hold 17 %). The zones are those of the picture, not of the lungs: a map that peaks where
    lungs seldom reach on an upright film is said to.
    """
    if float(cam.max()) < FAINT:
        return NOTHING
    fine = upsample(cam, (_GRID, _GRID))
    zones = _zones(fine)
    return zones if zones == NOWHERE else zones + _outside(fine)


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


def _outside(fine: NDArray[np.float32]) -> str:
    """What is added where the highest place is one that lungs seldom reach; "" where they do."""
    edge, shoulder = _rim(), _shoulders()
    if fine.max() <= fine[~(edge | shoulder)].max():
        return ""
    return AT_THE_EDGE if fine[edge].max() == fine.max() else AT_THE_SHOULDER


def _rim() -> NDArray[np.bool_]:
    """The outer tenth of the picture, (60,60)."""
    rim = np.ones((_GRID, _GRID), np.bool_)
    wide = _GRID // 10
    rim[wide:-wide, wide:-wide] = False
    return rim


def _shoulders() -> NDArray[np.bool_]:
    """The upper corners, (60,60): a tenth of the width at mid-height, three tenths at the top.

    On 267 upright paediatric films of 700, those whose lungs could be outlined by their darkness,
    0.7 % of all lung lay in the rim or in these corners.
    """
    y, x = (np.indices((_GRID, _GRID)) + 0.5) / _GRID
    to_side = np.minimum(x, 1 - x)
    corners: NDArray[np.bool_] = (y < 0.5) & (to_side < 0.3 - 0.4 * y)
    return corners


def _side(zone: tuple[int, int]) -> str:
    return ("right", "left")[zone[1]]


def _two(one: tuple[int, int], other: tuple[int, int]) -> str:
    if one[0] == other[0]:
        return f"both {_ROWS[one[0]]} zones"
    if one[1] == other[1]:
        return f"the {_side(one)} {_ROWS[one[0]]} and {_ROWS[other[0]]} zones"
    return f"the {_side(one)} {_ROWS[one[0]]} zone and the {_side(other)} {_ROWS[other[0]]} zone"
