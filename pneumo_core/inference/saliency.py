"""Saliency maps of a prediction, their overlay on the film, and the zones they highlight.

A map says where the network found its evidence, not where a lesion is; the best such methods
agree with radiologists less than radiologists do with each other (Saporta et al. 2022,
doi 10.1038/s42256-022-00536-x).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pneumo_core.imaging.lung_frame import WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pneumo_core.imaging.lung_frame import Window
    from pneumo_core.imaging.lungs import Lungs


FULL_EVIDENCE = 4.0  # a log odds of 4 is a probability of 98 %
MUTED = 0.4  # of the values of a cleared film's map, as shown


def class_activation(
    features: NDArray[np.float32],
    head_kernel: NDArray[np.float32],
    probabilities: NDArray[np.float64],
    temperature: float,
    target: Sequence[int] | None = None,
) -> NDArray[np.float32]:
    """Evidence for pneumonia against normal at each place of the feature map, (h,w) in 0..1.

    `features` (h,w,K), `head_kernel` (K,C) with class 0 normal, `probabilities` (C,). With a
    pooled linear head, features times kernel is what each place adds to the logits (Zhou et al.
    2016, arXiv 1512.04150). The pneumonia classes are weighted by their probability; evidence
    against pneumonia is set to 0. The scale ends at the strongest place, but never below
    `FULL_EVIDENCE` log odds, so that a confidently normal film shows little. `target`: the classes
    that are explained against all others, those of pneumonia by default.
    """
    chosen = np.zeros(len(probabilities), np.bool_)
    chosen[list(target) if target is not None else slice(1, None)] = True
    chances = probabilities + 1e-12  # a class of probability 0 still has a direction
    towards, away = (np.where(one, chances, 0.0) for one in (chosen, ~chosen))
    towards, away = towards / towards.sum(), away / away.sum()
    direction = head_kernel @ (towards - away)
    evidence = np.maximum(features @ direction / temperature, 0.0)
    return np.asarray(evidence / max(float(evidence.max()), FULL_EVIDENCE), dtype=np.float32)


def upsample(cam: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A map (h,w) in 0..1 smoothly enlarged to the first two of `shape`, float32 in 0..1."""
    import cv2

    large = cv2.resize(cam, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(large, 0.0, 1.0), dtype=np.float32)


def heat(cam: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The map in inferno colours, uint8 (H,W,3) RGB: black is no evidence, yellow the most."""
    import cv2

    levels = np.rint(upsample(cam, shape) * 255).astype(np.uint8)
    coloured: Any = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    return np.array(coloured[..., ::-1], dtype=np.uint8)


def overlay(
    pixels: NDArray[np.uint8], cam: NDArray[np.float32], *, opacity: float = 0.45
) -> NDArray[np.uint8]:
    """A film uint8 (H,W) with the map over it, uint8 (H,W,3) RGB.

    The opacity of the map at each place is `opacity` times its value there, so that a film without
    evidence is unchanged.
    """
    cover = (opacity * upsample(cam, pixels.shape))[..., np.newaxis]
    grey = np.repeat(pixels[..., np.newaxis], 3, axis=2).astype(np.float32)
    mixed = grey * (1 - cover) + heat(cam, pixels.shape) * cover
    return np.asarray(np.rint(mixed), dtype=np.uint8)


class MappedFilm(Protocol):
    """What of a reading its pictures need; `predict.Reading` is one."""

    @property
    def cam(self) -> NDArray[np.float32] | None:
        """The map, (h,w) in 0..1."""

    @property
    def decision(self) -> str | None:
        """The decision: "NORMAL", "PNEUMONIA", "REFER"."""

    @property
    def lungs(self) -> Lungs | None:
        """The lungs found."""

    @property
    def window(self) -> Window:
        """What the network saw of the film."""


def shown_map(reading: MappedFilm) -> NDArray[np.float32] | None:
    """The map of a reading as it is shown, (h,w) in 0..1; None where it has none.

    That of a cleared film is muted to `MUTED` of its values: its maximum is no finding, and must
    not glow like one.
    """
    if reading.cam is None or reading.decision != "NORMAL":
        return reading.cam
    return np.asarray(MUTED * reading.cam, dtype=np.float32)


def outlines(
    reading: MappedFilm, shape: tuple[int, ...]
) -> list[tuple[tuple[int, int, int], NDArray[np.int32]]]:
    """The lungs and what the network saw as closed lines on a film (H,W): RGB colour and points
    (n, 2), x and y in pixels. The right lung blue, the left orange, the frame white.

    None where no upright lungs are known; no frame where the network saw all of the film.
    """
    import cv2

    lungs, (height, width) = reading.lungs, shape[:2]
    if lungs is None or not lungs.found or lungs.quarters:
        return []
    found = []
    for side, colour in enumerate(((86, 180, 233), (230, 159, 0))):
        cells = np.asarray(lungs.masks[..., side], np.float32)
        mask = np.asarray(cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC) >= 0.5)
        lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        found += [(colour, np.asarray(line[:, 0], np.int32)) for line in lines]
    if reading.window != WHOLE:
        at = reading.window
        left, right = (round((at.x + half * at.width) * width) for half in (-0.5, 0.5))
        top, bottom = (round((at.y + half * at.height) * height) for half in (-0.5, 0.5))
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
        found.append(((255, 255, 255), np.array(corners, np.int32)))
    return found


FAINT = 0.25  # a map whose maximum is below this names no zone
NOWHERE = "no single place"
AT_THE_EDGE = ", near the edge of the film, perhaps outside the lungs"
AT_THE_SHOULDER = ", towards the shoulder, perhaps outside the lungs"
MOSTLY_OUTSIDE = "mostly outside the lungs"
PARTLY_OUTSIDE = ", partly outside the lungs"
NOTHING = "nothing stood out: the map is faint"
_ROWS = ("upper", "mid", "lower")
_GRID = 60  # divides into thirds


def place(cam: NDArray[np.float32], lungs: NDArray[np.bool_] | None = None) -> str:
    """The zones that hold most of the peaks of a map (h,w) in 0..1, in words; or that none does.

    Peaks are values of at least half the maximum: around them a coarse map is wide and low. Six
    zones: upper, middle and lower third of the right and of the left lung; `lungs` bool (H,W,2) are
    the two on a grid over the film. The patient's right is the picture's left, as on any frontal
    film in standard orientation; a mirrored film is not detected. Two zones are named when they
    hold 60 % of what lies inside the lungs together and the weaker more than a third as much as the
    stronger, one when it holds 40 % (evenly spread, a zone would hold 17 %). Evidence outside the
    lungs is named. Where the lungs are not known, the zones are those of the picture; for a peak
    where lungs rarely reach on an upright film, the words say so.
    """
    if float(cam.max()) < FAINT:
        return NOTHING
    if lungs is not None and lungs.any():
        return _zones_of_lungs(_peaks(upsample(cam, lungs.shape)), lungs)
    fine = upsample(cam, (_GRID, _GRID))
    grid = _peaks(fine).reshape(3, _GRID // 3, 2, _GRID // 2)
    zones = _zones(grid.sum(axis=(1, 3)))
    return zones if zones == NOWHERE else zones + _outside(fine)


def share_inside(cam: NDArray[np.float32], lungs: NDArray[np.bool_]) -> float:
    """The share of a map's evidence, 0..1, inside the lungs bool (H,W,2); 0 for an empty map."""
    fine = upsample(cam, lungs.shape)
    return float(fine[lungs.any(axis=-1)].sum() / max(float(fine.sum()), 1e-9))


def peak_inside(cam: NDArray[np.float32], lungs: NDArray[np.bool_]) -> bool:
    """Whether the maximum of a map (h,w) lies inside the lungs bool (H,W,2)."""
    row, column = divmod(int(upsample(cam, lungs.shape).argmax()), lungs.shape[1])
    return bool(lungs[row, column].any())


def _peaks(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.where(fine >= fine.max() / 2, fine, np.float32(0))


def _zones_of_lungs(peaks: NDArray[np.float32], lungs: NDArray[np.bool_]) -> str:
    """The zones of the lungs that hold the peaks (H,W), and how much lies outside them."""
    held = np.zeros((3, 2))
    for side in (0, 1):
        rows = np.flatnonzero(lungs[..., side].any(axis=1))
        for zone, part in enumerate(np.array_split(rows, 3)):
            held[zone, side] = peaks[part][lungs[part, :, side]].sum()
    outside = 1 - held.sum() / peaks.sum()
    if outside > 0.6:
        return MOSTLY_OUTSIDE
    return _zones(held) + (PARTLY_OUTSIDE if outside > 0.3 else "")


def _zones(held: NDArray[np.floating]) -> str:
    """The zones by what each holds, (3,2): rows from above, right and left."""
    shares = held / held.sum()
    order = np.argsort(-shares, axis=None)
    first, second = (divmod(int(i), 2) for i in order[:2])
    if shares[first] + shares[second] >= 0.6 and shares[second] > shares[first] / 3:
        return _two(*sorted([first, second]))
    if shares[first] >= 0.4:
        return f"mostly the {_side(first)} {_ROWS[first[0]]} zone"
    return NOWHERE


def _outside(fine: NDArray[np.float32]) -> str:
    """What is added where the maximum lies outside the usual lung area; else ""."""
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

    On 267 of 700 upright paediatric films, those whose lungs could be segmented by grey level,
    0.7 % of the lung area lay in the rim or in these corners.
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
