"""Find seeds of sample films that a bundle classifies correctly and that resemble no real film:

    python -m tools.choose_samples DATA [--model NAME] [--seeds 60] [--sheet samples.png]

Makes films of every subtype, reads them with the bundle, and compares each with every training
film in DATA: its correlation with the nearest must stay within what is found between films of
different patients. Prints the films that pass, best first, and the line for
`pneumo_core/synthetic/appearance.py`. Look at the sheet before taking them over.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.bundle import load_bundle
from pneumo_core.config import load_settings
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.imaging.decode import Film, SourceFacts
from pneumo_core.inference.predict import Decision, Reader, Reading
from pneumo_core.synthetic.appearance import SAMPLES, SUBTYPES, draw, load_appearances

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 112  # pixels at which films are compared
COMPARED = 300  # real films of a subtype whose nearest neighbours set the limit


@dataclass(frozen=True)
class Likeness:
    """Films as unit vectors, (N, 112 · 112) float32: whole, and with broad shading removed, where
    what is left are outlines and detail.
    """

    whole: NDArray[np.float32]
    fine: NDArray[np.float32]

    @classmethod
    def of(cls, films: NDArray[np.uint8] | list[NDArray[np.uint8]]) -> Likeness:
        small = [cv2.resize(film, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for film in films]
        whole = np.stack(small).astype(np.float32)
        fine = np.stack([film - cv2.GaussianBlur(film, (0, 0), SIDE / 18) for film in whole])
        return cls(_unit(whole), _unit(fine))


@dataclass(frozen=True)
class Candidate:
    """One synthetic film and its reading; `whole` and `fine` are its correlations with the most
    similar training film.
    """

    seed: int
    pixels: NDArray[np.uint8]
    reading: Reading
    whole: float
    fine: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default=None)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    reader, models = Reader(load_bundle(options.model)), load_appearances()
    subtypes, groups, films = _training_films(options.data)
    real = Likeness.of(films)
    chosen, rows = {}, []
    for subtype in SUBTYPES:
        limit = _between_patients(real, groups, np.flatnonzero(subtypes == subtype))
        print(f"{subtype}: nearest film of another patient, 99th percentile: "
              f"whole {limit[0]:.3f}, fine {limit[1]:.3f}")  # fmt: skip
        made = [draw(models[subtype], seed) for seed in range(options.seeds)]
        found = [_candidate(seed, film, reader, real) for seed, film in enumerate(made)]
        correct = [c for c in found if _correct(c, subtype)]
        passed = sorted(
            (c for c in correct if c.whole <= limit[0] and c.fine <= limit[1]),
            key=lambda c: -_margin(c, subtype),
        )
        print(f"  {len(correct)} of {len(found)} classified correctly, {len(passed)} of these pass")
        for c in passed[:12]:
            print("  " + _line(c))
        chosen[subtype] = [c.seed for c in passed]
        rows.append([_labelled(c) for c in passed[:6]])
    _propose(chosen)
    if options.sheet:
        _write_sheet(rows, options.sheet)
    return 0


def _training_films(data: Path) -> tuple[NDArray[np.str_], NDArray[np.str_], NDArray[np.uint8]]:
    """Subtype, group and pixels of every film outside the test split."""
    index = index_folder(data)
    index = index[(index["split"] != "test") & index["readable"]].reset_index(drop=True)
    films = pixel_cache(index, data, size=224, cache_dir=load_settings().cache_dir)
    return index["subtype"].to_numpy(str), index["group"].to_numpy(str), films


def _unit(planes: NDArray[np.float32]) -> NDArray[np.float32]:
    flat = planes.reshape(len(planes), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def _between_patients(
    real: Likeness, groups: NDArray[np.str_], rows: NDArray[np.intp]
) -> tuple[float, float]:
    """What 99 in 100 real films do not exceed towards the films of all other patients."""
    some = np.random.default_rng(0).permutation(rows)[:COMPARED]
    own = groups[some][:, None] == groups[None]
    limits = []
    for vectors in (real.whole, real.fine):
        nearest = np.where(own, -1, vectors[some] @ vectors.T).max(axis=1)
        limits.append(float(np.quantile(nearest, 0.99)))
    return limits[0], limits[1]


def _candidate(seed: int, pixels: NDArray[np.uint8], reader: Reader, real: Likeness) -> Candidate:
    height, width = pixels.shape
    facts = SourceFacts("PNG", width, height, 8, "grey", pixels.size, "", 0.0, ("synthetic",))
    its = Likeness.of([pixels])
    return Candidate(
        seed=seed,
        pixels=pixels,
        reading=reader.read(Film(pixels, facts)),
        whole=float((real.whole @ its.whole[0]).max()),
        fine=float((real.fine @ its.fine[0]).max()),
    )


def _correct(found: Candidate, subtype: str) -> bool:
    """The right class, and the right subtype where the bundle has one."""
    reading = found.reading
    if subtype == "normal":
        return reading.decision is Decision.NORMAL
    if reading.decision is not Decision.PNEUMONIA:
        return False
    if reading.p_bacterial is None or reading.p_viral is None:
        return True
    return (reading.p_bacterial > reading.p_viral) == (subtype == "bacterial")


def _margin(found: Candidate, subtype: str) -> float:
    """Distance of the worst of the small crops and shifts from the threshold on the wrong side."""
    reading = found.reading
    if subtype == "normal":
        return reading.threshold_low - float(reading.p_high or 0)
    return float(reading.p_low or 0) - reading.threshold_high


def _propose(chosen: dict[str, list[int]]) -> None:
    """SAMPLES with the best seeds, in the order it has now."""
    left = {subtype: iter(seeds) for subtype, seeds in chosen.items()}
    proposed = [(subtype, next(left[subtype], None)) for subtype, _ in SAMPLES]
    print("SAMPLES =", tuple(proposed))


def _line(found: Candidate) -> str:
    reading = found.reading
    return (
        f"seed {found.seed:4d}  p {reading.p_pneumonia:.3f} "
        f"({reading.p_low:.3f} to {reading.p_high:.3f})  "
        f"nearest: whole {found.whole:.3f}, fine {found.fine:.3f}  {reading.where}"
    )


def _labelled(found: Candidate) -> NDArray[np.uint8]:
    film = found.pixels.copy()
    text = f"{found.seed}  p {found.reading.p_pneumonia:.2f}"
    cv2.putText(film, text, (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    return film


def _write_sheet(rows: list[list[NDArray[np.uint8]]], path: Path) -> None:
    height, width = rows[0][0].shape if rows[0] else (480, 600)
    columns = max(len(row) for row in rows)
    blank = np.zeros((height, width), np.uint8)
    sheet = np.vstack([np.hstack(row + [blank] * (columns - len(row))) for row in rows])
    cv2.imwrite(str(path), cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    sys.exit(main())
