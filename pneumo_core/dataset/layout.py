"""Data set layouts: the films below a folder, and the files that are left out and why."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pneumo_core.dataset.labels.folder_labels import LOOSE, LabelledFilms, read_folders
from pneumo_core.dataset.labels.further_facts import with_further_facts
from pneumo_core.dataset.labels.known_forms import known_tables
from pneumo_core.dataset.labels.label_map import Labels, class_key, kept_labels
from pneumo_core.dataset.labels.label_table import read_labels, tables_of
from pneumo_core.dataset.labels.table_files import is_table
from pneumo_core.dataset.names import parse_folders
from pneumo_core.dataset.sources import given_name, left_out_of_archive
from pneumo_core.dataset.walk import Walk, is_image
from pneumo_core.errors import DataSetError
from pneumo_core.formatting import count
from pneumo_core.metrics.intervals import UNKNOWN, Estimate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pneumo_core.dataset.film_facts import FilmFacts, LeftOut

# Kaggle's paultimothymooney/chest-xray-pneumonia, version 2: (split, label) → films. Its page
# says 5,863 in all; the files are 5,856.
PUBLISHED = {
    ("train", "normal"): 1341,
    ("train", "pneumonia"): 3875,
    ("val", "normal"): 8,
    ("val", "pneumonia"): 8,
    ("test", "normal"): 234,
    ("test", "pneumonia"): 390,
}


_NAMED = 6  # folders of images, in an error
_PROBED = 2000  # folders: opened in well under a second
LAYOUTS = (
    "train/, val/ or test/ with NORMAL/ and PNEUMONIA/ in each; or NORMAL/ and PNEUMONIA/ alone; "
    "or NORMAL/, BACTERIA/ and VIRUS/, beside each other or inside PNEUMONIA/; or a table of labels"
)


@dataclass(frozen=True)
class Listing:
    """Files below `base`, which is resolved; all other paths are posix, relative to it, sorted.

    films: what is indexed; facts: what is known of each before it is opened; left_out: everything
    else, counted; source: where the labels come from, in words; notes: what a person should know;
    agreement: of several readers; labels_key: changes with the table and its mapping.
    nested: second copies of films inside the archive's own folder;
    macosx: what macOS' archiver left in __MACOSX/; unlabelled: pictures without a label;
    masks: lung masks; links: symbolic links to films and folders, none of which is followed;
    links_out: those of them that lead out of `base`; class_folders: folders whose name is a class,
    films or not.
    """

    base: Path
    films: tuple[str, ...]
    facts: Mapping[str, FilmFacts] = field(default_factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    source: str = ""
    notes: tuple[str, ...] = ()
    agreement: Estimate = UNKNOWN
    labels_key: str = ""
    nested: tuple[str, ...] = ()
    macosx: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    links_out: tuple[str, ...] = ()
    class_folders: tuple[str, ...] = ()

    def signature(self) -> str:
        """64 hexadecimal digits that change with any file's name, size or time of change."""
        digest = hashlib.sha256(f"{self.base.name} {self.labels_key}".encode(errors="replace"))
        for film in (*self.films, *self.nested):
            found = (self.base / film).stat()
            digest.update(f"{film}\0{found.st_size} {found.st_mtime_ns}\n".encode())
        for others in (self.macosx, self.unlabelled, self.masks, self.links, self.class_folders):
            digest.update("\0".join((*others, "\n")).encode())
        return digest.hexdigest()


def list_films(root: Path, labels: Labels | None = None) -> Listing:
    """List what is below `root`, with the labels of a table or else of the folders.

    labels: None for those kept for the folder (`kept_labels`), else those that the names of the
    folders give, else those of a table of a known form that lies in it. Of the files only those
    without a known ending are opened, for their first bytes. What is not listed is counted in
    `left_out`.

    Raises DataSetError if `root` is no folder, holds no labelled film, a folder in it cannot
    be read, or a table cannot be understood.
    """
    if not root.is_dir():
        raise DataSetError(f"Expected a folder of films, got {root}, which is no folder.")
    base = root.resolve()
    walk = Walk(base)
    images = walk.films()
    labels = labels or kept_labels(base)
    found = _labelled(base, images, labels)
    if not found.facts:
        raise _nothing_in(root, found)
    return Listing(
        base,
        films=tuple(sorted(found.facts)),
        facts=found.facts,
        left_out=(*found.left_out, *walk.left_out(found.nested), *left_out_of_archive(base)),
        source=found.source,
        notes=found.notes,
        agreement=found.agreement,
        labels_key=_labels_key(base, labels, found.source),
        nested=found.nested,
        macosx=tuple(sorted(walk.macosx)),
        unlabelled=found.unlabelled,
        masks=tuple(sorted(walk.masks)),
        links=tuple(sorted(walk.links)),
        links_out=tuple(sorted(walk.links_out)),
        class_folders=tuple(sorted(walk.class_folders)),
    )


def images_below(root: Path) -> list[str]:
    """The pictures below `root`, labelled or not, posix paths relative to it, sorted.

    Raises DataSetError as `list_films` does.
    """
    return sorted(Walk(root.resolve()).films())


def _labelled(base: Path, images: list[str], labels: Labels | None) -> LabelledFilms:
    if labels is not None and labels.table is not None:
        return _from_table(base, images, labels, tables_of(labels.table))
    given = {} if labels is None else dict(labels.map.folders)
    classes = {class_key(folder): target for folder, target in given.items()}
    found = read_folders(images, base.name, classes)
    if found.facts:
        return with_further_facts(found, [base], images)
    tables = {name: one for name, one in known_tables(base).items() if one[0].has_labels}
    if len(tables) > 1:
        raise DataSetError(
            f"Expected one table of labels in {base.name}, got those of {' and '.join(tables)}. "
            "Name one with --labels."
        )
    for _, paths in tables.values():
        table = paths[0] if len(paths) == 1 else base
        return _from_table(base, images, Labels(table), paths)
    return found


def _from_table(
    base: Path, images: list[str], labels: Labels, tables: Sequence[Path]
) -> LabelledFilms:
    """The films that `tables` label, with what other tables beside them or the films say."""
    found = read_labels(labels, images)
    found = with_further_facts(found, [base, tables[0].parent], images, tables)
    return replace(found, unlabelled=tuple(one for one in images if one not in found.facts))


def _labels_key(base: Path, labels: Labels | None, source: str) -> str:
    """Changes with the tables' bytes and the mapping."""
    digest = hashlib.sha256(source.encode())
    if labels is not None:
        digest.update(json.dumps(labels.to_dict(), sort_keys=True).encode())
    table = base if labels is None or labels.table is None else labels.table
    beside = table if table.is_dir() else table.parent  # a form may read what lies beside a table
    for path in sorted(path for folder in {beside.resolve(), base} for path in folder.iterdir()):
        if path.is_file() and (is_table(path.name) or path == table or path.suffix == ".txt"):
            stat = path.stat()
            digest.update(f"{path.name} {stat.st_size} {stat.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def check_labelled(root: Path) -> None:
    """Raise DataSetError where `root` plainly holds no labelled film, before it is looked through.

    At most _PROBED folders are opened: of a folder larger than that, `list_films` has to tell.
    """
    if kept_labels(root) is not None or known_tables(root):
        return
    for seen, (folder, folders, files) in enumerate(os.walk(root), start=1):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        labelled = parse_folders(Path(folder).relative_to(root).parts).label is not None
        if seen > _PROBED or (
            labelled and any(is_image(f"{folder}/{name}", name) for name in files)
        ):
            return
    raise _nothing_in(root, read_folders(images_below(root), root.name, {}))


def _nothing_in(root: Path, found: LabelledFilms) -> DataSetError:
    """The error for a folder without a labelled film, with the folders of the images in it."""
    folders = Counter(image.rpartition("/")[0] or LOOSE for image in found.unlabelled)
    named = "; ".join(f"{folder}: {n:,}" for folder, n in folders.most_common(_NAMED))
    more = f" and {len(folders) - _NAMED:,} more folders" if len(folders) > _NAMED else ""
    holds = f" It holds {count(folders.total(), 'images')} ({named}{more})." if folders else ""
    return DataSetError(
        f"Expected {LAYOUTS}; found no such films in {given_name(root)}.{holds} "
        "Give the folder that holds these folders (symbolic links in it are not followed), name a "
        "table with --labels, or give the folders their classes in a file for --map: "
        f'[folders] "…" = "normal", "…" = "pneumonia".'
    )
