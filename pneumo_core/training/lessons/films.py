"""The films of a lesson, a few hundred, small, by patient, synthetic or out of a folder; and a
network trained on them as a run trains it, whose answers are all that stays of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.pixel_cache import in_order
from pneumo_core.dataset.similarity import perceptual_hash
from pneumo_core.errors import DataSetError, UnreadableImage
from pneumo_core.formatting import count, were
from pneumo_core.imaging.decode import decode, read_file, resize
from pneumo_core.synthetic.appearance import modelled_film
from pneumo_core.training.lessons.outcome import SEED, SYNTHETIC
from pneumo_core.training.recipe import make_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe


@dataclass(frozen=True, eq=False)
class LessonFilms:
    """Films of a lesson.

    pixels uint8 (N, S, S); labels int (N,), 1 for pneumonia; patients int (N,). hashes: SHA-256 and
    perceptual hash of each, () of synthetic ones; notes: what was left out.
    """

    title: str
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    patients: NDArray[np.int64]
    hashes: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def synthetic(self) -> bool:
        """Whether they show no patient."""
        return not self.hashes


@dataclass(frozen=True)
class Wanted:
    """How many films a lesson takes: patients, films of each (at least and at most), their side in
    pixels; least: patients of each class below which the lesson says nothing; synthetic: patients
    where the films are synthetic, which take longer to make than to read.
    """

    patients: int
    films_each: tuple[int, int]
    size: int
    least: int
    synthetic: int = 0


def films_of(
    data: Path | None, wanted: Wanted, settings: Settings, report: Progress
) -> LessonFilms:
    """Films below `data`, or synthetic ones. Raises DataSetError where there are too few."""
    if data is None:
        return synthetic_films(wanted, report)
    return folder_films(data, wanted, settings, report)


def synthetic_films(wanted: Wanted, report: Progress) -> LessonFilms:
    """As many films of each patient as `wanted` allows: half the patients normal, a quarter
    bacterial, a quarter viral.
    """
    kinds = ("normal", "bacterial", "normal", "viral")
    patients = wanted.synthetic or wanted.patients
    plan = [(p, k) for p in range(patients) for k in range(wanted.films_each[1])]

    def make(one: tuple[int, int]) -> NDArray[np.uint8]:
        patient, film = one
        child, exposure = (SEED, 11, patient), (SEED, 12, patient, film)
        made = modelled_film(kinds[patient % 4], child=child, exposure=exposure)
        return resize(made, wanted.size)

    pixels = _followed(plan, make, report)
    whose = np.array([p for p, _ in plan], np.int64)
    return LessonFilms(SYNTHETIC, np.stack(pixels), whose % 2, whose)


def folder_films(data: Path, wanted: Wanted, settings: Settings, report: Progress) -> LessonFilms:
    """A sample of the labelled films below `data`, by patient, never of the test split.

    Both classes have as many patients where there are enough. A film that cannot be read, and a
    second copy of the same file, costs itself only. Raises DataSetError.
    """
    chosen = _sample(data, wanted)
    limits = settings.limits

    def read(one: tuple[str, int, int]) -> tuple[NDArray[np.uint8], tuple[str, str]] | None:
        try:
            film = decode(read_file(data / one[0], limits), limits=limits, least=256)
        except UnreadableImage:
            return None
        hashes = (film.facts.sha256, perceptual_hash(film.pixels))
        return resize(film.pixels, wanted.size), hashes

    found = _followed(chosen, read, report)
    seen: set[str] = set()
    kept, unread, copies = [], 0, 0
    for row, one in enumerate(found):
        if one is None:
            unread += 1
        elif one[1][0] in seen:
            copies += 1
        else:
            seen.add(one[1][0])
            kept.append(row)
    notes = []
    if unread:
        notes.append(f"{count(unread, 'films')} could not be read and {were(unread)} left out.")
    if copies:
        notes.append(f"{count(copies, 'copies')} of the same file {were(copies)} left out.")
    made = LessonFilms(
        title=data.name,
        pixels=np.stack([found[row][0] for row in kept]) if kept else _nothing(wanted.size),
        labels=np.array([chosen[row][1] for row in kept], np.int64),
        patients=np.array([chosen[row][2] for row in kept], np.int64),
        hashes=tuple(found[row][1] for row in kept),
        notes=tuple(notes),
    )
    _check(made, wanted)
    return made


def _sample(data: Path, wanted: Wanted) -> list[tuple[str, int, int]]:
    """Film, label and patient's number of the films to read."""
    listing = list_films(data)
    several = wanted.films_each[0] > 1
    by_patient: dict[tuple[int, str], list[str]] = {}
    for film in listing.films:
        facts = listing.facts[film]
        if facts.split != "test" and (facts.patient_known or not several):
            label = int(facts.label == "pneumonia")
            by_patient.setdefault((label, facts.group), []).append(film)
    rng = np.random.default_rng(SEED)
    chosen: list[tuple[str, int, int]] = []
    number = 0
    for label in (0, 1):
        own = [(key, films) for key, films in sorted(by_patient.items()) if key[0] == label]
        enough = [films for _, films in own if len(films) >= wanted.films_each[0]]
        for place in rng.permutation(len(enough))[: wanted.patients // 2]:
            films = enough[place]
            take = rng.permutation(len(films))[: wanted.films_each[1]]
            chosen += [(films[i], label, number) for i in sorted(take)]
            number += 1
    return chosen


def _check(films: LessonFilms, wanted: Wanted) -> None:
    for label, name in enumerate(("normal", "pneumonia")):
        own = films.patients[films.labels == label]
        each = np.unique(own, return_counts=True)[1]
        enough = int((each >= wanted.films_each[0]).sum())
        if enough < wanted.least:
            several = f" with {wanted.films_each[0]} films or more" * (wanted.films_each[0] > 1)
            raise DataSetError(
                f"Expected films of at least {wanted.least} {name} patients{several} outside the "
                f"test split for this lesson; got {enough}. Take the synthetic films, or a larger "
                "data set."
            )


def _followed(plan: list[Any], work: Callable[[Any], Any], report: Progress) -> list[Any]:
    made = []
    for one in in_order(work, plan):
        made.append(one)
        report("films", len(made), len(plan), "")
    return made


def _nothing(size: int) -> NDArray[np.uint8]:
    return np.empty((0, size, size), np.uint8)


def split_patients(films: LessonFilms, share: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from and rows of the `share` of the patients that are never seen, by class."""
    rng = np.random.default_rng(SEED)
    unseen: set[int] = set()
    for label in (0, 1):
        own = np.unique(films.patients[films.labels == label])
        unseen |= set(rng.permutation(own)[: round(share * len(own))].tolist())
    away = np.isin(films.patients, list(unseen))
    return np.flatnonzero(~away), np.flatnonzero(away)


def lesson_recipe(backbone: str, *, size: int, epochs: int, **choices: Any) -> Recipe:
    """A short training in two classes whose last epoch counts: nothing is chosen on any film."""
    usual = {"task": "binary", "patience": 0, "framing_weights": 0.0, "batch": 16}
    return make_recipe("quick", backbone=backbone, size=size, epochs=epochs, **usual | choices)


def learnt_scores(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    train_rows: NDArray[np.int64],
    measured: NDArray[np.uint8],
    *,
    report: Progress,
) -> NDArray[np.float64]:
    """The score of pneumonia, logit float64 (M,), of the films `measured` uint8 (M, S, S).

    Trained on the rows of `pixels` uint8 (N, S, S) with `labels` 0 or 1 (N,). `report` receives
    the phase "train", an epoch at a time. Loads Keras.
    """
    from pneumo_core.training.batches import Films
    from pneumo_core.training.fit import fit
    from pneumo_core.training.hardware import find_machine
    from pneumo_core.training.network import predict_logits

    with TemporaryDirectory(prefix="pneumo-lesson-") as scratch:
        network = fit(
            recipe,
            Films(pixels, labels),
            train_rows,
            np.array([], np.int64),
            machine=find_machine(recipe.precision),
            folder=Path(scratch) / "fold-0",
            callbacks=(_epochs(recipe.epochs, report),),
        )
    logits = predict_logits(network, measured).astype(np.float64)
    return np.asarray(logits[:, 1] - logits[:, 0])


def _epochs(epochs: int, report: Progress) -> Any:
    import keras

    class Epochs(keras.callbacks.Callback):  # type: ignore[misc]
        """Reports every epoch."""

        def on_epoch_end(self, epoch: int, _logs: Any = None) -> None:
            report("train", epoch + 1, epochs, "")

    return Epochs()


def part_of(report: Progress, number: int, parts: int, words: str) -> Progress:
    """`report` of part `number` (from 0) of `parts` trainings: its share of the whole."""

    def shared(_phase: str, done: int, total: int, _message: str = "") -> None:
        report("train", number * total + done, parts * total, f"{words}, {done} of {total} epochs")

    report("train", number, parts, f"{words}: starting")
    return shared
