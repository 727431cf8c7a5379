"""Columns of a table of no known form, guessed by their names and values."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from pneumo_core.dataset.labels.label_map import FILE, LEAVE_OUT, LabelMap, class_key
from pneumo_core.dataset.labels.matching import match_files
from pneumo_core.dataset.labels.values import class_of_word
from pneumo_core.dataset.names import stem_of
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

_PROBED = 300  # distinct values of a column that are looked for among the files
_MOST_CLASSES = 60  # distinct values beyond which a column is no class
_LABELS = {"label", "labels", "class", "diagnosis", "finding", "findings", "category", "target"}
_NAMES = {
    "patient": r"(pseudo ?)?(patient|subject|pid|case|mrn)( ?(id|no|number|key|code|nr))?",
    "age": r"(patient )?age( (in )?(years|yrs|y))?( at .*)?|years( old)?|yrs|alter",
    "sex": r"(patient )?(sex|gender)|geschlecht",
    "view": r"(view|projection)( position)?|viewposition",
    "split": r"split|set|subset|fold|partition|dataset type|usage",
    "site": r"site|hospital|institution|cent(er|re)|source",
    "manufacturer": r"(manufacturer|vendor|maker)( dicom)?",
    "reader": r"reader|rater|radiologist|rad id|annotator|observer",
}


def guessed_map(table: pd.DataFrame, images: Sequence[str], given: LabelMap) -> LabelMap:
    """What the columns may be: the file by its values, the label by words, the rest by name.

    Only what leaves no doubt: `file` and `label` are missing where they are not found.
    """
    file = _file_column(table, images)
    columns = {"file": file} if file else {}
    if label := _label_column(table, exclude=file, given=given):
        columns["label"] = label
    for what, pattern in _NAMES.items():
        for name in table.columns:
            plain = class_key(re.sub(r"[\W_]+", " ", str(name)))
            if name not in set(columns.values()) and re.fullmatch(pattern, plain):
                columns.setdefault(what, str(name))
    values = dict(given.classes)
    if label:
        values = guessed_values(table[label], "") | values
    return replace(given, columns=tuple(columns.items()), classes=tuple(values.items()))


def guessed_values(column: pd.Series, separator: str) -> dict[str, str]:
    """The values of a label column with the class that each names by itself, else to leave out."""
    values = column if not separator else column.str.split(separator).explode().str.strip()
    return {str(v): class_of_word(str(v)) or LEAVE_OUT for v in values.value_counts().index}


def _file_column(table: pd.DataFrame, images: Sequence[str]) -> str:
    import pandas as pd

    best, most = "", (0.5, 0)
    by_stem: dict[str, list[str]] = defaultdict(list)
    for image in images:
        by_stem[_stem(image)].append(image)
    stems = {_stem(image) for image in images[:: max(1, len(images) // _PROBED)]}
    for name in table.columns:
        distinct = table[name].unique()
        values = pd.Series(distinct[:_PROBED], dtype=object)
        values = values[values != ""].reset_index(drop=True)
        if not len(values):
            continue
        # However a row matches a file, it bears its name: only those are asked, not all.
        likely = [image for stem in {_stem(value) for value in values} for image in by_stem[stem]]
        found = float((match_files(values, likely).film != "").mean()) if likely else 0.0
        if stems and found <= most[0]:  # a few films of a large table
            named = set(map(_stem, distinct))
            found = max(found, len(stems & named) / len(stems))
        # Many distinct values: "1" may be a class or an age and the name of a file.
        if (found, len(distinct)) > most and (len(values) > 2 or len(table) <= 4):
            best, most = str(name), (found, len(distinct))
    return best


def _stem(path: object) -> str:
    """The name at the end of a path in lower case, without the ending of a picture."""
    return stem_of(str(path).replace("\\", "/").strip().strip("/")).lower()


def _label_column(table: pd.DataFrame, *, exclude: str, given: LabelMap) -> str:
    """The one column whose values name both classes, by themselves or by the values given."""
    known = {class_key(value): target for value, target in given.classes}
    found = []
    for name in table.columns:
        values = table[name].unique()
        if name == exclude or len(values) > _MOST_CLASSES:
            continue
        classes = {known.get(class_key(v)) or class_of_word(str(v)) for v in values}
        if "normal" in classes and classes & {"pneumonia", "bacterial", "viral"}:
            found.append(str(name))
    return found[0] if len(found) == 1 else ""


def likely_label(table: pd.DataFrame) -> str:
    """The column that is called as a label is, "" where none is."""
    names = [str(name) for name in table.columns]
    return next((name for name in names if class_key(name) in _LABELS), "")


def unknown_table(path: Path, table: pd.DataFrame, found: LabelMap) -> DataSetError:
    """The error for a table of no known form: its columns, and a mapping to fill in."""
    missing = [what for what in ("file", "label") if not found.column(what)]
    columns = ", ".join(map(str, table.columns))
    likely = likely_label(table)
    values = ""
    if likely:
        some = [json.dumps(str(v), ensure_ascii=False) for v in table[likely].unique()[:6]]
        values = f" Values of {likely}: {', '.join(some)}."
    return DataSetError(
        f"Expected to know which column of {path.name} is the {' and which the '.join(missing)}, "
        f"got {columns}.{values} Name them in {FILE} beside the images, or with --map: "
        f'table = "{path.name}", [columns] file = "…", label = "…", '
        f'[classes] "…" = "normal", "…" = "pneumonia".'
    )
