"""Make `samples.npz`, the model that the sample films are drawn from:

    python -m pneumo_core.films.fit_samples DATA

DATA is the data set; films of its test split are left out. The films of each subtype are aligned
onto their mean shape, and the modes in which outline and brightness vary together are their
principal components. Some ten minutes on two cores. Choose the samples anew afterwards:
`bench/choose_samples.py`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.config import load_settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.films.align import Alignment, align, displace, enlarge, invert
from pneumo_core.synthetic.appearance import MODEL_FILE, SUBTYPES, Appearance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ATTRIBUTION = (
    "Means and principal components computed from: Kermany, Zhang, Goldbaum (2018), Labeled "
    "Optical Coherence Tomography (OCT) and Chest X-Ray Images for Classification, Mendeley Data "
    "V2, doi 10.17632/rscbjbr9sj.2, CC BY 4.0. No film is in this file."
)
SIDE = 224  # pixels of the films, of the mean shape and of the mean film
MODES = 32
FEWEST_FILMS = 200  # a mean of fewer would say too much about each
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
    """Write the models as `samples.load_appearances` reads them: modes in 8 bits, the rest in
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
        if len(its) < FEWEST_FILMS:
            raise DataSetError(
                f"Expected at least {FEWEST_FILMS} {subtype} films outside test/, found {len(its)} "
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
