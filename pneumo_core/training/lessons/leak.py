"""Lesson two: the same films split by image and by patient, against patients never seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.imaging.decode import resize
from pneumo_core.training.lessons.films import LessonFilms, Wanted, split_patients
from pneumo_core.training.lessons.outcome import SEED, Dot, Outcome, by_place, dot, gap, signed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pneumo_core.metrics.intervals import Estimate
    from pneumo_core.progress import Progress

NAME = "leak"
TITLE = "The leak: split by image or by patient"
STORY = (
    "Several films of a child look alike. If some are trained on and others validated on, a model "
    "can recognise the child instead of the disease, and the validation figure is too good. Here "
    "the same films are validated twice, split by image and split by patient, and each model is "
    "then measured on patients whom it never saw. To see the leak alone, the same is done with "
    "labels by coin toss, one toss a patient, five times over: there is nothing to learn, and an "
    "honest figure is 0.5."
)
WANTED = Wanted(patients=300, films_each=(2, 4), size=64, least=24, synthetic=120)
VALIDATION, UNSEEN = "its validation", "patients never seen"
REAL, TOSSED = "Labels as they are", "Labels by coin toss"
SPLITS = ("split by image", "split by patient")
FOLDS, TOSSES = 5, 5
_SIDE = 32  # of the pictures that the model sees
_NEIGHBOURS = 3


def teach_leak(films: LessonFilms, report: Progress) -> Outcome:
    """Cross-validation by image and by patient, with the labels and with tossed ones."""
    learn, unseen = split_patients(films, 0.35)
    x = features(films.pixels)
    plan = [(kind, split) for kind in (REAL, TOSSED) for split in SPLITS]
    labels = {REAL: [films.labels], TOSSED: [tossed(films, unseen, toss) for toss in range(TOSSES)]}
    dots: list[Dot] = []
    gaps: dict[str, Estimate] = {}
    for number, (kind, split) in enumerate(plan):
        name, parts = f"{kind}, {split}", []
        for toss, y in enumerate(labels[kind]):
            parts.append(_validated(x, y, films.patients, learn, unseen, split=split))
            report("train", number * TOSSES + toss + 1, len(plan) * TOSSES, name)
        # Of several tosses all answers together: patients are drawn with all of theirs.
        y_learn, p, y_unseen, p_unseen = (np.concatenate(one) for one in zip(*parts, strict=True))
        inside = y_learn, p, np.tile(films.patients[learn], len(parts))
        away = y_unseen, p_unseen, np.tile(films.patients[unseen], len(parts))
        for series, scored, rows in ((VALIDATION, inside, learn), (UNSEEN, away, unseen)):
            dots.append(replace(dot(name, series, *scored), films=len(rows)))
        gaps[name] = gap(inside, away)
    children = [len(np.unique(films.patients[rows])) for rows in (learn, unseen)]
    trained = (
        f"{len(learn):,} films of {children[0]:,} patients in {FOLDS} folds; {len(unseen):,} films "
        f"of {children[1]:,} patients never seen. The model memorises, as a network does that is "
        f"trained long on few films: it is {_NEIGHBOURS} nearest neighbours at {_SIDE} px."
    )
    return Outcome(NAME, films.title, tuple(dots), words(dots, gaps), trained, films.notes)


def _validated(  # noqa: PLR0913 - the films, and how they are split
    x: NDArray[np.float32],
    y: NDArray[np.int64],
    patients: NDArray[np.int64],
    learn: NDArray[np.int64],
    unseen: NDArray[np.int64],
    *,
    split: str,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Labels and out-of-fold scores of `learn`; labels and mean scores of `unseen`."""
    p, p_unseen = np.empty(len(learn)), np.zeros(len(unseen))
    for train, held_out in _folds(split, y[learn], patients[learn]):
        answer = memorise(x[learn[train]], y[learn[train]])
        p[held_out] = answer(x[learn[held_out]])
        p_unseen += answer(x[unseen]) / FOLDS
    return y[learn], p, y[unseen], p_unseen


def features(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Films uint8 (N, S, S) small and with mean 0 and deviation 1 each: float32 (N, 1024)."""
    small = np.stack([resize(film, _SIDE) for film in pixels]).astype(np.float32)
    flat = small.reshape(len(small), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(flat.std(axis=1, keepdims=True), 1e-3))


def tossed(films: LessonFilms, unseen: NDArray[np.int64], toss: int = 0) -> NDArray[np.int64]:
    """A label a patient without regard to the films, int (N,).

    As many of each as may be, in both classes and on both sides of the split (`unseen`: rows of
    the one), so that the real class says nothing of the tossed one, not even by chance.
    """
    rng = np.random.default_rng((SEED, toss))
    label = np.zeros(len(films.labels), np.int64)
    away = np.isin(np.arange(len(label)), unseen)
    for kind in (0, 1):
        for side in (False, True):
            own = films.patients[(films.labels == kind) & (away == side)]
            for place, patient in enumerate(rng.permutation(np.unique(own))):
                label[films.patients == patient] = place % 2
    return label


def _folds(
    split: str, labels: NDArray[np.int64], patients: NDArray[np.int64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if split == SPLITS[0]:
        yield from StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(labels, labels)
    else:
        grouped = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=SEED)
        yield from grouped.split(labels, labels, patients)


def memorise(x: NDArray[np.float32], y: NDArray[np.int64]) -> Any:
    """A model of x (N, D) and y (N,): a function from (M, D) to scores (M,).

    Nearest neighbours: a film is scored by the labels of the films that are most like it.
    """
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(min(_NEIGHBOURS, len(x)), weights="distance").fit(x, y)
    return lambda seen: model.predict_proba(seen)[:, 1]


def words(dots: list[Dot], gaps: dict[str, Estimate]) -> str:
    """The paragraph. gaps: AUC in validation minus AUC on unseen patients, by row."""
    by_image, by_patient = (gaps[f"{TOSSED}, {split}"] for split in SPLITS)
    at = by_place(dots)
    leaked = at[f"{TOSSED}, {SPLITS[0]}", VALIDATION]
    honest = at[f"{TOSSED}, {SPLITS[1]}", VALIDATION]
    away = at[f"{TOSSED}, {SPLITS[0]}", UNSEEN]
    said = [
        (
            f"With labels by coin toss, validation by image reports an AUC of {leaked}, and the "
            f"same models get {away} on patients whom they never saw; validation by patient "
            f"reports {honest}."
        )
    ]
    if by_image.low > 0 and not by_patient.low > 0:
        said.append(
            f"The split by image promises {signed(by_image)} more than is true, only because "
            "children are recognised again; the split by patient shows no such excess."
        )
    elif by_image.low > 0:
        said.append(
            f"Both splits promise more than is true, that by image by {signed(by_image)}, that by "
            f"patient by {signed(by_patient)}: check that films are assigned to the right patients."
        )
    else:
        said.append(
            f"The difference by image, {signed(by_image)}, includes 0: on these films this model "
            "does not recognise children well enough for the leak to show."
        )
    real = gaps[f"{REAL}, {SPLITS[0]}"]
    if real.low > 0:
        said.append(
            f"With the labels as they are the split by image is too good by {signed(real)} as well."
        )
    else:
        said.append(
            f"With the labels as they are the excess is {signed(real)}, which includes 0: where "
            "the disease is easy to see, a leak hides, but it is still there. So Pneumo always "
            "splits by patient."
        )
    return " ".join(said)
