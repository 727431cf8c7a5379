"""Fit `appearance.npz`, the statistical model behind all synthetic films:

    python -m tools.fit_appearance DATA

DATA is the data set; films of its test split are left out. The films of each subtype are aligned
onto their mean shape, and the modes in which outline and brightness vary together are their
principal components. Some ten minutes on two cores. Choose the samples anew afterwards:
`tools/choose_samples.py`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from pneumo_core.config import load_settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.synthetic.appearance import MODEL_FILE, SUBTYPES, Appearance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


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


ATTRIBUTION = (
    "Means and principal components computed from: Kermany, Zhang, Goldbaum (2018), Labeled "
    "Optical Coherence Tomography (OCT) and Chest X-Ray Images for Classification, Mendeley Data "
    "V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0. No film is in this file."
)
SIDE = 224  # pixels of the films, of the mean shape and of the mean film
MODES = 32
MIN_FILMS = 200  # a mean of fewer would say too much about each
ALIGNED = 0.65  # share of the films that enter the model: those that aligned best
OUTLINE_WEIGHT = 0.7  # variation of the outlines relative to that of the greys


@dataclass(frozen=True)
class Fitted:
    """A model, the number of `films` it averages, and how many films each mode draws on: the
    inverse participation ratio of its loadings (1 would be a copy of one film).
    """

    appearance: Appearance
    films: int
    films_per_mode: NDArray[np.float64]


def fit(films: NDArray[np.uint8], alignment: Alignment, *, modes: int = MODES) -> Fitted:
    """The appearance model of uint8 (N, S, S) films of one subtype."""
    kept = alignment.agreement >= np.quantile(alignment.agreement, 1 - ALIGNED)
    flows, side = alignment.flows[kept], films.shape[1]
    aligned = np.stack(
        [displace(film.astype(np.float32), f) for film, f in zip(films[kept], flows, strict=True)]
    )
    full = np.ones((side, side), np.float32)
    inside = np.stack([displace(full, f, outside=0.0) > 0.9 for f in flows])
    mean = _mean_inside(aligned, inside)
    bends = np.stack([_small(invert(f), side // 8) for f in flows])
    outline = bends.mean(axis=0)
    greys = np.stack([_small(film - mean, side // 2) for film in aligned])
    seen = np.stack([_small(i.astype(np.float32), side // 2) > 0.5 for i in inside])
    loads, look, bend = _modes(greys, seen, bends - outline, modes)
    variance = np.zeros((side, side))
    for film, here, load in zip(aligned, inside, loads, strict=True):
        left = film - mean - enlarge(np.tensordot(load, look, axes=1), side, side)
        variance += here * (left - cv2.GaussianBlur(left, (0, 0), side / 56)) ** 2
    texture = _small(np.sqrt(variance / np.maximum(inside.sum(axis=0), 1)), side // 4)
    participation = (loads**2).sum(axis=0) ** 2 / (loads**4).sum(axis=0)
    return Fitted(Appearance(mean, look, outline, bend, texture), len(flows), participation)


def _mean_inside(aligned: NDArray[np.float32], inside: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Mean over the films that reach so far; beyond all of them, what lies nearest."""
    count = inside.sum(axis=0)
    mean = (aligned * inside).sum(axis=0) / np.maximum(count, 1)
    empty = count < 0.02 * len(aligned)
    near = cv2.inpaint(mean.astype(np.uint8), empty.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    return np.asarray(np.where(empty, near, mean), np.float32)


def _small(plane: NDArray[np.floating], side: int) -> NDArray[np.float32]:
    small = cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def _modes(
    greys: NDArray[np.float32], seen: NDArray[np.bool_], bends: NDArray[np.float32], modes: int
) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float32]]:
    """Principal components of greys (N, s, s) and outlines (N, t, t, 2) together: loadings of
    unit variance (N, K), and what one standard deviation adds to each, (K, s, s), (K, t, t, 2).

    Where a film ended (not `seen`) its greys are taken from the components themselves, and the
    components fitted again (expectation maximisation with missing values).
    """
    films, pixels = len(greys), greys[0].size
    hidden = ~seen.reshape(films, -1)
    table = np.hstack([greys.reshape(films, -1), bends.reshape(films, -1)])
    table[:, :pixels][hidden] = 0
    spread = np.sqrt((table[:, :pixels] ** 2).sum() / (table[:, pixels:] ** 2).sum())
    table[:, pixels:] *= OUTLINE_WEIGHT * spread
    for _ in range(4):
        _, vectors = np.linalg.eigh(table @ table.T)
        vectors = vectors[:, : -modes - 1 : -1]
        components = vectors.T @ table
        table[:, :pixels][hidden] = (vectors @ components[:, :pixels])[hidden]
    components /= np.sqrt(films)
    look = components[:, :pixels].reshape(modes, *greys.shape[1:])
    bend = components[:, pixels:].reshape(modes, *bends.shape[1:]) / (OUTLINE_WEIGHT * spread)
    loads = vectors.astype(np.float64) * np.sqrt(films)
    return loads, look.astype(np.float32), bend.astype(np.float32)


def save(models: dict[str, Fitted], path: Path) -> None:
    """Write the models as `appearance.load_appearances` reads them: modes in 8 bits, the rest in
    half precision.
    """
    stored: dict[str, NDArray[np.generic]] = {
        "subtypes": np.array(list(models)),
        "attribution": np.array(ATTRIBUTION),
    }
    for subtype, fitted in models.items():
        model = fitted.appearance
        stored[f"{subtype}_films"] = np.array(fitted.films)
        stored[f"{subtype}_films_per_mode"] = fitted.films_per_mode.astype(np.float32)
        for name in ("mean", "outline", "texture"):
            stored[f"{subtype}_{name}"] = getattr(model, name).astype(np.float16)
        for name in ("modes", "bends"):
            values: NDArray[np.float32] = getattr(model, name)
            scale = np.abs(values).reshape(len(values), -1).max(axis=1) / 127
            whole = values / scale.reshape(-1, *[1] * (values.ndim - 1))
            stored[f"{subtype}_{name}"] = np.round(whole).astype(np.int8)
            stored[f"{subtype}_{name}_scale"] = scale.astype(np.float32)
    np.savez_compressed(path, **stored)  # type: ignore[arg-type]


def films_by_subtype(data: Path) -> dict[str, NDArray[np.uint8]]:
    """uint8 (N, 224, 224) films of each subtype, without the test split.

    Raises DataSetError where there are too few of one.
    """
    index = index_folder(data)
    index = index[(index["split"] != "test") & index["readable"]].reset_index(drop=True)
    films = pixel_cache(index, data, size=SIDE, cache_dir=load_settings().cache_dir)
    found = {subtype: films[(index["subtype"] == subtype).to_numpy()] for subtype in SUBTYPES}
    for subtype, its in found.items():
        if len(its) < MIN_FILMS:
            raise DataSetError(
                f"Expected at least {MIN_FILMS} {subtype} films outside test/, found {len(its)} "
                f"in {data}. A model of fewer would say too much about each."
            )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit and write; 0 when done, 1 with the reason where the data will not do."""
    parser = argparse.ArgumentParser(prog="fit_samples", description="Fit the sample films' model.")
    parser.add_argument("data", type=Path, help="the data set (its test split is left out)")
    parser.add_argument("--out", type=Path, default=MODEL_FILE, help="where to write the model")
    options = parser.parse_args(arguments)
    models = {}
    try:
        for subtype, films in films_by_subtype(options.data).items():
            alignment = align(films, progress=partial(_tell_round, subtype))
            models[subtype] = fitted = fit(films, alignment)
            _tell(
                f"{subtype}: {fitted.films} of {len(films)} films, "
                f"each mode drawn from {fitted.films_per_mode.min():.0f} or more"
            )
    except PneumoError as error:
        _tell(str(error))
        return 1
    save(models, options.out)
    _tell(f"{options.out.name}: {options.out.stat().st_size / 1e6:.2f} MB")
    return 0


def _tell_round(subtype: str, done: int, rounds: int) -> None:
    _tell(f"{subtype}: aligned, round {done} of {rounds}")


def _tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
