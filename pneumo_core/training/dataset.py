"""The training images of a run: a folder → index, pixels, class labels and folds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.bundle.framing import Framing
from pneumo_core.bundle.lung_finder import load_finder
from pneumo_core.dataset.cohorts import number_blocks
from pneumo_core.dataset.folds import grouped_folds, read_manifest, training_films, write_manifest
from pneumo_core.dataset.layout import list_films
from pneumo_core.dataset.pixel_cache import Transform, pixel_cache
from pneumo_core.errors import DataSetError
from pneumo_core.imaging.lung_frame import LungFrame
from pneumo_core.training.plan.parent import (
    check_same_parent,
    is_parent,
    known_films,
    load_parent,
)
from pneumo_core.training.sources import index_sources, one_sided

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from pneumo_core.config import Settings
    from pneumo_core.dataset.labels import Labels
    from pneumo_core.progress import Progress
    from pneumo_core.training.recipe import Recipe
    from pneumo_core.training.runs.run import Run
    from pneumo_core.training.sources import FilmSource


HOLDOUT_FOLDS = 5
NEVER_HELD_OUT = -1  # fold of a film that every network is trained on


@dataclass(frozen=True)
class Corpus:
    """The images a run may train on: every readable one outside the test split.

    index: that of `sources.Gathered`, with "known" (bool): whether the model that the training
    starts from has learnt from the film's patient, which is then never held out;
    pixels: square copies of the films, which may be perturbed; framing: how the network sees such
    copies; inputs: what it sees of those in `pixels`.
    """

    index: pd.DataFrame
    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]
    fold: NDArray[np.int64]
    framing: Framing
    inputs: NDArray[np.uint8]

    @property
    def groups(self) -> NDArray[Any]:
        """Patient key of each film."""
        return self.index["group"].to_numpy()

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, in their order."""
        return tuple(dict.fromkeys(self.index["source"]))

    @property
    def source(self) -> NDArray[np.int64] | None:
        """The source of each film as a place in `sources`, (N,); None where there is one."""
        names = list(self.sources)
        if len(names) == 1:
            return None
        return np.array([names.index(one) for one in self.index["source"]], dtype=np.int64)


def gather(
    sources: Sequence[FilmSource], recipe: Recipe, run: Run, settings: Settings, report: Progress
) -> Corpus:
    """Index, decode and fold the films of all sources. Raises DataSetError."""
    run.update(phase="reading the films")
    gathered = index_sources(sources, progress=report)
    found = gathered.index
    usable = training_films(found)
    unread = int((~found["readable"]).sum())
    test = len(found) - len(usable) - unread
    run.update(
        unreadable=found["film"][~found["readable"]].tolist(),
        left_out=[one.to_dict() for one in gathered.left_out],
    )
    for one in gathered.left_out:
        report("left out", 1, 1, one.sentence())
    report("index", 1, 1, _counts(len(usable), test, unread))
    usable["known"] = _known(usable, recipe, run, settings, report)
    for words in (warned := one_sided(usable)):
        report("sources", 1, 1, words)
    run.update(warnings=warned)
    labels = class_labels(usable, recipe)
    framing = framing_of_recipe(recipe, settings)

    def cached(transform: Transform | None = None) -> NDArray[np.uint8]:
        return pixel_cache(
            usable.assign(film=usable["path"]),
            gathered.root,
            size=framing.side,
            cache_dir=settings.cache_dir,
            progress=report,
            transform=transform,
        )

    pixels = cached()
    inputs = pixels
    if framing.frame is not None:
        inputs = cached(Transform(framing.key, framing.size, framing.input_of))
    fold = _folds(usable, recipe, run.folder / "folds.json")
    return Corpus(usable, pixels, labels, fold, framing, inputs)


def look_at(
    sources: Sequence[FilmSource], recipe: Recipe, settings: Settings, report: Progress
) -> Corpus:
    """The films as a run of `recipe` gathers them, without a run. Raises DataSetError."""
    from tempfile import TemporaryDirectory

    from pneumo_core.training.runs.run import create_run

    with TemporaryDirectory(prefix="pneumo-preview-") as scratch:
        run = create_run(Path(scratch), recipe, data=sources[0].folder, bundle="")
        return gather(sources, recipe, run, settings, report)


def _known(
    usable: pd.DataFrame, recipe: Recipe, run: Run, settings: Settings, report: Progress
) -> NDArray[np.bool_]:
    """Films of patients that the recipe's parent has learnt from, bool (N,); counts them."""
    if not is_parent(recipe.weights, settings.models_dir):
        return np.zeros(len(usable), bool)
    parent = load_parent(recipe.weights, settings.models_dir)
    check_same_parent(parent, run.status().parent)
    films = known_films(parent, usable)
    patients = usable["group"].isin(set(usable["group"][films])).to_numpy()
    counts = {"known_films": int(films.sum()), "known_patients_films": int(patients.sum())}
    run.update(parent={**parent.lineage, **counts})
    words = f"{parent.title} has learnt from {int(films.sum()):,} of the {len(usable):,} films"
    if patients.any():
        words += f"; the {int(patients.sum()):,} films of their patients are not held out"
    report("parent", 1, 1, words)
    return np.asarray(patients)


def framing_of_recipe(recipe: Recipe, settings: Settings) -> Framing:
    """How the recipe's network sees films. Raises BundleError without the lung finder it needs."""
    frame = LungFrame() if recipe.frame == "lungs" else None
    return Framing(recipe.size, frame, load_finder(settings.models_dir) if frame else None)


def _folds(usable: pd.DataFrame, recipe: Recipe, manifest: Path) -> NDArray[np.int64]:
    """The folds of the run; those of its manifest where it is resumed."""
    if manifest.exists():
        return read_manifest(manifest).fold_of(usable)
    folds, unseen = recipe.folds if recipe.folds > 1 else HOLDOUT_FOLDS, ~usable["known"]
    fold = np.full(len(usable), NEVER_HELD_OUT, np.int64)
    try:
        fold[unseen] = _held_out_in(usable[unseen].reset_index(drop=True), recipe, folds)
    except DataSetError as error:
        if unseen.all():
            raise
        raise DataSetError(
            f"{recipe.weights} has learnt from {int((~unseen).sum()):,} of the {len(usable):,} "
            f"films here or their patients, and these may not be held out. {error} "
            "Add films that it does not know, or start from other weights."
        ) from error
    write_manifest(usable, fold, manifest, seed=recipe.seed)
    return fold


def _held_out_in(usable: pd.DataFrame, recipe: Recipe, folds: int) -> NDArray[np.int64]:
    """The fold in which each film is held out; every fold has its share of every source."""
    if usable.empty:
        raise DataSetError("No film is left to validate on.")
    if recipe.hold_out == "numbers":
        return number_blocks(usable, blocks=folds)
    if len(set(usable["source"])) > 1:
        usable = usable.assign(subtype=usable["subtype"] + " of " + usable["source"])
    return grouped_folds(usable, folds=folds, seed=recipe.seed)


def class_labels(index: pd.DataFrame, recipe: Recipe) -> NDArray[np.int64]:
    """Class of each film as an index into `recipe.classes`. Raises DataSetError."""
    column = "subtype" if recipe.task == "three-class" else "label"
    names = list(recipe.classes)
    strange = ~index[column].isin(names)
    if strange.any():
        raise DataSetError(
            f"Expected every film to be one of {', '.join(names)}; {int(strange.sum())} films are "
            f"not, the first {index['film'][strange].iloc[0]}. Train with --task binary."
        )
    labels = np.array([names.index(value) for value in index[column]], dtype=np.int64)
    missing = [name for i, name in enumerate(names) if not (labels == i).any()]
    if missing:
        raise DataSetError(
            f"Expected films of every class; there is no {' and no '.join(missing)} film."
        )
    return labels


def _counts(training: int, test: int, unreadable: int) -> str:
    """How the films are used, in one line."""
    parts = [f"{training:,} training films"]
    if test:
        parts.append(f"{test:,} test films excluded")
    if unreadable:
        parts.append(f"{unreadable:,} unreadable films excluded")
    return ", ".join(parts)


_PATIENTS_TO_SPLIT = 5  # of a class: a fifth of them is held out


@dataclass(frozen=True)
class Material:
    """Films outside the test split, by subtype, and their patients by label."""

    normal: int
    bacterial: int
    viral: int
    unknown: int  # pneumonia of unknown kind
    normal_patients: int
    pneumonia_patients: int
    test: int  # films that are never trained on

    @property
    def films(self) -> int:
        """Training films."""
        return self.normal + self.bacterial + self.viral + self.unknown

    def sentence(self) -> str:
        """The films in one line."""
        kinds = (
            (self.normal, "normal"),
            (self.bacterial, "bacterial"),
            (self.viral, "viral"),
            (self.unknown, "pneumonia of unknown kind"),
        )
        listed = " / ".join(f"{count:,} {name}" for count, name in kinds if count)
        return f"{self.films:,} training films: {listed}"


def task_of(found: Material) -> str:
    """The task that the films allow: three classes where each pneumonia's kind is known."""
    return "three-class" if not found.unknown and found.bacterial and found.viral else "binary"


def material_of(sources: Sequence[FilmSource]) -> Material:
    """The films of all sources together. Raises DataSetError as `list_films` does."""
    return joined([material(source.folder, source.read()) for source in sources])


def joined(parts: Sequence[Material]) -> Material:
    """The counts of several sources together."""
    return Material(
        **{one.name: sum(getattr(part, one.name) for part in parts) for one in fields(Material)}
    )


def material(root: Path, labels: Labels | None = None) -> Material:
    """Count the films below `root`. Raises DataSetError as `list_films` does."""
    listing = list_films(root, labels)
    counts: Counter[str] = Counter()
    patients: dict[bool, set[str]] = {True: set(), False: set()}
    test = 0
    for film in listing.films:
        facts = listing.facts[film]
        if facts.split == "test":
            test += 1
            continue
        counts[facts.subtype] += 1
        patients[facts.label == "normal"].add(facts.group)
    return Material(
        **{kind: counts[kind] for kind in ("normal", "bacterial", "viral", "unknown")},
        normal_patients=len(patients[True]),
        pneumonia_patients=len(patients[False]),
        test=test,
    )


def lacks(found: Material, recipe: Recipe) -> list[str]:
    """Why this recipe cannot be trained on these films, each with what to do; [] if it can."""
    if not found.films:
        return [
            (
                "Expected training films; all films of this folder are in test/, which is never "
                "trained on. Choose a folder that has a train/ folder."
            )
        ]
    reasons = []
    needed = max(_PATIENTS_TO_SPLIT, recipe.folds)
    for name, count in (
        ("normal", found.normal_patients),
        ("pneumonia", found.pneumonia_patients),
    ):
        if count < needed:
            reasons.append(
                f"Expected films of at least {needed} {name} patients, some to train on and some "
                f"to validate on; got {count}. Choose a larger data set."
            )
    if recipe.task == "three-class":
        reasons += _lacks_of_three(found)
    return reasons


def _lacks_of_three(found: Material) -> list[str]:
    if found.unknown:
        return [
            (
                f"Expected every pneumonia film to be bacterial or viral; {found.unknown:,} are of "
                "unknown kind. Choose the task with two classes."
            )
        ]
    missing = [kind for kind in ("bacterial", "viral") if not getattr(found, kind)]
    return [
        f"Expected films of every class; there is no {kind} film. Choose the task with two classes."
        for kind in missing
    ]
