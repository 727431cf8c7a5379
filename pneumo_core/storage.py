"""Small files that appear whole or not at all, and the JSON in them."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

_TRIES, _SECONDS_BETWEEN_TRIES = 5, 0.02


def write_atomic(path: Path, content: bytes | str, *, errors: str = "strict") -> None:
    """Write `content` (text as UTF-8) to `path`; readers see the old file or the new one.

    errors: what to do with text that UTF-8 cannot encode, as in `str.encode`. Raises OSError where
    the file cannot be written; nothing is left of it then.
    """
    data = content.encode("utf-8", errors) if isinstance(content, str) else content
    # Several processes, and several sessions of one process, may write the same file.
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        partial.write_bytes(data)
        _put(partial, path)
    finally:
        with suppress(OSError):  # a folder that cannot be written: the error above says so
            partial.unlink(missing_ok=True)


def _put(partial: Path, path: Path) -> None:
    """Move a file over another. Windows refuses while somebody reads that one: for a moment."""
    for _ in range(_TRIES - 1):
        try:
            partial.replace(path)
        except PermissionError:
            time.sleep(_SECONDS_BETWEEN_TRIES)
        else:
            return
    partial.replace(path)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object; readers see the old one or the new one, never half. Raises OSError."""
    write_atomic(path, json.dumps(content, indent=1) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object at `path`; {} if it is missing or damaged."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def utc_now() -> str:
    """This moment, ISO 8601, UTC, to the microsecond; as texts, in the order of time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
