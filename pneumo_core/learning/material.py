"""What a folder offers a training, told by its names alone, before any film is opened."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.dataset.layout import list_films, parse_name

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.learning.recipe import Recipe

_PATIENTS_TO_SPLIT = 5  # of a class: a fifth is held out. What it is measured on may be too few.


@dataclass(frozen=True)
class Material:
    """Films outside the test split, by subtype, and their patients by label."""

    normal: int
    bacterial: int
    viral: int
    unknown: int  # pneumonia of a kind that no name tells
    normal_patients: int
    pneumonia_patients: int
    test: int  # films that are never trained on

    @property
    def films(self) -> int:
        """Films to learn from."""
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
        return f"{self.films:,} films to learn from: {listed}"


def material(root: Path) -> Material:
    """Count the films below `root`. Raises DataSetError as `list_films` does."""
    listing = list_films(root)
    counts: Counter[str] = Counter()
    patients: dict[bool, set[str]] = {True: set(), False: set()}
    test = 0
    for film in listing.films:
        folders, name = listing.folder_facts(film), parse_name(PurePosixPath(film).stem)
        if folders.split == "test":
            test += 1
            continue
        normal = folders.label == "normal"
        told = name.subtype if (name.subtype == "normal") == normal else "unknown"
        counts[folders.subtype or told] += 1
        patients[normal].add(name.group)
    return Material(
        **{kind: counts[kind] for kind in ("normal", "bacterial", "viral", "unknown")},
        normal_patients=len(patients[True]),
        pneumonia_patients=len(patients[False]),
        test=test,
    )


def lacks(found: Material, recipe: Recipe) -> list[str]:
    """Why these films cannot be trained on in this way, each with what to do; [] if they can."""
    if not found.films:
        return [
            (
                "Expected films to learn from; all of this folder are in test/, which is never "
                "trained on. Choose a folder with a train/ in it."
            )
        ]
    told = []
    needed = max(_PATIENTS_TO_SPLIT, recipe.folds)
    for name, count in (
        ("normal", found.normal_patients),
        ("pneumonia", found.pneumonia_patients),
    ):
        if count < needed:
            told.append(
                f"Expected films of at least {needed} {name} patients, some to learn from and some "
                f"to check with; got {count}. Choose a larger data set."
            )
    if recipe.task == "three-class":
        told += _lacks_of_three(found)
    return told


def _lacks_of_three(found: Material) -> list[str]:
    if found.unknown:
        return [
            (
                f"Expected every pneumonia film to be bacterial or viral; {found.unknown:,} do not "
                "say it. Choose the task with two classes."
            )
        ]
    missing = [kind for kind in ("bacterial", "viral") if not getattr(found, kind)]
    return [
        f"Expected films of every class; there is no {kind} film. Choose the task with two classes."
        for kind in missing
    ]
