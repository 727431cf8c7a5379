"""Labels from folders: the class, split and patient that folder and file names say."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePosixPath
from statistics import median
from typing import TYPE_CHECKING

from pneumo_core.dataset.film_facts import FilmFacts, LeftOut
from pneumo_core.dataset.labels.label_map import LEAVE_OUT, class_key
from pneumo_core.dataset.names import (
    FolderFacts,
    NameFacts,
    is_plain_folder,
    looks_like_split,
    names_patient,
    original_of,
    parse_folders,
    parse_name,
    stem_of,
)
from pneumo_core.metrics.intervals import UNKNOWN, Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LOOSE = "directly in the folder"
_FEW = 5  # films: folders that hold more in the middle are no patients' folders
_MANY = 20  # films: more than a patient has, where those beside it have a handful
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
    films: dict[str, list[str]] = defaultdict(list)
    for film in images:
        films[film.rpartition("/")[0]].append(film)
    copies: dict[str, list[str]] = defaultdict(list)
    unlabelled: list[str] = []
    left: Counter[tuple[str, str]] = Counter()
    for folder, some in films.items():
        parts = folder.split("/") if folder else []
        by_folder[folder] = mapped_folders(parts, classes)
        if by_folder[folder].label is None:
            unlabelled += some
            left[_unknown_class(parts), _why(parts, classes)] += len(some)
            continue
        place = "/".join(part for part in parts if not _is_archive_folder(part))
        for film in some:
            copies[f"{place}/{film.rpartition('/')[2]}"].append(film)
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
        tuple(LeftOut(what, why, n) for (what, why), n in left.most_common()),
        notes=_split_notes(by_folder, classes),
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


def _unknown_class(folders: Sequence[str]) -> str:
    """The outermost of these folders whose name is neither a split nor one that says nothing."""
    for number, folder in enumerate(folders, start=1):
        if not is_plain_folder(folder) and parse_folders([folder]).split is None:
            return "/".join(folders[:number])
    return "/".join(folders) or LOOSE


def _why(folders: Sequence[str], classes: Mapping[str, str]) -> str:
    if any(classes.get(class_key(folder)) == LEAVE_OUT for folder in folders):
        return "left out by the mapping"
    if not folders:
        return "images in no class folder"
    return "images in a folder whose name is not a known class"


def _split_notes(folders: Mapping[str, FolderFacts], classes: Mapping[str, str]) -> tuple[str, ...]:
    """Notes of folders that may be splits and are not taken for them: by a word, or by place."""
    silent = [folder for folder, facts in folders.items() if facts.split is None]
    odd = sorted(
        {part for folder in silent for part in folder.split("/") if looks_like_split(part)}
    )
    notes = []
    if odd:
        named = ", ".join(odd[:5])
        notes.append(
            f"Folders that look like splits and are not taken for them: {named}. Name them train, "
            "val or test, or their films are trained on and measured together."
        )
    above: dict[str, set[str]] = defaultdict(set)
    for folder in silent:
        parts, facts = folder.split("/"), folders[folder]
        at = next((n for n, part in enumerate(parts) if _names_class(part, classes)), 0)
        if at and facts.label and not _is_archive_folder(parts[at - 1]):
            above[parts[at - 1]].add(facts.label)
    both = sorted(one for one, labels in above.items() if len(labels) > 1)
    if len(both) > 1 and not odd:
        notes.append(
            f"{len(both):,} folders hold classes of their own ({', '.join(both[:5])}): their films "
            "are taken together. If they are splits, name them train, val and test."
        )
    return tuple(notes)


def _names_class(folder: str, classes: Mapping[str, str]) -> bool:
    return parse_folders([folder]).label is not None or class_key(folder) in classes


def _patients(films: Sequence[str], classes: Mapping[str, str]) -> dict[str, tuple[str, str, bool]]:
    """For each film the key of its patient, the series, and whether the patient is known."""
    stems = {film: stem_of(film) for film in films}
    own = _own_folders_of(films, classes)
    # A name that is in several folders (IM-0001-0001 of each patient) means nothing without them.
    places: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for film in films:
        places[stems[film].lower()].add(own[film])
    times = Counter(stems.values())
    small = _small_folders(own)
    originals = {film: original_of(stem) for film, stem in stems.items()}
    copied = {base for film, base in originals.items() if base != stems[film]}
    found = {}
    for film, stem in stems.items():
        name, folders = parse_name(stem), own[film]
        said = next(filter(None, map(names_patient, folders)), "")
        repeated = len(places[stem.lower()]) > 1
        folder = small.get(folders, "")
        if said:
            found[film] = (said, "patient", True)
        elif repeated and folder:
            found[film] = (f"folder-{folder}", "folder", True)
        elif name.series and not (repeated and name.series.endswith("IM")):
            found[film] = (name.group, name.series, True)
        elif folder:
            found[film] = (f"folder-{folder}", "", False)
        elif originals[film] in copied:  # a film and its augmented copies
            at = mapped_folders(film.split("/")[:-1], classes).label
            found[film] = ("/".join((*folders, str(at), originals[film])), "", False)
        else:
            found[film] = (stem if times[stem] == 1 else film, "", False)
    return found


def _own_folders_of(films: Sequence[str], classes: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """`_own_folders` of each film, looked up once a folder."""
    by_folder: dict[str, tuple[str, ...]] = {}
    found = {}
    for film in films:
        folder = film.rpartition("/")[0]
        if folder not in by_folder:
            by_folder[folder] = _own_folders(film, classes)
        found[film] = by_folder[folder]
    return found


def _own_folders(film: str, classes: Mapping[str, str]) -> tuple[str, ...]:
    """The folders of a film that are neither split nor class nor without meaning, outermost first.

    Those below the class folder; those above it where there is none below.
    """
    parts = PurePosixPath(film).parts[:-1]
    labels = [number for number, part in enumerate(parts) if _names_class(part, classes)]
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


def _small_folders(own: Mapping[str, tuple[str, ...]]) -> dict[tuple[str, ...], str]:
    """Of folders that may be patients' the path of the patient's: several, with a handful of films
    each in the middle, as near to the root as they are.
    """
    return _patients_below(Counter(folders for folders in own.values() if folders), 1)


def _patients_below(films: Counter[tuple[str, ...]], level: int) -> dict[tuple[str, ...], str]:
    """The same of these folders, the first `level - 1` of which they share."""
    branches: dict[tuple[str, ...], Counter[tuple[str, ...]]] = defaultdict(Counter)
    for folders, n in films.items():
        branches[folders[:level]][folders] += n
    sizes = {branch: below.total() for branch, below in branches.items()}
    here = len(sizes) > 1 and median(sizes.values()) <= _FEW
    found: dict[tuple[str, ...], str] = {}
    for branch, below in branches.items():
        # A site's or a disc's folder among those of patients; not a patient's of several studies.
        deeper = {} if len(branch) < level or (here and sizes[branch] <= _MANY) else (
            _patients_below(below, level + 1)
        )  # fmt: skip
        if deeper:
            found |= deeper
        elif here:
            found |= dict.fromkeys(below, "/".join(branch))
    return found
