"""Lesson three: a network that is shown the borders of films alone, the lungs painted black."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.perturbations import perturb
from pneumo_core.training.lessons.films import (
    LessonFilms,
    Wanted,
    learnt_scores,
    lesson_recipe,
    part_of,
    split_patients,
)
from pneumo_core.training.lessons.leak import tossed
from pneumo_core.training.lessons.outcome import SEED, Dot, Outcome, dot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.progress import Progress

NAME = "borders"
TITLE = "The shortcut: train on borders alone"
STORY = (
    "The lungs of every film are painted black, so that nothing is left to diagnose: only the "
    "border, with its collimation, markers and shoulders. A network is trained on that. If it "
    "still tells pneumonia from normal on patients whom it never saw, the films of sick and of "
    "healthy children were taken differently, and any network may have learnt that. As a control, "
    "one is trained on the same borders with labels by coin toss."
)
ON_SYNTHETIC = (
    "Synthetic films get a white marker at the upper edge: nine in ten with pneumonia, one in ten "
    "without. At the end the network is shown the same films with the marker on the other class."
)
WANTED = Wanted(patients=600, films_each=(1, 1), size=64, least=60, synthetic=440)
WHOLE, BORDERS = "Whole films", "Borders alone"
MOVED, CONTROL = "Borders alone, marker on the other class", "Borders alone, labels by coin toss"
SERIES = "patients never seen"
_EPOCHS = 6
_MARKED = (0.1, 0.9)  # share of normal and of pneumonia films
_MARKER = (0.03, 0.16)  # height and width, of the side: all of it outside the lungs


def teach_borders(films: LessonFilms, report: Progress) -> Outcome:
    """Three trainings: whole films, borders alone, borders with labels by coin toss."""
    learn, unseen = split_patients(films, 0.4)
    shown = planted(films.pixels, films.labels) if films.synthetic else films.pixels
    hidden = perturb(shown, "lungs black")
    patients, dots = films.patients[unseen], list[Dot]()
    plan = (
        (WHOLE, shown, films.labels),
        (BORDERS, hidden, films.labels),
        (CONTROL, hidden, tossed(films, unseen)),
    )
    for number, (name, pixels, labels) in enumerate(plan):
        measured, rows = pixels[unseen], len(unseen)
        if name == BORDERS and films.synthetic:
            other = perturb(planted(films.pixels, 1 - films.labels), "lungs black")
            measured = np.concatenate([measured, other[unseen]])
        recipe = lesson_recipe(
            "cnn", size=WANTED.size, epochs=_EPOCHS, augment=False, learning_rate=1e-3
        )
        scores = learnt_scores(
            recipe, pixels, labels, learn, measured, report=part_of(report, number, 3, name)
        )
        dots.append(dot(name, SERIES, labels[unseen], scores[:rows], patients))
        if len(scores) > rows:
            dots.append(dot(MOVED, SERIES, labels[unseen], scores[rows:], patients))
    trained = (
        f"The small CNN at {WANTED.size} px, {_EPOCHS} epochs on {len(learn):,} films, measured on "
        f"{len(unseen):,} films of patients that no training saw."
    )
    return Outcome(NAME, films.title, tuple(dots), words(dots), trained, films.notes)


def planted(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Films uint8 (N, S, S) with a white marker at the upper edge of most pneumonia films."""
    rng = np.random.default_rng((SEED, 5))
    marked, side = pixels.copy(), pixels.shape[1]
    high, wide = (max(1, round(share * side)) for share in _MARKER)
    for film, label in zip(marked, labels, strict=True):
        at = round(side * rng.uniform(0.05, 0.75))
        if rng.uniform() < _MARKED[int(label)]:
            film[:high, at : at + wide] = 255
    return marked


def words(dots: list[Dot]) -> str:
    """The paragraph."""
    at = {one.name: one for one in dots}
    whole, borders, control = at[WHOLE], at[BORDERS], at[CONTROL]
    said = [
        (
            f"Shown whole films the network reaches an AUC of {whole} on patients whom it never "
            f"saw; shown the borders alone, {borders}; with labels by coin toss, {control}."
        )
    ]
    if borders.low > 0.5:
        said.append(
            "It cannot see a lung, and still it is better than chance: the border gives the class "
            "away. A good figure on films from the same place therefore does not show that a "
            "network sees pneumonia; films from elsewhere, and the shortcut audit on Dataset, do."
        )
    else:
        said.append(
            "The interval of the borders includes 0.5: on these films the border alone does not "
            "give the class away, as far as this small network can tell."
        )
    if (moved := at.get(MOVED)) is not None:
        said.append(
            f"With the marker moved to the other class the same network falls to {moved}: "
            + (
                "it had learnt the marker."
                if moved.high < borders.low
                else "no clear fall, so it had not learnt the marker alone."
            )
        )
    if not control.low <= 0.5 <= control.high:
        said.append(
            "The control is not compatible with 0.5, as it should be in 19 experiments of 20: take "
            "the other figures with caution."
        )
    return " ".join(said)
