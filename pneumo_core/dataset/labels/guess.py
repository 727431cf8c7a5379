"""A table of no known form: its columns guessed, and which file each of its rows means."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.dataset.labels.label_map import FILE, LEAVE_OUT, LabelMap, class_key
from pneumo_core.dataset.labels.values import class_of_word
from pneumo_core.dataset.names import PICTURE_ENDING, stem_of
from pneumo_core.errors import DataSetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
_RELATIVE = re.compile(r"^(?:\./)+")
_LEVELS = 8  # folders of a row's path that may be missing below the root, or the other way round


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
        f"Expected recognisable columns in {path.name} for the {' and the '.join(missing)}, "
        f"got {columns}.{values} Name them in {FILE} beside the images, or with --map: "
        f'table = "{path.name}", [columns] file = "…", label = "…", '
        f'[classes] "…" = "normal", "…" = "pneumonia".'
    )


@dataclass(frozen=True)
class Matches:
    """film: for each row its file, "" for none; ambiguous: rows that mean several files."""

    film: pd.Series
    ambiguous: pd.Series


def match_files(reference: pd.Series, films: Sequence[str]) -> Matches:
    """Find the file of each `reference` (text) among `films` (posix paths below the root).

    Case and file endings do not matter where the rest is unique. A reference that ends in "/" is a
    folder, whose files all match: see `expand_folders`. Column operations only, so that hundreds of
    thousands of rows take seconds.
    """
    import pandas as pd

    key = _normal(reference)
    paths = pd.Series(list(films), dtype=object)
    path_key = _normal(paths)
    film = pd.Series("", index=reference.index, dtype=object)
    ambiguous = pd.Series(data=False, index=reference.index)
    for shape in _ways(key, path_key):
        open_rows = (film == "") & ~ambiguous & (key != "")
        if not open_rows.any():
            break
        row_keys, file_keys = shape(key[open_rows]), shape(path_key)
        twice = file_keys.duplicated(keep=False)
        lookup = pd.Series(paths[~twice].to_numpy(), index=file_keys[~twice].to_numpy())
        found = row_keys.where(row_keys != "").map(lookup).dropna()
        film[found.index] = found
        several = row_keys.isin(set(file_keys[twice]) - {""})
        ambiguous[several.index[several]] = True
    return Matches(film, ambiguous & (film == ""))


def expand_folders(table: pd.DataFrame, films: Sequence[str]) -> pd.DataFrame:
    """Rows whose `file` is a folder ("p1/s2/") once for each file in it; others as they are."""
    import pandas as pd

    is_folder = table["file"].str.endswith("/")
    if not is_folder.any():
        return table
    wanted = table[is_folder].assign(key=_normal(table["file"][is_folder]))
    depth = int(wanted["key"].str.count("/").max()) + 1
    rows = []
    for number in range(1, depth + 1):
        keys = ["/".join(PurePosixPath(film).parts[-1 - number : -1]).lower() for film in films]
        rows.append(pd.DataFrame({"key": keys, "found": list(films)}))
    files = pd.concat(rows, ignore_index=True).drop_duplicates()
    merged = wanted.merge(files, on="key", how="left")
    merged["file"] = merged["found"].fillna(merged["file"])
    return pd.concat([table[~is_folder], merged[table.columns]], ignore_index=True)


def _ways(key: pd.Series, path_key: pd.Series) -> list[Callable[[pd.Series], pd.Series]]:
    """What is compared of rows and files, the strictest first: the whole path, the most folders
    above the name that both have, the name alone; then the same without endings.

    The table may be written from a folder above the root, or from one below it.
    """
    deep = min(int(keys.str.count("/").max()) if len(keys) else 0 for keys in (key, path_key))
    ways: list[Callable[[pd.Series], pd.Series]] = [lambda keys: keys]
    ways += [partial(_tail, folders=level) for level in range(min(_LEVELS, deep), -1, -1)]
    ways += [_without_ending, lambda keys: _without_ending(_tail(keys, 0))]
    return ways


def _normal(paths: pd.Series) -> pd.Series:
    import pandas as pd

    keys = [str(path).replace("\\", "/").strip().lower().strip("/") for path in paths.tolist()]
    whole = [_RELATIVE.sub("", key) if key[:2] == "./" else key for key in keys]
    return pd.Series(whole, index=paths.index, dtype=str)


def _tail(keys: pd.Series, folders: int) -> pd.Series:
    """The name and this many folders above it; "" where there are fewer."""
    if not folders:
        return keys.str.replace(r"^.*/", "", regex=True)
    pattern = rf"([^/]+(?:/[^/]+){{{folders}}})$"
    return keys.str.extract(pattern, expand=False).fillna("")


def _without_ending(keys: pd.Series) -> pd.Series:
    return keys.str.replace(PICTURE_ENDING, "", regex=True)
