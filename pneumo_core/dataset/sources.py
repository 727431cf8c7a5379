"""Where the films on the screen come from: which folders may be opened, and the one chosen last."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from pneumo_core.errors import DataSetError
from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from pneumo_core.config import Settings

Kind = Literal["folder", "zip", "kaggle", "synthetic"]


@dataclass(frozen=True)
class Source:
    """A folder of films that was chosen, what kind of source it is, and when (ISO 8601, UTC)."""

    kind: Kind
    path: Path
    chosen: str


def data_dir(settings: Settings) -> Path:
    """Where data sets that the program itself makes or downloads are kept."""
    return settings.cache_dir / "data"


def data_roots(settings: Settings) -> list[Path]:
    """The folders that are there of those that may be opened from the screen, with all inside."""
    roots = [root.resolve() for root in settings.data_roots]
    return sorted({root for root in roots if root.is_dir()})


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in one, by name: none hidden, no links, at most 500."""
    try:
        found = [one for one in folder.iterdir() if one.is_dir() and not one.is_symlink()]
    except OSError:
        return []
    return sorted(one for one in found if not one.name.startswith("."))[:500]


def check_folder(typed: str | Path, *, settings: Settings) -> Path:
    """The folder that a person typed, resolved: `~`, `..` and symbolic links followed.

    Raises DataSetError if it is no folder or leads out of the folders that may be opened:
    `settings.data_roots` and `data_dir`. Anything outside is neither listed nor mentioned.
    """
    text = str(typed).strip()
    if not text:
        raise DataSetError("Expected a folder of films, got nothing. Type where it is.")
    try:
        path = Path(text).expanduser().resolve()
        allowed = any(path.is_relative_to(root.resolve()) for root in _roots(settings))
        is_folder = allowed and path.is_dir()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, no such user, a NUL
        raise DataSetError(f"Expected a folder of films, got {text!r}. Check the path.") from error
    if not allowed:
        raise DataSetError(
            f"Expected a folder inside those that may be opened from here ({_in_words(settings)}); "
            f"{text} leads elsewhere. Move the films there, or name their folder in the variable "
            "PNEUMO_DATA_ROOTS and start the app again."
        )
    if not is_folder:
        what = f"{text}, which is a file" if path.exists() else f"{text}, where there is nothing"
        raise DataSetError(f"Expected a folder of films, got {what}. Check the path.")
    return path


def remember_source(kind: Kind, path: Path, *, settings: Settings) -> Source:
    """Keep this as the source chosen last, over restarts. Where it cannot be written, it is not."""
    source = Source(kind, path, datetime.now(UTC).isoformat(timespec="seconds"))
    target = _memory(settings)
    text = json.dumps({"kind": kind, "path": str(path), "chosen": source.chosen})
    with suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(target, text)
    return source


def remembered_source(*, settings: Settings) -> Source | None:
    """The source chosen last, if it is still there and may still be opened."""
    source = _remembered(settings)
    return None if source is None or _refusal(source, settings) else source


def why_not_remembered(*, settings: Settings) -> str:
    """In words, why the source chosen last is not opened again; "" where none was chosen."""
    source = _remembered(settings)
    return "" if source is None else _refusal(source, settings)


def _remembered(settings: Settings) -> Source | None:
    try:
        kept = json.loads(_memory(settings).read_text("utf-8"))
        source = Source(kept["kind"], Path(kept["path"]), str(kept["chosen"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return source if source.kind in get_args(Kind) else None


def _refusal(source: Source, settings: Settings) -> str:
    try:
        check_folder(source.path, settings=settings)
    except DataSetError as error:
        return str(error)
    return ""


def _memory(settings: Settings) -> Path:
    return settings.cache_dir / "source.json"


def _roots(settings: Settings) -> tuple[Path, ...]:
    return (*settings.data_roots, data_dir(settings))


def _in_words(settings: Settings) -> str:
    return ", ".join(map(str, data_roots(settings))) or "there is none"
