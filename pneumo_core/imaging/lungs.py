"""Lungs on a film: from the lung finder's probability maps to masks, boxes and orientation.

NumPy and OpenCV only; whoever calls `find_lungs` runs the network. The patient's right lung lies on
the left of an upright, unmirrored film; a mirrored film cannot be recognised by its lungs.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.imaging.decode import resize
from pneumo_core.imaging.lung_shape import CELLS, POSITIVE, Plausibility, shape_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey

    Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]

SIDE = 128  # of the network's input, pixels
COPY_SIDE = 224  # larger films are brought to this size first: an original is read as its copy
EDGES = ("top", "right", "bottom", "left")
NO_LUNGS = "No lungs found: this does not look like a frontal chest X-ray."


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the film: columns left..right, rows top..bottom, ends excluded."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Pixels."""
        return self.bottom - self.top

    def joined(self, other: Box) -> Box:
        """The smallest box around both."""
        return Box(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )


@dataclass(frozen=True, eq=False)
class Lungs:
    """The lungs of one film.

    found: whether the masks can be the lungs of a frontal chest film; if not, `reasons` say why.
    right, left: boxes of the patient's lungs in pixels of the film, None where there is none.
    masks: bool (64, 64, 2), right and left, a grid over the whole film.
    cut_off: the edges of the film that cut a lung off, out of EDGES.
    turn_deg: rotation of the film, clockwise, -180..180: the line from the right lung's centre to
    the left one's against the horizontal; 0 where a lung is missing.
    quarters: counter-clockwise quarter turns (`np.rot90`) that set the film upright, 0..3. Masks,
    boxes, edges and `turn_deg` are those of the film set upright.
    negative: they were found on the film with its grey levels inverted, and not on the film itself.
    score, distance: log odds of a chest radiograph and Mahalanobis distance (`lung_shape`).
    """

    found: bool
    right: Box | None
    left: Box | None
    masks: NDArray[np.bool_] = field(repr=False)
    cut_off: tuple[str, ...] = ()
    turn_deg: float = 0.0
    quarters: int = 0
    negative: bool = False
    reasons: tuple[str, ...] = ()
    score: float = 0.0
    distance: float = 0.0

    @property
    def box(self) -> Box | None:
        """Around both lungs, or the one that there is."""
        if self.right is None or self.left is None:
            return self.right or self.left
        return self.right.joined(self.left)


def network_input(film: Grey) -> NDArray[np.float32]:
    """A film uint8 (H, W) as the finder's network takes it: float32 (1, 128, 128, 1) in 0..255."""
    if max(film.shape) > COPY_SIDE:
        film = resize(film, COPY_SIDE)
    return np.asarray(resize(film, SIDE)[None, ..., None], np.float32)


def mirrored_mean(run: Run) -> Run:
    """The network's answer averaged over a film and its mirror image, float32 (N, h, h, 2).

    In the mirror image the lungs change places: its maps are mirrored back and exchanged.
    """

    def both(films: NDArray[np.float32]) -> NDArray[np.float32]:
        maps = run(np.concatenate([films, films[:, :, ::-1]]))
        n = len(films)
        return (maps[:n] + maps[n:, :, ::-1, ::-1]) / np.float32(2)

    return both


def find_lungs(
    film: Grey, run: Run, judge: Plausibility, shape: tuple[int, int] | None = None
) -> Lungs:
    """The lungs of a film uint8 (H, W); where none are found, of the film in quarter turns, and
    then of its negative in the same way.

    run: the network, float32 (1, 128, 128, 1) in 0..255 to probabilities float32 (1, h, h, 2) of
    the right and left lung, h a multiple of 64. It runs once on an upright film, two or three times
    on a turned one, five times on a negative, eight times on an image without lungs.
    shape: height and width of the film where `film` is its copy; boxes are in its pixels.
    """
    shape = shape or film.shape[:2]
    lungs = _find_in_any_turn(film, run, judge, shape)
    if not lungs.found:
        inverted = _find_in_any_turn(255 - film, run, judge, shape)
        if inverted.found:
            return replace(inverted, negative=True)
    return lungs


def _find_in_any_turn(film: Grey, run: Run, judge: Plausibility, shape: tuple[int, int]) -> Lungs:
    first: Lungs | None = None
    for quarters in (0, 1, 3, 2):
        lungs = _find_turned(film, quarters, run, judge, shape)
        # Which lung lies where shows the orientation: the film is read again, set upright.
        further = round(lungs.turn_deg / 90) % 4
        if lungs.found and further:
            upright = _find_turned(film, (quarters + further) % 4, run, judge, shape)
            lungs = upright if upright.found else lungs
        if lungs.found:
            return lungs
        first = first or lungs
    return first or lungs


def _find_turned(
    film: Grey, quarters: int, run: Run, judge: Plausibility, shape: tuple[int, int]
) -> Lungs:
    turned = np.ascontiguousarray(np.rot90(film, quarters))
    probabilities = run(network_input(turned))[0]
    height, width = shape[::-1] if quarters % 2 else shape
    return replace(lungs_of(probabilities, height, width, judge), quarters=quarters)


def lungs_of(
    probabilities: NDArray[np.float32], height: int, width: int, judge: Plausibility
) -> Lungs:
    """The lungs of an upright film of height x width pixels from its maps float32 (h, h, 2)."""
    cells = to_cells(probabilities)
    masks = largest_parts(cells)
    features = shape_features(cells, masks)[None]
    found = bool(judge.accepts(features)[0])
    boxes = [
        _box(probabilities[..., side], masks[..., side], height, width, judge.box_shift)
        for side in (0, 1)
    ]
    return Lungs(
        found=found,
        right=boxes[0],
        left=boxes[1],
        masks=masks,
        cut_off=_cut_off(masks),
        turn_deg=_turn(masks, height, width),
        reasons=() if found else _reasons(masks),
        score=float(judge.score(features)[0]),
        distance=float(judge.distance(features)[0]),
    )


def to_cells(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Maps float32 (h, h, 2) averaged to the grid that is judged, float32 (64, 64, 2)."""
    if len(probabilities) == CELLS:
        return probabilities
    small = cv2.resize(probabilities, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def largest_parts(probabilities: NDArray[np.float32]) -> NDArray[np.bool_]:
    """The largest connected part of each lung's cells, holes filled: bool, the same shape."""
    masks = np.zeros(probabilities.shape, np.bool_)
    for side in (0, 1):
        own, other = probabilities[..., side], probabilities[..., 1 - side]
        cells = ((own >= POSITIVE) & (own >= other)).astype(np.uint8)
        count, part, stats, _ = cv2.connectedComponentsWithStats(cells, connectivity=4)
        if count < 2:
            continue
        largest = (part == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
        contours, _ = cv2.findContours(largest, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        masks[..., side] = cv2.drawContours(largest, contours, -1, 1, cv2.FILLED) > 0
    return masks


def _box(
    probabilities: NDArray[np.float32],
    mask: NDArray[np.bool_],
    height: int,
    width: int,
    shift: NDArray[np.float64],
) -> Box | None:
    """The box of one lung from its map (h, h) near its mask (64, 64), a quarter of a cell exact."""
    if not mask.any():
        return None
    near = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8))
    near = cv2.resize(near, probabilities.shape[::-1], interpolation=cv2.INTER_NEAREST)
    fine = cv2.resize(np.where(near > 0, probabilities, np.float32(0)), (4 * CELLS, 4 * CELLS))
    rows = np.flatnonzero((fine >= POSITIVE).any(axis=1))
    columns = np.flatnonzero((fine >= POSITIVE).any(axis=0))
    if not rows.size:
        return None
    ends = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) / len(fine)
    left, top, right, bottom = np.clip(ends + shift, 0, 1) * (width, height, width, height)
    return Box(float(left), float(top), float(right), float(bottom))


def _cut_off(masks: NDArray[np.bool_]) -> tuple[str, ...]:
    """Edges along which a lung lies for at least an eighth of the film."""
    lung = np.asarray(masks.any(-1))
    lines = (lung[0], lung[:, -1], lung[-1], lung[:, 0])
    return tuple(
        edge for edge, line in zip(EDGES, lines, strict=True) if line.sum() >= len(line) / 8
    )


def _turn(masks: NDArray[np.bool_], height: int, width: int) -> float:
    if not masks.any(axis=(0, 1)).all():
        return 0.0
    right, left = (np.argwhere(masks[..., side]).mean(0) for side in (0, 1))
    down, across = (left - right) * (height, width)
    return float(np.degrees(np.arctan2(down, across)))


def _reasons(masks: NDArray[np.bool_]) -> tuple[str, ...]:
    there = masks.any(axis=(0, 1))
    if there.all() or not there.any():
        return (NO_LUNGS,)
    return (f"{NO_LUNGS} Only one lung was found, as on a lateral view.",)
