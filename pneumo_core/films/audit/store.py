"""Results of an audit, kept beside the catalogue they were made of."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.storage import write_atomic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pneumo_core.dataset.catalogue import Catalogue

NAMES = ("integrity", "shortcuts")


def kept(
    catalogue: Catalogue, name: str, make: Callable[[], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """The rows that `make` gives, read from the catalogue's folder where they are kept already.

    Kept by the catalogue's key and by this package's source: no other code's words are shown.
    """
    path = _path(catalogue, name)
    with suppress(OSError, ValueError):
        rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))
        return rows
    rows = make()
    with suppress(OSError):  # not kept, then: it costs time only
        for older in catalogue.folder.glob(f"{name}-*.json"):
            older.unlink(missing_ok=True)
        write_atomic(path, json.dumps(rows))
    return rows


def audit_ready(catalogue: Catalogue) -> bool:
    """Whether the findings and the shortcuts of `catalogue` are there at once."""
    return all(_path(catalogue, name).exists() for name in NAMES)


def _path(catalogue: Catalogue, name: str) -> Path:
    return catalogue.folder / f"{name}-{_code()}.json"


@cache
def _code() -> str:
    """12 hexadecimal digits that change with any file of this package."""
    told = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        told.update(path.read_bytes())
    return told.hexdigest()[:12]
