"""The ledger that comes with a stranger's bundle: judged line by line, then joined to ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pneumo_core.bundle.archive import refused
from pneumo_core.bundle.store import ledger_path
from pneumo_core.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

WHAT = "a ledger of looks at test films"
_TEXTS = ("at", "version", "digest", "data", "split", "pneumo")


def checked_ledger(content: bytes) -> list[str]:
    """The lines of a ledger, each one look at a test split. Raises BundleError."""
    lines = content.decode("utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        try:
            whole = _is_look(json.loads(line))
        except (ValueError, RecursionError):
            whole = False
        if not whole:
            raise refused(WHAT, f"its line {number} is no look")
    return lines


def join_ledger(path: Path, lines: list[str]) -> None:
    """Add to the ledger of the bundle at `path` the looks that it lacks. Raises BundleError.

    Under the lock of those who write to it; nothing is ever taken out of it.
    """
    from filelock import FileLock, Timeout

    target = ledger_path(path)
    try:
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=10):
            old = target.read_text(encoding="utf-8") if target.is_file() else ""
            new = [line for line in lines if line not in old.splitlines()]
            with target.open("a", encoding="utf-8", newline="\n") as file:
                file.write("\n" if new and old and not old.endswith("\n") else "")
                file.writelines(f"{line}\n" for line in new)
    except (OSError, ValueError, Timeout) as error:
        raise BundleError(
            f"The model {path.name} is imported, but its ledger could not be joined to the one "
            "here: count the looks at its test films yourself."
        ) from error


def _is_look(entry: Any) -> bool:
    """As `pneumo_core.review.ledger` writes it: short texts, a count, figures or None."""
    if not isinstance(entry, dict) or entry.keys() != {*_TEXTS, "n", "figures"}:
        return False
    texts = all(
        isinstance(entry[key], str) and len(entry[key]) <= 64 and entry[key].isprintable()
        for key in _TEXTS
    )
    figures = entry["figures"]
    return (
        texts
        and type(entry["n"]) is int
        and isinstance(figures, dict)
        and all(value is None or isinstance(value, int | float) for value in figures.values())
    )
