"""Groupwise alignment: many films brought onto one common shape, the mean of them all.

Films are compared by local contrast, so that exposure does not matter; each is first placed by
an affine map, then by a smooth displacement that may follow finer and finer structure as the
mean sharpens. Between the rounds the displacements are projected onto their own leading modes:
a film whose ribs were matched one rib too high is pulled back to what the others do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

Flow = NDArray[np.float32]
"""(s, s, 2): how far to look, x then y, as a share of the film's side."""


Grey = TypeVar("Grey", np.uint8, np.float32)


@dataclass(frozen=True)
class Round:
    """One pass over all films: `smooth` is the displacement's Gaussian width as a share of the
    side (0: an affine map alone), `modes` how many shape modes it starts from (0: no limit).
    """

    smooth: float = 0.0
    modes: int = 0


SCHEDULE = (
    Round(),
    Round(),
    Round(0.062),
    Round(0.054, 20),
    Round(0.045, 20),
    Round(0.036, 20),
    Round(0.031, 25),
    Round(0.027, 30),
    Round(0.027, 30),
    Round(0.022, 40),
    Round(0.022, 40),
    Round(0.018, 40),
)


@dataclass(frozen=True)
class Alignment:
    """`flows` float32 (N, s, s, 2), s a quarter of the films' side: where each point of the mean
    shape lies in film n. `agreement` float (N,): correlation of the aligned film with the mean.
    """

    flows: NDArray[np.float32]
    agreement: NDArray[np.float64]


def enlarge(flow: NDArray[np.float32], height: int, width: int) -> Flow:
    """The displacement on a finer grid, still in shares of the side."""
    return np.asarray(cv2.resize(flow, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)


def displace(film: NDArray[Grey], flow: Flow, *, outside: float | None = None) -> NDArray[Grey]:
    """What each point sees at its displaced place. `film` H×W, uint8 or float32; `flow` on any
    grid, enlarged to the film's. Beyond the edge: the edge's value, or `outside` if given.
    """
    height, width = film.shape
    flow = enlarge(flow, height, width)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    border = cv2.BORDER_REPLICATE if outside is None else cv2.BORDER_CONSTANT
    seen = cv2.remap(
        film,
        x + width * flow[..., 0],
        y + height * flow[..., 1],
        cv2.INTER_LINEAR,
        borderMode=border,
        borderValue=outside or 0.0,
    )
    return np.asarray(seen, film.dtype)


def invert(flow: Flow, *, rounds: int = 12) -> Flow:
    """The displacement that undoes `flow`, by fixed-point iteration (Chen et al. 2008,
    doi 10.1118/1.2816107). Exact where the flow does not fold.
    """
    inverse: Flow = -flow
    for _ in range(rounds):
        inverse = -np.stack([displace(flow[..., c].copy(), inverse) for c in (0, 1)], axis=-1)
    return inverse


def align(
    films: NDArray[np.uint8],
    *,
    schedule: tuple[Round, ...] = SCHEDULE,
    progress: Callable[[int, int], None] | None = None,
) -> Alignment:
    """Align uint8 (N, S, S) films, S a multiple of 4, onto their common mean shape."""
    contrast = np.stack([_local_contrast(film) for film in films])
    side = films.shape[1]
    flows = np.zeros((len(films), side // 4, side // 4, 2), np.float32)
    agreement = np.zeros(len(films))
    mean = contrast.mean(axis=0)
    for step, current in enumerate(schedule):
        if current.modes:
            flows = _leading_modes(flows, current.modes)
        target = _as_picture(mean)
        for n, film in enumerate(contrast):
            if current.smooth:
                flows[n] = _smooth_flow(target, film, flows[n], current.smooth)
            else:
                flows[n] = _affine_flow(target, film)
        flows -= flows.mean(axis=0)  # the mean shape stays the mean
        aligned = np.stack(
            [displace(film, flow) for film, flow in zip(contrast, flows, strict=True)]
        )
        agreement = np.array([_correlation(film, target) for film in aligned])
        # the worst placed third would only blur the mean the others are aligned to
        mean = aligned[agreement >= np.quantile(agreement, 0.3)].mean(axis=0)
        if progress:
            progress(step + 1, len(schedule))
    return Alignment(flows=flows, agreement=agreement)


def _local_contrast(film: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Brightness relative to the neighbourhood, in its standard deviations; 128 is average."""
    grey = film.astype(np.float32)
    width = film.shape[0] / 10
    mean = cv2.GaussianBlur(grey, (0, 0), width)
    variance = cv2.GaussianBlur((grey - mean) ** 2, (0, 0), width)
    return _clip(128 + 50 * (grey - mean) / np.sqrt(variance + 25))


def _as_picture(mean: NDArray[np.floating]) -> NDArray[np.uint8]:
    """The mean stretched to the contrast of a single film, so that the two compare."""
    return _clip(128 + 50 * (mean - mean.mean()) / (mean.std() + 1e-6))


def _clip(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _correlation(film: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
    edge = film.shape[0] // 11  # what was shifted in from beyond the edge says nothing
    inner = (slice(edge, -edge), slice(edge, -edge))
    return float(np.corrcoef(film[inner].ravel(), target[inner].ravel())[0, 1])


def _affine_flow(target: NDArray[np.uint8], film: NDArray[np.uint8]) -> Flow:
    """Affine placement by the enhanced correlation coefficient at a quarter of the size; no
    displacement where it does not converge.
    """
    side = film.shape[0] // 4
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-4)
    start = np.eye(2, 3, dtype=np.float32)
    try:
        _, matrix = cv2.findTransformECC(
            cv2.resize(target, (side, side), interpolation=cv2.INTER_AREA),
            cv2.resize(film, (side, side), interpolation=cv2.INTER_AREA),
            start,
            cv2.MOTION_AFFINE,
            stop,
        )
    except cv2.error:
        matrix = start
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    points = np.stack([x, y, np.ones_like(x)], axis=-1) @ matrix.T
    flow: Flow = ((points - np.stack([x, y], axis=-1)) / side).astype(np.float32)
    return flow


def _smooth_flow(
    target: NDArray[np.uint8], film: NDArray[np.uint8], start: Flow, smooth: float
) -> Flow:
    """Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590) from `start`, smoothed."""
    side = film.shape[0]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found = search.calc(target, film, enlarge(start, side, side) * side)
    found = cv2.GaussianBlur(found, (0, 0), smooth * side) / side
    return np.asarray(cv2.resize(found, start.shape[1::-1], interpolation=cv2.INTER_AREA))


def _leading_modes(flows: NDArray[np.float32], modes: int) -> NDArray[np.float32]:
    """Each displacement as its projection onto the leading modes of all of them."""
    flat = flows.reshape(len(flows), -1)
    mean = flat.mean(axis=0)
    _, vectors = np.linalg.eigh((flat - mean) @ (flat - mean).T)
    leading = vectors[:, -modes:]
    projected = leading @ (leading.T @ (flat - mean)) + mean
    return np.asarray(projected.reshape(flows.shape), np.float32)
