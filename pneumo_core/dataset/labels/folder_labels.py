"""Labels from folders: the class, split and patient that folder and file names say."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from statistics import median
from typing import TYPE_CHECKING

from pneumo_core.dataset.film_facts import FilmFacts, LeftOut, counted
from pneumo_core.dataset.labels.label_map import LEAVE_OUT, class_key
from pneumo_core.dataset.names import (
    FolderFacts,
    NameFacts,
    is_plain_folder,
    looks_like_split,
    names_patient,
    parse_folders,
    parse_name,
    stem_of,
)
from pneumo_core.metrics.intervals import UNKNOWN, Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOSE = "directly in the folder"
_FEW = 5  # films: folders that hold more in the middle are no patients' folders
_MEANT = {"normal": ("normal", "normal"), "pneumonia": ("pneumonia", None)}
_MEANT |= {kind: ("pneumonia", kind) for kind in ("bacterial", "viral")}


@dataclass(frozen=True)
class LabelledFilms:
    """The films of a folder that have a label, by path, and what was left out.

    source: where the labels come from, in words; notes: what a person should know of them; nested:
    second copies that are not used; agreement: Fleiss' kappa of several readers.
    """

    facts: Mapping[str, FilmFacts]
    left_out: tuple[LeftOut, ...] = ()
    source: str = "the names of the folders"
    notes: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    agreement: Estimate = field(default=UNKNOWN)


def read_folders(
    images: Sequence[str], root_name: str, classes: Mapping[str, str]
) -> LabelledFilms:
    """The labels that the folders above `images` (posix paths below the root) give.

    root_name: of the root itself, which may be a split; classes: those of folders whose names are
    not known, by `class_key` of the name.
    """
    root_split = parse_folders([root_name]).split
    by_folder: dict[str, FolderFacts] = {}
    copies: dict[tuple[str, ...], list[str]] = defaultdict(list)
    unlabelled = []
    for film in images:
        parts = PurePosixPath(film).parts
        folder = "/".join(parts[:-1])
        if folder not in by_folder:
            by_folder[folder] = mapped_folders(parts[:-1], classes)
        if by_folder[folder].label is None:
            unlabelled.append(film)
        else:
            key = tuple(part for part in parts if not _is_archive_folder(part))
            copies[key].append(film)
    # Of several copies the one nearest to the root.
    chosen = sorted(min(same, key=lambda film: film.count("/")) for same in copies.values())
    patients = _patients(chosen, classes)
    facts = {}
    for film in chosen:
        folders = by_folder[film.rpartition("/")[0]]
        name, (group, series, known) = parse_name(stem_of(film)), patients[film]
        facts[film] = FilmFacts(
            split=folders.split or root_split or "all",
            label=folders.label or "",
            subtype=folders.subtype or _named_subtype(name, folders.label),
            group=group,
            series=series,
            patient_known=known,
        )
    return LabelledFilms(
        facts,
        counted((_unknown_class(film), _why(film, classes)) for film in unlabelled),
        notes=_split_notes(by_folder),
        nested=tuple(sorted(set(chain(*copies.values())) - set(chosen))),
        unlabelled=tuple(sorted(unlabelled)),
    )


def mapped_folders(folders: Sequence[str], classes: Mapping[str, str]) -> FolderFacts:
    """What the folders say, with the classes that a person gave to some; the innermost wins."""
    found = parse_folders(folders)
    if not classes:
        return found
    for number in range(len(folders), 0, -1):
        meant = classes.get(class_key(folders[number - 1]))
        if meant == LEAVE_OUT:
            return FolderFacts(found.split, None, None)
        if meant is not None:
            return FolderFacts(found.split, *_MEANT[meant])
        if parse_folders([folders[number - 1]]).label is not None:
            return found
    return found


def _named_subtype(name: NameFacts, label: str | None) -> str:
    return name.subtype if (name.subtype == "normal") == (label == "normal") else "unknown"


def _is_archive_folder(name: str) -> bool:
    """Whether this is the archive's own folder, which Kaggle's holds a second time inside."""
    return name.lower().replace("-", "").replace("_", "").replace(" ", "") == "chestxray"


def _unknown_class(film: str) -> str:
    """The outermost folder of a film whose name is neither a split nor one that says nothing."""
    folders = PurePosixPath(film).parts[:-1]
    for number, folder in enumerate(folders, start=1):
        if not is_plain_folder(folder) and parse_folders([folder]).split is None:
            return "/".join(folders[:number])
    return "/".join(folders) or LOOSE


def _why(film: str, classes: Mapping[str, str]) -> str:
    if any(classes.get(class_key(part)) == LEAVE_OUT for part in PurePosixPath(film).parts[:-1]):
        return "left out by the mapping"
    if len(PurePosixPath(film).parts) == 1:
        return "images in no class folder"
    return "images in a folder whose name is not a known class"


def _split_notes(folders: Mapping[str, FolderFacts]) -> tuple[str, ...]:
    """A note where a folder's name holds the word of a split and is not taken for one."""
    odd = sorted(
        {
            part
            for folder, facts in folders.items()
            if facts.split is None
            for part in folder.split("/")
            if looks_like_split(part)
        }
    )
    if not odd:
        return ()
    named = ", ".join(odd[:5])
    words = (
        f"Folders that look like splits and are not taken for them: {named}. Name them train, val "
        "or test, or their films are trained on and measured together."
    )
    return (words,)


def _patients(films: Sequence[str], classes: Mapping[str, str]) -> dict[str, tuple[str, str, bool]]:
    """For each film the key of its patient, the series, and whether the patient is known."""
    names = {film: parse_name(stem_of(film)) for film in films}
    own = {film: _own_folders(film, classes) for film in films}
    # A name that is in several folders (IM-0001-0001 of each patient) means nothing without them.
    places: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for film in films:
        places[stem_of(film).lower()].add(own[film])
    stems = Counter(stem_of(film) for film in films)
    small = _small_folders(own)
    found = {}
    for film in films:
        stem, name, folders = stem_of(film), names[film], own[film]
        said = next(filter(None, map(names_patient, folders)), "")
        repeated = len(places[stem.lower()]) > 1
        if said:
            found[film] = (said, "patient", True)
        elif repeated and folders and folders[0] in small:
            found[film] = (f"folder-{folders[0]}", "folder", True)
        elif name.series and not (repeated and name.series.endswith("IM")):
            found[film] = (name.group, name.series, True)
        elif folders and folders[0] in small:
            found[film] = (f"folder-{folders[0]}", "", False)
        else:
            alone = stems[stem] == 1
            found[film] = (stem if alone else film, "", False)
    return found


def _own_folders(film: str, classes: Mapping[str, str]) -> tuple[str, ...]:
    """The folders of a film that are neither split nor class nor without meaning, outermost first.

    Those below the class folder; those above it where there is none below.
    """
    parts = PurePosixPath(film).parts[:-1]
    labels = [
        number
        for number, part in enumerate(parts)
        if parse_folders([part]).label is not None or class_key(part) in classes
    ]
    last = labels[-1] if labels else -1

    def meant(some: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            part
            for part in some
            if not is_plain_folder(part)
            and not _is_archive_folder(part)
            and parse_folders([part]) == FolderFacts(None, None, None)
            and class_key(part) not in classes
        )

    return meant(parts[last + 1 :]) or meant(parts[:last] if labels else ())


def _small_folders(own: Mapping[str, tuple[str, ...]]) -> set[str]:
    """Folders that may be patients': several, with a handful of films each in the middle."""
    sizes = Counter(folders[0] for folders in own.values() if folders)
    if len(sizes) < 2 or median(sizes.values()) > _FEW:
        return set()
    return set(sizes)
