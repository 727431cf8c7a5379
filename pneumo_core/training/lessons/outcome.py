"""What a lesson found: its dots with intervals, its paragraph, and the file that keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.formatting import estimate
from pneumo_core.metrics.bootstrap import (
    Resampling,
    bootstrap,
    grouped_bootstrap_auc,
    percentiles,
)
from pneumo_core.metrics.intervals import Estimate
from pneumo_core.metrics.roc import areas, auc, auc_delong
from pneumo_core.storage import read_json, utc_now, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.config import Settings

FORMAT = 1
ROUNDS, SEED = 1000, 7
SYNTHETIC = "synthetic films"


@dataclass(frozen=True)
class Dot:
    """An AUC with its interval, 0..1: `name` is its row in the figure, `series` its colour there.

    films, patients: that it was measured on.
    """

    name: str
    series: str
    value: float
    low: float
    high: float
    films: int
    patients: int

    def __str__(self) -> str:
        """AUC and interval: "0.91 [0.88–0.94]"."""
        return estimate((self.value, self.low, self.high), digits=2)


@dataclass(frozen=True)
class Outcome:
    """What a lesson found on some films.

    films: their title; trained: what was trained, in a sentence; words: the paragraph; notes: what
    else a person should know; made: when (ISO 8601, UTC); seconds: of work.
    """

    lesson: str
    films: str
    dots: tuple[Dot, ...]
    words: str
    trained: str = ""
    notes: tuple[str, ...] = ()
    made: str = ""
    seconds: float = 0.0


def dot(
    name: str,
    series: str,
    labels: NDArray[np.int64],
    p: NDArray[np.floating],
    patients: NDArray[Any],
) -> Dot:
    """The AUC of scores p (N,) against labels 0 or 1 (N,), with a patient-level interval.

    The interval is of the films measured; another training would vary beside it. Where every draw
    is perfect it is DeLong's, as of independent films.
    """
    found = grouped_bootstrap_auc(labels, p, patients, seed=SEED, rounds=ROUNDS)
    if found.low == found.high:
        found = auc_delong(labels, p)
    return Dot(name, series, *found, films=len(labels), patients=len(np.unique(patients)))


Scored = tuple["NDArray[np.int64]", "NDArray[np.floating]", "NDArray[Any]"]


def gap(first: Scored, second: Scored) -> Estimate:
    """AUC of the first minus that of the second, of other patients, with a bootstrap interval.

    Each is labels, scores and patients (N,) of its own films.
    """
    draws = []
    for number, (labels, p, patients) in enumerate((first, second)):
        again = Resampling(patients, len(labels), seed=SEED + number, rounds=ROUNDS)
        scores = np.asarray(p, np.float64)
        draws.append(bootstrap(labels > 0, scores, again, {"auc": areas})["auc"])
    n = min(map(len, draws))
    low, high = percentiles(draws[0][:n] - draws[1][:n])
    value = auc(*first[:2]) - auc(*second[:2])
    return Estimate(value, float(low), float(high))


def signed(difference: Estimate) -> str:
    """A difference of AUCs: "+0.12 [+0.05 to +0.20]"."""
    return estimate(difference, digits=2, signed=True)


def by_place(dots: Sequence[Dot]) -> dict[tuple[str, str], Dot]:
    """The dots by row and series."""
    return {(one.name, one.series): one for one in dots}


def outcome_file(lesson: str, data: Path | None, settings: Settings) -> Path:
    """Where the outcome of a lesson on the films below `data` is kept; None: synthetic films."""
    of = "synthetic"
    if data is not None:
        of = hashlib.sha256(str(data.absolute()).encode()).hexdigest()[:12]
    return settings.cache_dir / "lessons" / f"{lesson}-{of}.json"


def keep_outcome(found: Outcome, path: Path) -> Outcome:
    """Write it down, with the moment; the last one of its kind is replaced."""
    found = replace(found, made=utc_now())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, **asdict(found)})
    return found


def read_outcome(path: Path) -> Outcome | None:
    """What was found last; None where nothing was, or where another version wrote it."""
    found = read_json(path)
    if found.pop("format", None) != FORMAT:
        return None
    try:
        dots = tuple(Dot(**one) for one in found.pop("dots"))
        return Outcome(dots=dots, notes=tuple(found.pop("notes")), **found)
    except (TypeError, KeyError):
        return None
