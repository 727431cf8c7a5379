"""The same films, disturbed: what a model owes to framing, exposure, storage and marks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pneumo_core import metrics
from pneumo_core.errors import DataSetError
from pneumo_core.films.disturb import ABOUT, DISTURBANCES, disturb
from pneumo_core.films.index import index_folder
from pneumo_core.films.names import parse_folders
from pneumo_core.films.pixels import pixel_cache
from pneumo_core.metrics.shift import CLEAN, table_from
from pneumo_core.metrics.shift_words import lungless_words, worst_words
from pneumo_core.reading.runtime import BATCH, Runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.config import Settings

    Progress = Callable[[str, int, int, str], None]  # phase, done, total, words
    Choice = Literal["validation", "outside", "trained", "unknown"]
    Films = tuple[npt.NDArray[np.uint8], pd.DataFrame]

_CHOICES = {
    "validation": " of the model's own validation: it did not train on these patients.",
    "outside": ", by name not among those the model was trained on.",
    "trained": ", all of which the model was trained on: these figures flatter it.",
    "unknown": (
        ", none of them in the model's validation. Where the model trained on some of them, "
        "these figures flatter it."
    ),
}


def stress(  # noqa: PLR0913 - four of the six are options
    bundle: Bundle,
    source: Path | Films,
    *,
    settings: Settings,
    names: Sequence[str] | None = None,
    limit: int | None = None,
    progress: Progress = lambda *_: None,
) -> dict[str, Any]:
    """Read films as they are and under every disturbance; figures at the bundle's locked points.

    source: a folder of labelled films, or (pixels uint8 (N,S,S) of the bundle's size, table with
    `film` and `label` a row). Of these, films the model did not train on are measured: those of
    the bundle's predictions.csv, matched by name; or, where the network was in the end trained
    on these too, the others. Where there are none, all are measured, and `words` says so.
    names: of films.disturb.DISTURBANCES, all by default; limit: films a class, drawn at random
    but always the same ones. Returns, ready for JSON,
      model, films, normal, pneumonia, held_out (bool), points {screening, balanced, ruling_in}
      words       which films these are
      worst       one sentence: the disturbance that costs most
      lungless    one sentence: the AUC without lungs, "" if not measured
      rows        as `metrics.shift.table_from` gives them, the films as they are first
    Raises DataSetError where no film can be read, ValueError for an unknown name.
    """
    chosen = list(DISTURBANCES) if names is None else list(names)
    unknown = [name for name in chosen if name not in DISTURBANCES]
    if unknown:
        raise ValueError(
            f"Expected names of disturbances, got {unknown[0]!r}. There are: "
            f"{', '.join(DISTURBANCES)}."
        )
    given = _read_folder(source, progress) if isinstance(source, Path) else source[1]
    rows, choice = _measured(given, bundle, limit)
    table = given.iloc[rows].reset_index(drop=True)
    if isinstance(source, Path):
        pixels = pixel_cache(
            table,
            source,
            size=bundle.size,
            cache_dir=settings.cache_dir,
            progress=lambda done, n: progress("decode", done, n, ""),
        )
    else:
        pixels = source[0][rows]
    p = _probabilities(bundle, pixels, chosen, progress)
    sick = (table["label"] == "pneumonia").to_numpy()
    points = asdict(bundle.points)
    figures = table_from(sick, p.pop(CLEAN), p, points, about=ABOUT)
    return {
        "model": bundle.name,
        "films": len(table),
        "normal": int((~sick).sum()),
        "pneumonia": int(sick.sum()),
        "held_out": choice in {"validation", "outside"},
        "points": points,
        "words": _which(len(table), choice, limit),
        "worst": worst_words(figures),
        "lungless": lungless_words(figures),
        "rows": figures,
    }


def _probabilities(
    bundle: Bundle, pixels: npt.NDArray[np.uint8], names: Sequence[str], progress: Progress
) -> dict[str, npt.NDArray[np.float64]]:
    """P(pneumonia) of every film, float (N,), as it is and under each of `names`."""
    runtime, found = Runtime(bundle), {}
    total = len(pixels) * (1 + len(names))
    for turn, name in enumerate((CLEAN, *names)):
        progress("stress", turn * len(pixels), total, name)
        parts = []
        for start in range(0, len(pixels), BATCH):
            films = np.asarray(pixels[start : start + BATCH])
            if name != CLEAN:
                films = disturb(films, name, first=start)
            chances = metrics.probabilities(runtime.run(films)[0], bundle.temperature)
            parts.append(1.0 - chances[:, 0])
            progress("stress", turn * len(pixels) + start + len(films), total, "")
        found[name] = np.concatenate(parts)
    return found


def _read_folder(folder: Path, progress: Progress) -> pd.DataFrame:
    """The readable films of a folder."""
    found = index_folder(folder, progress=lambda done, n: progress("index", done, n, ""))
    readable = found[found["readable"]].reset_index(drop=True)
    if readable.empty:
        raise DataSetError(f"Expected readable films in the data; none of {len(found)} is.")
    return readable


def _measured(
    table: pd.DataFrame, bundle: Bundle, limit: int | None
) -> tuple[npt.NDArray[np.int64], Choice]:
    """Rows to measure, rising, and why these: those the model did not train on, if any."""
    known, all_trained = _validation_films(bundle)
    validation = np.array([key in known for key in _keys(table)])
    choice: Choice
    if all_trained and not validation.all():
        rows, choice = np.flatnonzero(~validation), "outside"
    elif all_trained:
        rows, choice = np.arange(len(table)), "trained"
    elif validation.any():
        rows, choice = np.flatnonzero(validation), "validation"
    else:
        rows, choice = np.arange(len(table)), "unknown"
    if limit is not None:
        label, rng = table["label"].to_numpy()[rows], np.random.default_rng(0)
        of_class = [rows[label == one] for one in ("normal", "pneumonia")]
        drawn = [rng.choice(one, min(limit, len(one)), replace=False) for one in of_class]
        rows = np.sort(np.concatenate(drawn))
    return rows.astype(np.int64), choice


def _keys(table: pd.DataFrame) -> list[tuple[str, str, bool]]:
    """What a film is known by wherever its data set lies: label, file name, whether in test."""
    paths = [PurePosixPath(film) for film in table["film"]]
    test = [parse_folders(path.parts[:-1]).split == "test" for path in paths]
    names = [path.name for path in paths]
    return list(zip(table["label"].tolist(), names, test, strict=True))


def _validation_films(bundle: Bundle) -> tuple[set[tuple[str, str, bool]], bool]:
    """Keys of the films of predictions.csv, and whether the network was trained on them as well.

    After several folds one network is trained on all films: each has a prediction by a network
    that had not seen it, and the one in service has seen it.
    """
    import pandas as pd

    table = pd.read_csv(bundle.path / "predictions.csv", usecols=["film", "label"])
    trained = bundle.card.get("data", {}).get("films")
    everything = isinstance(trained, int) and len(table) >= trained
    return set(_keys(table)), everything


def _which(n: int, choice: Choice, limit: int | None) -> str:
    drawn = "" if limit is None else f" (at most {limit:,} of each class, drawn at random)"
    return f"{n:,} films{drawn}{_CHOICES[choice]}"
