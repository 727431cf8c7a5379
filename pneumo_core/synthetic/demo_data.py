"""Synthetic data sets in the layout of the Kaggle data set, and the marker that identifies them.

For trying, testing and demonstrating; never for measuring a model's performance.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pneumo_core.errors import DataSetError
from pneumo_core.progress import Progress, silent
from pneumo_core.synthetic.appearance import modelled_film

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray


MARKER = "drawn-by-pneumo.txt"
DIGITS = 16  # of a film's SHA-256: 64 bits, so that two of a million films share none by chance
MIN_FILMS = 12  # of a demo data set: two patients of every subtype
_QUALITY = 85  # of every JPEG: in the real data set the quality alone separates the classes
_ABOVE = 3  # folders: from train/NORMAL up to what `demo-data` made, and one more
_ABOUT = f"""\
# The films listed here are synthetic (python -m pneumo_core demo-data). They show no patient.
# A line is the first {DIGITS} digits of a film's SHA-256. Keep this file in the films' folder, so
# that a model trained on them says so.
"""


def write_marker(folder: Path, digests: Iterable[str]) -> None:
    """Record in `folder` that the films with these SHA-256 (64 hex digits) are synthetic."""
    lines = "".join(f"{digest[:DIGITS]}\n" for digest in sorted(digests))
    (folder / MARKER).write_text(_ABOUT + lines, encoding="ascii", newline="\n")


def are_synthetic(index: pd.DataFrame, root: Path) -> NDArray[np.bool_]:
    """Whether each film of `index` is synthetic: bool (N,), False where no marker lists it.

    `index` is that of `index_folder` for `root`. Markers count that lie in `root`, anywhere below
    it, or in one of the three folders above it: `root` may be a part of a synthetic data set,
    or hold one. A marker that cannot be read is ignored.
    """
    known = {digest for marker in _markers(root.resolve()) for digest in _listed_in(marker)}
    return np.array([sha256[:DIGITS] in known for sha256 in index["sha256"]], dtype=np.bool_)


def write_demo_data(dest: Path, *, films: int, seed: int, progress: Progress = silent) -> None:
    """Write a synthetic data set into `dest`, in Kaggle's layout and with its file names:
    train, val and test, NORMAL and PNEUMONIA in each, about 26 % normal, 48 % bacterial and
    26 % viral films, some patients with several, about 15 % of the patients in test.

    Image size and JPEG quality have one distribution for all classes, and no patient is in two
    splits. A marker lists the synthetic films, so that a model trained on them says so.
    The same arguments give the same bytes. `progress` receives the phase "films".
    Raises DataSetError if `dest` is there and not an empty folder, or for fewer than 12 films.
    """
    if films < MIN_FILMS:
        raise DataSetError(
            f"Expected at least {MIN_FILMS} films, so that every split has every subtype; "
            f"got {films}. Ask for more."
        )
    if dest.exists() and (not dest.is_dir() or any(dest.iterdir())):
        raise DataSetError(
            f"Expected a new or empty folder, got {dest}, which is not empty. "
            "Name another folder, or empty this one."
        )
    rng = np.random.default_rng((seed, 3))
    planned, digests = _plan(films, rng), []
    for done, film in enumerate(planned, start=1):
        height = int(rng.integers(320, 401))
        width = round(height * rng.uniform(1.05, 1.5))
        made = modelled_film(film.subtype, child=(seed, 4, film.patient), exposure=(seed, 5, done))
        pixels = cv2.resize(made, (width, height), interpolation=cv2.INTER_AREA)
        path = dest / film.path
        path.parent.mkdir(parents=True, exist_ok=True)
        _, encoded = cv2.imencode(".jpeg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        path.write_bytes(encoded.tobytes())
        digests.append(hashlib.sha256(encoded.tobytes()).hexdigest())
        progress("films", done, len(planned))
    write_marker(dest, digests)


def _markers(root: Path) -> Iterator[Path]:
    yield from (folder / MARKER for folder in root.parents[:_ABOVE])
    for folder, _, files in os.walk(root):
        if MARKER in files:
            yield Path(folder, MARKER)


def _listed_in(marker: Path) -> list[str]:
    try:
        lines = marker.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in lines if len(line) == DIGITS and not line.startswith("#")]


@dataclass(frozen=True)
class _Planned:
    """One film of a demo data set; `patient` is unique over all subtypes."""

    path: Path
    subtype: str
    patient: int


def _plan(films: int, rng: np.random.Generator) -> list[_Planned]:
    """Which films to write, patient by patient."""
    normal = viral = round(0.26 * films)
    counts = {"normal": normal, "bacterial": films - normal - viral, "viral": viral}
    planned: list[_Planned] = []
    patient = 0
    for subtype, total in counts.items():
        sizes = _films_per_patient(total, rng)
        splits = _splits(len(sizes), rng)
        label = "NORMAL" if subtype == "normal" else "PNEUMONIA"
        names = _names(subtype, sizes)
        for count, split in zip(sizes, splits, strict=True):
            folder = Path(split, label)
            planned += [_Planned(folder / next(names), subtype, patient) for _ in range(count)]
            patient += 1
    return planned


def _films_per_patient(total: int, rng: np.random.Generator) -> list[int]:
    """One film for most patients, two or three for some; at least two patients."""
    counts = [1]
    while (left := total - sum(counts)) > 0:
        counts.append(min(int(rng.choice([1, 2, 3], p=[0.75, 0.17, 0.08])), max(1, left - 1)))
    return counts


def _splits(patients: int, rng: np.random.Generator) -> list[str]:
    """Test for about 15 % of the patients, val for one in fifty where there are enough."""
    test = max(1, round(0.15 * patients))
    val = max(1, round(0.02 * patients)) if patients >= 8 else 0
    splits = ["test"] * test + ["val"] * val + ["train"] * (patients - test - val)
    return [str(split) for split in rng.permutation(splits)]


def _names(subtype: str, counts: list[int]) -> Iterator[str]:
    """File names as in the real data set. Its person numbers start anew for each subtype, and so
    do these: person1_bacteria and person1_virus are two children.
    """
    film = 0
    for number, count in enumerate(counts, start=1):
        for which in range(1, count + 1):
            film += 1
            if subtype == "normal":
                series = "IM" if number % 2 else "NORMAL2-IM"
                several = f"-{which:04d}" if count > 1 else ""
                yield f"{series}-{number:04d}-0001{several}.jpeg"
            else:
                agent = "bacteria" if subtype == "bacterial" else "virus"
                yield f"person{number}_{agent}_{film}.jpeg"
