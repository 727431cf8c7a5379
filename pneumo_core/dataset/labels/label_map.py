"""How a table is read: its columns and what their values mean, kept as TOML for a folder."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
import unicodedata
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from pneumo_core.config import load_settings
from pneumo_core.errors import DataSetError
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pneumo_core.config import Settings

FILE = "pneumo-dataset.toml"
COLUMNS = (
    *("file", "label", "patient", "age", "sex", "view", "split", "site", "manufacturer", "reader"),
)
LEAVE_OUT = "leave out"
TARGETS = ("normal", "pneumonia", "bacterial", "viral", LEAVE_OUT)
Readers = Literal["majority", "unanimous", "any"]
_HEAD = "# How Pneumo reads this data set. Classes: " + ", ".join(TARGETS) + ".\n"


@dataclass(frozen=True)
class LabelMap:
    """Columns and values of a table.

    columns: pairs of what Pneumo needs (of COLUMNS) and the table's own name for it; none where the
    table has a known form. classes: pairs of a value of the label column and its class (of
    TARGETS); folders: the same of folder names. separator: between several findings in one value,
    "" for none. readers: which label an image gets that several readers have labelled: that of more
    than half of them, one that all agree on, or pneumonia where any of them says so.
    """

    columns: tuple[tuple[str, str], ...] = ()
    classes: tuple[tuple[str, str], ...] = ()
    folders: tuple[tuple[str, str], ...] = ()
    separator: str = ""
    readers: Readers = "majority"

    def column(self, what: str) -> str:
        """The table's column for `what`, "" for none."""
        return dict(self.columns).get(what, "")


@dataclass(frozen=True)
class Labels:
    """Where the labels of a folder come from: a table, and how it is read.

    table: CSV, TSV, Excel or Parquet; None where the folders give the class. map: None for a table
    whose columns are known.
    """

    table: Path | None = None
    map: LabelMap = field(default_factory=LabelMap)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; `labels_of_dict` reads it."""
        table = None if self.table is None else str(self.table.resolve())
        return {"table": table, "map": _document(self.map)}


def labels_of_dict(found: Mapping[str, Any] | None) -> Labels | None:
    """The labels that `Labels.to_dict` wrote; None for None."""
    if not found:
        return None
    table = found.get("table")
    return Labels(Path(table) if table else None, _map_of(found.get("map", {}), "the labels"))


def class_key(value: str) -> str:
    """A value as it is compared: without regard to case, underscores and spaces.

    Nor to how an accent is written: macOS names a file with two characters where others use one.
    """
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
    return " ".join(value.casefold().replace("_", " ").split())


def read_map(path: Path) -> Labels:
    """The labels that a TOML file describes; a table named in it is beside it or an absolute path.

    Raises DataSetError.
    """
    try:
        found = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataSetError(
            f"Expected a mapping in {path}, got: {error.strerror or error}. Check the path."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataSetError(
            f"Expected TOML in {path.name}, got: {error}. Correct it, or remove it and choose the "
            "columns again."
        ) from error
    table = found.pop("table", "")
    if not isinstance(table, str):
        raise DataSetError(f"Expected the name of a table in {path.name}, got table = {table!r}.")
    labels_map = _map_of(found, path.name)
    return Labels(path.parent / table if table else None, labels_map)


def write_map(labels: Labels, path: Path) -> None:
    """Write the labels as TOML, the table's name relative where it is beside it. Raises OSError."""
    lines = [_HEAD]
    if labels.table is not None:
        table = labels.table.resolve()
        beside = table.is_relative_to(path.parent.resolve())
        named = table.relative_to(path.parent.resolve()) if beside else table
        lines.append(f"table = {_quoted(named.as_posix())}\n")
    for key, value in _document(labels.map).items():
        if isinstance(value, dict):
            lines.append(f"\n[{key}]\n")
            lines += [f"{_quoted(name)} = {_quoted(one)}\n" for name, one in value.items()]
        else:
            lines.append(f"{key} = {_quoted(value)}\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, "".join(lines))


def _document(labels_map: LabelMap) -> dict[str, Any]:
    """The map as plain values, what is empty left out, simple keys first as TOML needs it."""
    found: dict[str, Any] = {"readers": labels_map.readers}
    if labels_map.separator:
        found["separator"] = labels_map.separator
    for name in ("columns", "classes", "folders"):
        if pairs := getattr(labels_map, name):
            found[name] = dict(pairs)
    return found


def _map_of(found: Mapping[str, Any], where: str) -> LabelMap:
    known = {one.name for one in fields(LabelMap)}
    if strange := sorted(found.keys() - known):
        raise DataSetError(
            f"Expected {', '.join(sorted(known))} and table in {where}, got {', '.join(strange)}. "
            "Rename or remove it."
        )
    pairs = {name: _pairs(found, name, where) for name in ("columns", "classes", "folders")}
    if strange := sorted({name for name, _ in pairs["columns"]} - set(COLUMNS)):
        raise DataSetError(
            f"Expected columns called {', '.join(COLUMNS)} in {where}, got {', '.join(strange)}."
        )
    readers = str(found.get("readers", "majority"))
    if readers not in get_args(Readers):
        raise DataSetError(
            f"Expected readers = {', '.join(get_args(Readers))} in {where}, got {readers!r}."
        )
    return LabelMap(
        columns=pairs["columns"],
        classes=tuple((value, _target(one, where)) for value, one in pairs["classes"]),
        folders=tuple((value, _target(one, where)) for value, one in pairs["folders"]),
        separator=str(found.get("separator", "")),
        readers=readers,  # type: ignore[arg-type]  # checked above
    )


def _pairs(found: Mapping[str, Any], name: str, where: str) -> tuple[tuple[str, str], ...]:
    pairs = found.get(name, {})
    if not isinstance(pairs, dict) or any(isinstance(one, dict | list) for one in pairs.values()):
        raise DataSetError(f"Expected a table [{name}] of names and words in {where}.")
    return tuple((str(key), str(value)) for key, value in pairs.items())


def _target(text: str, where: str) -> str:
    word = class_key(text)
    if word not in TARGETS:
        raise DataSetError(
            f"Expected one of {', '.join(TARGETS)} as a class in {where}, got {text!r}."
        )
    return word


def _quoted(text: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def kept_labels(base: Path, settings: Settings | None = None) -> Labels | None:
    """The labels kept for the folder `base`, None where there are none. Raises DataSetError."""
    for path in (base / FILE, _elsewhere(base, settings or load_settings())):
        if path.is_file():
            return read_map(path)
    return None


def keep_labels(base: Path, labels: Labels, settings: Settings) -> Path:
    """Keep the labels for the folder: every command and screen reads them from then on.

    Returns where: beside the films, or in the cache where that folder cannot be written. Raises
    OSError where neither can.
    """
    elsewhere = _elsewhere(base, settings)
    try:
        write_map(labels, base / FILE)
    except OSError:
        write_map(labels, elsewhere)
        return elsewhere
    elsewhere.unlink(missing_ok=True)
    return base / FILE


def _elsewhere(base: Path, settings: Settings) -> Path:
    key = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:16]
    return settings.cache_dir / "mappings" / f"{key}.toml"
