"""Training a lung finder: films are paired with their masks, a finder is measured on held-out
patients, then trained on all masks and written.

A mask is a PNG named as its film (IM-0115-0001.png of IM-0115-0001.jpeg), white where there is
lung, of the whole film in any size. The larger two connected parts are the lungs.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pandas as pd

from pneumo_core.container import limit_threads
from pneumo_core.dataset.folds import grouped_folds
from pneumo_core.dataset.index import index_folder
from pneumo_core.dataset.pixel_cache import pixel_cache
from pneumo_core.errors import DataSetError, TrainingError, UnreadableImage
from pneumo_core.formatting import count
from pneumo_core.imaging.decode import read_film, resize
from pneumo_core.imaging.lungs import COPY_SIDE
from pneumo_core.progress import Progress, silent
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.lungs.export import (
    LICENCE,
    as_figures,
    check_finder_name,
    write_finder,
)
from pneumo_core.training.lungs.fit import Examples, FinderRecipe, fit_finder, predict_maps
from pneumo_core.training.lungs.judge import HeldOut, evaluate_maps, fit_plausibility

if TYPE_CHECKING:
    import keras
    from numpy.typing import NDArray

    from pneumo_core.bundle.lung_finder import LungFinder
    from pneumo_core.config import Settings
    from pneumo_core.imaging.film import Grey

LEAST_PART = 0.005  # of the mask's pixels: the smaller lung
TWO_FILMS = "two films have the mask's name"


@dataclass(frozen=True)
class HoldOut:
    """Into how many folds of patients the masks are divided, and how many of them are measured."""

    folds: int = 3
    measured: int = 3


def train_lungs(  # noqa: PLR0913 - the options of the command
    images: Path,
    masks: Path,
    *,
    adults: Path | None,
    name: str,
    recipe: FinderRecipe,
    hold_out: HoldOut,
    settings: Settings,
    replace: bool = False,
    report: Progress = silent,
) -> LungFinder:
    """Train a finder on the films below `images` with the masks in `masks` and write it.

    adults: a folder of frontal chest films without masks, of adults for instance. Raises
    DataSetError, TrainingError or BundleError.
    """
    limit_threads()
    _check_backend()
    check_finder_name(name, settings.models_dir, replace=replace)
    began = time.monotonic()
    data = load_masked_films(images, masks, settings=settings, progress=report)
    report("masks", 1, 1, _loaded_words(data))
    unmasked = None if adults is None else load_adults(adults, report=report)
    held_out, measured = measure(data, unmasked, recipe, hold_out, report=report)
    start = measured if recipe.continued_steps else None
    network, marked = fit_finder(
        Examples(data.pixels[data.rows], data.lungs),
        unmasked,
        recipe if start is None else recipe.continued(),
        start=start,
        report=report,
    )
    shift = np.zeros(4) if held_out is None else held_out.box_shift
    judged = fit_plausibility(
        network, data.pixels, unmasked, box_shift=shift, recipe=recipe, report=report
    )
    card = {
        "data": _data_facts(data, unmasked, marked),
        "held_out": _held_out_facts(held_out, hold_out),
        "figures": {} if held_out is None else as_figures(held_out.figures()),
        "rejected": as_figures(judged.rejected),
        "training": _training_facts(recipe, time.monotonic() - began),
        "versions": {package: version(package) for package in ("keras", "tensorflow", "openvino")},
    }
    return write_finder(
        network,
        judged.plausibility,
        card,
        name=name,
        models_dir=settings.models_dir,
        replace=replace,
    )


def measure(
    data: MaskedFilms,
    unmasked: NDArray[np.uint8] | None,
    recipe: FinderRecipe,
    hold_out: HoldOut,
    *,
    report: Progress = silent,
) -> tuple[HeldOut | None, keras.Model | None]:
    """Figures of the measured folds together, each by a network trained without its patients.

    With them the network of the last one, before its continued steps; None where no fold is
    measured. Raises DataSetError where there are too few patients.
    """
    films = data.index.iloc[data.rows].reset_index(drop=True)
    if hold_out.measured == 0:
        return None, None
    fold = grouped_folds(films, folds=hold_out.folds, seed=recipe.seed)
    tables, network = [], None
    for number in range(hold_out.measured):
        seen, held = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        phase = f"fold {number + 1} of {hold_out.folds}"
        examples = Examples(data.pixels[data.rows[seen]], data.lungs[seen])
        network, _ = fit_finder(examples, unmasked, recipe, report=report, phase=phase)
        ended = network
        if recipe.continued_steps:
            ended, _ = fit_finder(
                examples, unmasked, recipe.continued(), start=network, report=report, phase=phase
            )
        maps = predict_maps(ended, data.pixels[data.rows[held]])
        found = evaluate_maps(films.iloc[held], maps, data.lungs[held])
        dice, edges = (found.figures()[key] for key in ("dice", "edges_within_4_percent"))
        words = f"{phase}: Dice {dice.value:.3f} [{dice.low:.3f}-{dice.high:.3f}]"
        report(phase, 1, 1, f"{words}, {100 * edges.value:.1f} % of the box edges within 4 %")
        tables.append(found.table)
    return HeldOut(pd.concat(tables, ignore_index=True)), network


def load_adults(folder: Path, *, report: Progress = silent) -> NDArray[np.uint8]:
    """Every readable film below a folder, uint8 (N, 224, 224). Raises DataSetError without any."""
    if not folder.is_dir():
        raise DataSetError(
            f"Expected a folder of films without masks, there is no folder {folder}. Correct the "
            "name, or leave --adults out."
        )
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    films, failed = [], 0
    for done, file in enumerate(files, start=1):
        try:
            films.append(resize(read_film(file).pixels, COPY_SIDE))
        except UnreadableImage:
            failed += 1
        report("films without masks", done, len(files))
    if not films:
        raise DataSetError(
            f"Expected films in {folder}, none of {len(files)} files can be read. Name another "
            "folder, or leave --adults out."
        )
    words = f"{len(films):,} films without masks, {failed:,} files cannot be read"
    report("films without masks", 1, 1, words)
    return np.stack(films)


def _check_backend() -> None:
    import keras

    if keras.backend.backend() != "tensorflow":
        raise TrainingError(
            "Expected Keras on TensorFlow, which exports the lung finder to OpenVINO, got "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )


def _loaded_words(data: MaskedFilms) -> str:
    groups = data.index.group.iloc[data.rows].nunique()
    words = f"{len(data.rows):,} films with masks of {groups:,} patients, {len(data.index):,} films"
    left_out = left_out_words(data.left_out)
    return f"{words}; {left_out}" if left_out else words


def _data_facts(
    data: MaskedFilms, unmasked: NDArray[np.uint8] | None, marked: int
) -> dict[str, Any]:
    films = data.index.iloc[data.rows]
    by_subtype = films.subtype.value_counts()
    facts = {
        "masks": len(films),
        "patients": int(films.group.nunique()),
        **{name: int(by_subtype.get(name, 0)) for name in ("normal", "bacterial", "viral")},
        "films_without_masks": len(data.index) - len(films),
        "licence": LICENCE,
        "left_out": left_out_words(data.left_out),
    }
    if unmasked is not None:
        facts |= {"adult_films": len(unmasked), "adult_films_marked": marked}
    return facts


def _held_out_facts(held_out: HeldOut | None, how: HoldOut) -> dict[str, int]:
    if held_out is None:
        return {}
    return {
        "films": len(held_out.table),
        "patients": int(held_out.table.group.nunique()),
        "folds": how.folds,
        "measured_folds": how.measured,
    }


def _training_facts(recipe: FinderRecipe, seconds: float) -> dict[str, Any]:
    machine = find_machine("float32")
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "machine": machine.training_sentence(recipe.batch),
        **asdict(recipe),
    }


@dataclass(frozen=True, eq=False)
class MaskedFilms:
    """Films and masks of a training.

    index: every readable film, rows as `index_folder` gives them; pixels: uint8 (N, 224, 224), in
    its order. rows: int (M,), the films that have a mask; lungs: uint8 (M, 224, 224, 2), right and
    left, 0 or 255. left_out: how many masks or films were left out, by reason.
    """

    index: pd.DataFrame
    pixels: NDArray[np.uint8]
    rows: NDArray[np.int64]
    lungs: NDArray[np.uint8]
    left_out: dict[str, int]


def load_masked_films(
    images: Path, masks: Path, *, settings: Settings, progress: Progress = silent
) -> MaskedFilms:
    """The films below `images` with the masks of the folder `masks`.

    Raises DataSetError where a folder is none, or no film has a usable mask.
    """
    files = mask_files(masks)
    index = index_folder(images, progress=progress)
    left_out = Counter({"film cannot be read": int((~index.readable).sum())})
    index = index[index.readable].reset_index(drop=True)
    names = index.film.map(lambda film: PurePosixPath(film).stem)
    twice = set(names[names.duplicated()])
    row_of = {name: row for row, name in enumerate(names) if name not in twice}
    rows, lungs = [], []
    for done, file in enumerate(files, start=1):
        progress("masks", done, len(files))
        row, reason = row_of.get(file.stem), TWO_FILMS if file.stem in twice else "mask has no film"
        pair = None
        if row is not None:
            pair, reason = read_mask(file)
        if row is None or pair is None:
            left_out[reason] += 1
        else:
            rows.append(row)
            lungs.append(pair)
    if not rows:
        raise DataSetError(_none_usable(masks, len(files), left_out))
    pixels = pixel_cache(
        index, images, size=COPY_SIDE, cache_dir=settings.cache_dir, progress=progress
    )
    reasons = {reason: n for reason, n in left_out.items() if n}
    return MaskedFilms(index, pixels, np.array(rows), np.stack(lungs), reasons)


def mask_files(masks: Path) -> list[Path]:
    """The PNG files of a folder, sorted. Raises DataSetError where there are none."""
    if not masks.is_dir():
        raise DataSetError(
            f"Expected a folder of lung masks, there is no folder {masks}. Name the folder that "
            "holds a PNG for each film, named as the film."
        )
    files = sorted(path for path in masks.iterdir() if path.suffix.lower() == ".png")
    if not files:
        raise DataSetError(
            f"Expected lung masks in {masks}, found no PNG there. Name the folder that holds a "
            "PNG for each film, named as the film."
        )
    return files


def read_mask(file: Path) -> tuple[Grey | None, str]:
    """The lungs uint8 (224, 224, 2) of a mask file; or None and the reason."""
    try:
        mask = read_film(file).pixels
    except UnreadableImage:
        return None, "mask cannot be read"
    shape = (COPY_SIDE, COPY_SIDE)
    small = cv2.resize(mask, shape, interpolation=cv2.INTER_AREA) >= 128
    return split_lungs(np.asarray(small, np.bool_))


def split_lungs(mask: NDArray[np.bool_]) -> tuple[Grey | None, str]:
    """Right and left lung, uint8 (H, W, 2) of 0 and 255, of a mask (H, W); or None and the reason.

    The lungs are the two largest parts; smaller parts go to the side of the midline on which they
    lie.
    """
    n, part, stats, centres = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    areas = stats[1:, cv2.CC_STAT_AREA]
    if n < 3 or np.sort(areas)[-2] < LEAST_PART * mask.size:
        return None, "mask shows no two lungs apart"
    largest = 1 + np.argsort(areas)[-2:]
    right, left = largest[np.argsort(centres[largest, 0])]
    middle = centres[[right, left], 0].mean()
    on_the_left = np.arange(mask.shape[1]) < middle
    of_right = mask & ((part == right) | ((part != left) & on_the_left))
    return np.stack([of_right, mask & ~of_right], axis=-1).astype(np.uint8) * np.uint8(255), ""


def left_out_words(left_out: dict[str, int]) -> str:
    """In words: "12 left out: 10 mask has no film, 2 mask cannot be read"; "" for nothing."""
    if not left_out:
        return ""
    reasons = ", ".join(f"{n:,} {reason}" for reason, n in left_out.items())
    return f"{sum(left_out.values()):,} left out: {reasons}"


def _none_usable(masks: Path, files: int, left_out: Counter[str]) -> str:
    words = left_out_words({reason: n for reason, n in left_out.items() if n})
    return (
        f"Expected lung masks named as the films, but of {count(files, 'masks')} in {masks} none "
        f"can be used ({words}). Name each PNG as its film: IM-0115-0001.png for IM-0115-0001.jpeg."
    )
