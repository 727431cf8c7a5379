"""Which file each row of a table means: by path, by the end of a path, by name, or by folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pneumo_core.dataset.names import PICTURE_ENDING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

_RELATIVE = re.compile(r"^(?:\./)+")
_LEVELS = 8  # folders of a row's path that may be missing below the root, or the other way round


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
