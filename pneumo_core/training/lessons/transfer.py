"""Lesson one: one network from random and from pretrained weights, on few films and on more."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pneumo_core.bundle import survey
from pneumo_core.errors import TrainingError
from pneumo_core.imaging.decode import resize
from pneumo_core.metrics import grouped_bootstrap_difference
from pneumo_core.training.lessons.films import (
    LessonFilms,
    Wanted,
    learnt_scores,
    lesson_recipe,
    part_of,
    split_patients,
)
from pneumo_core.training.lessons.outcome import ROUNDS, SEED, Dot, Outcome, by_place, dot, signed
from pneumo_core.training.network import find_backbone, is_for, weights_files, weights_kept
from pneumo_core.training.plan.parent import listed_films, load_parent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.metrics.intervals import Estimate
    from pneumo_core.progress import Progress

NAME = "transfer"
TITLE = "From scratch against transfer"
STORY = (
    "One network is trained twice on the same films, for as many epochs and with the same "
    "augmentation. The first time all weights start at random; the second time they come from a "
    "network trained on other pictures, and only the last layer learns. Both are done with "
    "few films, then with four times as many. Expect the pretrained start to be ahead, most of all "
    "where films are few."
)
_MODEL_SIZE = 128
WANTED = Wanted(patients=340, films_each=(1, 1), size=_MODEL_SIZE, least=120, synthetic=340)
SCRATCH, TRANSFER = "from scratch", "transfer"
FEW, MORE = 32, 128  # films to learn from
_STEPS = 40
_BACKBONES = ("resnet50v2", "mobilenetv2")  # small enough for minutes on two cores


@dataclass(frozen=True)
class Start:
    """Where the pretrained weights are from: as of `Recipe.weights`, and in words; and the side at
    which the network is trained: ImageNet's features bear small films, a model's less.
    """

    backbone: str
    weights: str
    words: str
    size: int = 64  # pixels


def teach_transfer(
    films: LessonFilms, settings: Settings, report: Progress, *, weights: str | None = None
) -> Outcome:
    """Four trainings, measured on the same patients. Raises TrainingError without a start."""
    start = find_start(films, settings, weights)
    learn, unseen = split_patients(films, 0.55)
    learn = _balanced(films, learn)
    pixels = np.stack([resize(film, start.size) for film in films.pixels])
    y, patients = films.labels[unseen], films.patients[unseen]
    dots: list[Dot] = []
    ahead: dict[int, Estimate] = {}
    plan = [(n, series) for n in (FEW, MORE) for series in (SCRATCH, TRANSFER)]
    scores: dict[tuple[int, str], NDArray[np.float64]] = {}
    for number, (n, series) in enumerate(plan):
        recipe = lesson_recipe(
            start.backbone,
            size=start.size,
            epochs=_epochs(n),
            learning_rate=1e-3,
            **_initial(series, start),
        )
        scores[n, series] = learnt_scores(
            recipe,
            pixels,
            films.labels,
            learn[:n],
            pixels[unseen],
            report=part_of(report, number, len(plan), f"{n} films, {series}"),
        )
        dots.append(dot(f"{n} films", series, y, scores[n, series], patients))
        if series == TRANSFER:
            ahead[n] = grouped_bootstrap_difference(
                y, scores[n, TRANSFER], scores[n, SCRATCH], patients, seed=SEED, rounds=ROUNDS
            )
    title = find_backbone(start.backbone).application
    trained = (
        f"{title} at {start.size} px, {_epochs(FEW)} epochs of {FEW} films and {_epochs(MORE)} of "
        f"{MORE}; measured on {len(y):,} films of patients that no training saw. Transfer starts "
        f"from {start.words}."
    )
    return Outcome(NAME, films.title, tuple(dots), words(dots, ahead), trained, films.notes)


def _epochs(films: int) -> int:
    return -(-_STEPS * 16 // films)


def _initial(series: str, start: Start) -> dict[str, str]:
    """Random weights, all of them trained; or pretrained ones, of which the last layer is."""
    if series == SCRATCH:
        return {"weights": "none"}
    return {"weights": start.weights, "trained_from": "head"}


def words(dots: list[Dot], ahead: dict[int, Estimate]) -> str:
    """The paragraph. ahead: AUC of transfer minus AUC from scratch, by number of films."""
    said = []
    at = by_place(dots)
    for n, gain in ahead.items():
        scratch, transfer = (at[f"{n} films", series] for series in (SCRATCH, TRANSFER))
        said.append(
            f"With {n} films the pretrained network reaches an AUC of {transfer}, the one from "
            f"scratch {scratch}: a difference of {signed(gain)}."
        )
    few, more = ahead[FEW], ahead[MORE]
    if few.low > 0 and more.value < few.value:
        end = (
            "So it is as expected: what was learnt on other pictures makes up for missing films, "
            "and the fewer films there are, the more it helps."
        )
    elif few.low > 0:
        end = (
            "The pretrained start is ahead, and here not only where films are few: the training is "
            "too short for random weights in either case."
        )
    elif few.high < 0:
        end = (
            "Here the start from random weights did better: what the pretrained network had learnt "
            "did not fit these films. Transfer is a good first choice, not a law."
        )
    else:
        end = (
            "The interval of the difference with few films includes 0: on these films, with so "
            "few of them, this experiment does not show an advantage of either start."
        )
    return f"{' '.join(said)} {end}"


def find_start(films: LessonFilms, settings: Settings, weights: str | None = None) -> Start:
    """Pretrained weights that are here, without a download: `weights` if named, else ImageNet's
    that Keras keeps, or in a file in the folders that may be opened, or a model's.

    A model that has learnt from any of these films is none: it has seen the answers. Raises
    TrainingError where there is no start.
    """
    if weights is not None:
        return _named(weights, films, settings)
    for backbone in _BACKBONES:
        if weights_kept(backbone):
            return Start(backbone, "imagenet", "ImageNet weights kept here")
    for path in weights_files(settings.data_roots):
        if backbone := _backbone_of(path):
            return Start(backbone, str(path), f"the weights file {path.name}")
    refused = []
    for one in survey(settings.models_dir):
        if one.bundle is None or one.fault:
            continue
        try:
            return _of_model(one.name, films, settings)
        except TrainingError:
            refused.append(one.name)
    knows = ""
    if refused:
        knows = " The models here have learnt from these very films, or do not see whole films."
    raise TrainingError(
        "Expected pretrained weights for this lesson; there are none here without a download."
        f"{knows} Put a weights file of ResNet50V2 or MobileNetV2 without its top into a folder "
        "that may be opened (PNEUMO_DATA_ROOTS), or take the synthetic films."
    )


def _named(weights: str, films: LessonFilms, settings: Settings) -> Start:
    path = Path(weights)
    if path.is_file():
        if backbone := _backbone_of(path):
            return Start(backbone, str(path), f"the weights file {path.name}")
        raise TrainingError(
            f"Expected a weights file of ResNet50V2 or MobileNetV2, with that in its name; got "
            f"{path.name}. Name another one."
        )
    return _of_model(weights, films, settings)


def _backbone_of(path: Path) -> str:
    """The network that the name of a weights file means, "" for none of this lesson's."""
    return next((one for one in _BACKBONES if is_for(path, one)), "")


def _of_model(name: str, films: LessonFilms, settings: Settings) -> Start:
    """The model as a start, unless it knows one of the films. Raises TrainingError."""
    parent = load_parent(name, settings.models_dir)
    if parent.backbone not in _BACKBONES:
        raise TrainingError(
            f"Expected a model with one of the networks {', '.join(_BACKBONES)}; {name} has "
            f"{parent.backbone}. Name another one."
        )
    if parent.defaults["frame"] != "whole":
        raise TrainingError(
            f"Expected a model that sees whole films; {name} sees a frame set by the lungs. Name "
            "another one."
        )
    listed = listed_films(parent.bundle)
    known = sum(bool(listed.role(*each)) for each in films.hashes)
    if known:
        raise TrainingError(
            f"Expected a model not trained on these films; {name} has learnt from {known:,} of "
            "them, and would only repeat their labels. Choose a weights file."
        )
    words = f"the model {name}, which has learnt from real films"
    words += " and from none of these" * bool(films.hashes)
    return Start(parent.backbone, name, words, _MODEL_SIZE)


def _balanced(films: LessonFilms, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows in a random order in which the classes take turns: any start of it has both."""
    rng = np.random.default_rng(SEED)
    parts = [rng.permutation(rows[films.labels[rows] == label]) for label in (0, 1)]
    n = min(map(len, parts))
    return np.stack([part[:n] for part in parts], axis=1).ravel()
