"""Labels of a folder, before it is opened: what form they have, the mapping, twenty films."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from pages.ui import state
from pages.ui.charts.theme import SUBTYPES
from pages.ui.html import data_uri, jpeg
from pages.ui.page import plain
from pneumo_core.dataset.labels.guess import guessed_map, likely_label
from pneumo_core.dataset.labels.known_forms import form_of
from pneumo_core.dataset.labels.label_map import COLUMNS, LEAVE_OUT, TARGETS, LabelMap, Labels
from pneumo_core.dataset.labels.label_table import understand
from pneumo_core.dataset.labels.table_files import is_table, read_table
from pneumo_core.dataset.labels.values import class_of_word
from pneumo_core.dataset.layout import images_below, list_films
from pneumo_core.dataset.names import is_plain_folder, names_patient, parse_folders
from pneumo_core.errors import DataSetError, PneumoError
from pneumo_core.formatting import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.dataset.layout import Listing

PREVIEW = 20  # films
_SIDE = 150  # pixels of a preview
_MOST_VALUES = 60  # of a label column, that are mapped one by one
_FOLDERS = "The names of the folders"
_NONE = "–"
_ALWAYS = ("file", "label", "patient", "age", "sex")
_COLUMN_WORDS = {
    "file": "File of the film",
    "label": "Label",
    "patient": "Patient",
    "age": "Age",
    "sex": "Sex",
    "view": "View",
    "split": "Split",
    "site": "Site",
    "manufacturer": "Manufacturer",
    "reader": "Reader",
}
_READERS = {
    "majority": "More than half of the readers",
    "unanimous": "All readers agree",
    "any": "Any reader says pneumonia",
}


def show_labels(root: Path, kept: Labels | None, take: str) -> Labels | None:
    """Choose and correct the labels of the films below `root`; those chosen, once confirmed.

    kept: the labels kept for this folder, which the choice starts from; take: what the button says.
    Raises DataSetError where
    the folder holds no picture.
    """
    images = _images(root)
    st.html(
        f'<h2 class="pn-section">Labels of {escape(root.name)}</h2>'
        f'<p class="pn-hint">{count(len(images), "images")} in this folder. '
        "The choice applies to every command and screen; it is saved in pneumo-dataset.toml if the "
        "folder is writable.</p>"
    )
    table = _choose_table(root, kept)
    same = kept is not None and kept.table == table
    start = kept.map if same and kept is not None else LabelMap()
    try:
        labels = Labels(table, _mapping(table, images, start, root))
        listing = list_films(root, labels)
    except PneumoError as error:
        st.warning(plain(str(error)), icon=":material/rule:")
        return None
    _show_read(listing)
    _show_preview(root, listing)
    if st.button(take, type="primary", key="dataset.labels.take"):
        return labels
    return None


def _images(root: Path) -> list[str]:
    """The pictures below the folder, walked once while it is looked at."""
    kept = state.candidate_images.get()
    if kept is None or kept[0] != root:
        kept = (root, images_below(root))
        state.candidate_images.set(kept)
    if not kept[1]:
        raise DataSetError(f"Expected a folder with images, found none in {root}.")
    return kept[1]


def _choose_table(root: Path, kept: Labels | None) -> Path | None:
    """The table that was chosen; None for the names of the folders."""
    tables = [path for path in sorted(root.iterdir()) if is_table(path.name) and path.is_file()]
    options = [_FOLDERS, *(path.name for path in tables)]
    first = 0
    if kept is not None and kept.table is not None and kept.table in tables:
        first = options.index(kept.table.name)
    elif kept is None and tables:
        first = 1 + max(range(len(tables)), key=lambda n: _known(tables[n]))
    chosen = st.selectbox(
        "Where the labels come from", options, index=first, key="dataset.labels.table", width=460
    )
    return None if chosen == _FOLDERS else root / chosen


def _known(table: Path) -> bool:
    try:
        return form_of(list(read_table(table, rows=5).columns)) is not None
    except DataSetError:
        return False


def _mapping(table: Path | None, images: Sequence[str], start: LabelMap, root: Path) -> LabelMap:
    """The mapping as the widgets say, which begin with what is known."""
    if table is None:
        return _folder_mapping(root, start)
    read = read_table(table)
    form = form_of(list(read.columns))
    if form is not None:
        st.markdown(f"Recognised: **{plain(form.name)}**")
        rows = understand(Labels(table, start), images)
        with st.expander("Classes of the findings", icon=":material/tune:"):
            classes = _class_editor(rows.rows["value"], rows.map, "|", only=form.classes)
            readers = _readers(start, shown=bool((rows.rows["reader"] != "").any()))
        return LabelMap(classes=classes, readers=readers, separator="|")
    guess = start if start.columns else guessed_map(read, images, start)
    if not guess.column("label") and (likely := likely_label(read)):
        guess = replace(guess, columns=(*guess.columns, ("label", likely)))
    with st.container(border=True):
        st.markdown("**Columns and classes** – the table's layout is not recognised.")
        columns = _column_boxes([str(name) for name in read.columns], guess)
        separator = st.text_input(
            "Separator between findings in one value",
            guess.separator,
            max_chars=3,
            width=320,
            key=f"dataset.labels.separator.{table.name}",
        )
        if "label" not in columns:
            raise DataSetError("Choose the column of the labels.")
        classes = _class_editor(read[columns["label"]], guess, separator)
        readers = _readers(guess, shown="reader" in columns)
    return LabelMap(tuple(columns.items()), classes, separator=separator, readers=readers)


def _column_boxes(names: list[str], guess: LabelMap) -> dict[str, str]:
    """The column of each fact; those that few tables have are folded unless one is known."""
    asked = [what for what in COLUMNS if what in _ALWAYS or guess.column(what)]
    found = _boxes(asked, names, guess)
    rare = [what for what in COLUMNS if what not in asked]
    with st.expander(", ".join(_COLUMN_WORDS[what] for what in rare), icon=":material/tune:"):
        found |= _boxes(rare, names, guess)
    return found


def _boxes(asked: list[str], names: list[str], guess: LabelMap) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(asked), 2):
        # A row at a time, so that a narrow screen keeps the order.
        for place, what in zip(st.columns(2), asked[start : start + 2], strict=False):
            options = [_NONE, *names]
            now = guess.column(what)
            chosen = place.selectbox(
                _COLUMN_WORDS[what],
                options,
                index=options.index(now) if now in options else 0,
                key=f"dataset.labels.column.{what}",
            )
            if chosen != _NONE:
                found[what] = chosen
    return found


def _class_editor(
    values: pd.Series, known: LabelMap, separator: str, only: Any = None
) -> tuple[tuple[str, str], ...]:
    """Pairs of value and class; `only`: the form's own, without which a value is left out."""
    single = values.str.split(separator).explode().str.strip() if separator else values
    counts = single[single != ""].value_counts().head(_MOST_VALUES)
    classes = dict(known.classes)

    def now(value: str) -> str:
        key = " ".join(value.casefold().replace("_", " ").split())
        guessed = "" if only is not None else class_of_word(value)
        return classes.get(value) or classes.get(key) or guessed or LEAVE_OUT

    found = _edited([(str(v), int(n), now(str(v))) for v, n in counts.items()], "Value")
    return tuple(found.items())


def _folder_mapping(root: Path, start: LabelMap) -> LabelMap:
    """Classes of folders whose names are not known."""
    named = dict(start.folders)
    try:
        listing = list_films(root, Labels(None, LabelMap()))
        unknown = {one.what: one.count for one in listing.left_out if "known class" in one.why}
    except DataSetError:
        unknown = named_folders(_images(root))
    rows = [(name, n, named.get(name.rpartition("/")[2], LEAVE_OUT)) for name, n in unknown.items()]
    if not rows:
        return start
    with st.expander(
        "Folders whose names are not recognised", icon=":material/tune:", expanded=True
    ):
        found = _edited(rows[:_MOST_VALUES], "Folder")
    folders = tuple(
        (name.rpartition("/")[2], meant) for name, meant in found.items() if meant != LEAVE_OUT
    )
    return LabelMap(folders=folders)


def named_folders(images: Sequence[str]) -> dict[str, int]:
    """Names of folders that may be classes, with the images below them, the most first."""
    found: Counter[str] = Counter()
    for image in images:
        found.update(
            {
                name
                for name in image.split("/")[:-1]
                if not is_plain_folder(name)
                and not names_patient(name)
                and parse_folders([name]).split is None
            }
        )
    return dict(found.most_common(_MOST_VALUES))


def _edited(rows: list[tuple[str, int, str]], title: str) -> dict[str, str]:
    import pandas as pd

    st.caption(f"What each {title.lower()} means. Click a class to change it.")
    table = pd.DataFrame(rows, columns=[title, "Images", "Class"])
    edited = st.data_editor(
        table,
        hide_index=True,
        disabled=[title, "Images"],
        column_config={
            "Class": st.column_config.SelectboxColumn(options=list(TARGETS), required=True)
        },
        key=f"dataset.labels.classes.{hash(tuple(row[0] for row in rows))}",
        height=min(38 + 35 * len(rows), 320),
        width=640,
    )
    return dict(zip(edited[title], edited["Class"], strict=True))


def _readers(known: LabelMap, *, shown: bool) -> Any:
    if not shown:
        return known.readers
    return st.radio(
        "An image that several readers have labelled gets the label of",
        list(_READERS),
        index=list(_READERS).index(known.readers),
        format_func=_READERS.__getitem__,
        key="dataset.labels.readers",
    )


def _show_read(listing: Listing) -> None:
    """How many films have which class, and what is left out."""
    kinds = [facts.subtype for facts in listing.facts.values()]
    parts = [f"{kinds.count(kind):,} {SUBTYPES[kind].title}" for kind in SUBTYPES if kind in kinds]
    known = all(facts.patient_known for facts in listing.facts.values())
    patients = len({facts.group for facts in listing.facts.values()})
    whose = f"of {count(patients, 'patients')}" if known else "patients not known for all"
    st.markdown(f"**{count(len(listing.films), 'films')}** ({whose}): {plain(', '.join(parts))}")
    for note in listing.notes:
        st.caption(plain(note))
    show_left_out(listing)


def show_left_out(listing: Listing) -> None:
    """Everything of the folder that is not used, with the reason and how many."""
    total = sum(one.count for one in listing.left_out)
    if not total:
        return
    rows_left = sum(one.count for one in listing.left_out if one.what.startswith("rows of"))
    parts = [count(total - rows_left, "files")] if total > rows_left else []
    parts += [f"{count(rows_left, 'rows')} of the table"] if rows_left else []
    with st.expander(f"Left out: {' and '.join(parts)}", icon=":material/filter_alt_off:"):
        rows = "".join(
            f"<tr><td>{escape(one.what)}</td><td>{escape(one.why)}</td><td>{one.count:,}</td></tr>"
            for one in listing.left_out
        )
        st.html(
            '<table class="pn-table pn-left-out"><thead><tr><th>What</th><th>Why</th>'
            f"<th>Number</th></tr></thead><tbody>{rows}</tbody></table>"
        )


def _show_preview(root: Path, listing: Listing) -> None:
    """Twenty films, half of each class, as they will be labelled."""
    chosen = preview_films(listing)
    st.html(f"<h3>Preview of {count(len(chosen), 'films')}</h3>")
    tiles = []
    for film in chosen:
        facts = listing.facts[film]
        kind = SUBTYPES[facts.subtype]
        picture = _thumbnail(str(root / film))
        image = f'<img src="{picture}" alt="" loading="lazy">' if picture else "Not readable"
        about = " · ".join(
            part
            for part in (
                facts.view,
                "" if np.isnan(facts.age) else f"{facts.age:.0f} y",
                facts.sex,
                "" if facts.split == "all" else facts.split,
            )
            if part
        )
        tiles.append(
            f'<figure>{image}<figcaption><b class="pn-{kind.css}">{kind.title}</b><br>'
            f"{escape(film.rpartition('/')[2])}<br>{escape(about)}</figcaption></figure>"
        )
    st.html(f'<div class="pn-preview">{"".join(tiles)}</div>')


def preview_films(listing: Listing) -> list[str]:
    """Films of the preview: up to half of each class, spread over the folder."""
    found: list[str] = []
    for label in ("normal", "pneumonia"):
        films = [film for film in listing.films if listing.facts[film].label == label]
        at = np.linspace(0, len(films) - 1, min(len(films), PREVIEW // 2)).round()
        found += [films[int(n)] for n in at]
    return found


@st.cache_data(show_spinner=False, max_entries=500)
def _thumbnail(path: str) -> str:
    """A small picture as a data URI, "" where the film cannot be read."""
    import cv2

    from pneumo_core.errors import UnreadableImage
    from pneumo_core.imaging.decode import read_film

    try:
        pixels = read_film(Path(path)).pixels
    except UnreadableImage:
        return ""
    scale = _SIDE / max(pixels.shape)
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return data_uri(jpeg(np.asarray(small, np.uint8)), "image/jpeg")


def show_known(listing: Listing) -> None:
    """Below the name of an open data set: where its labels come from, and what is left out."""
    st.html(f'<p class="pn-hint">Labels: {escape(listing.source)}</p>')
    for note in listing.notes:
        st.caption(plain(note))
    show_left_out(listing)
