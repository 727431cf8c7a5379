"""The ledger of a model: every look at a test split, so that nobody looks until it fits.

`<models_dir>/<name>.ledger.jsonl` lies beside the bundle, whose own hashes stay valid; one JSON
object a line, in the order of the looks. Nothing is ever taken out of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pneumo_core import __version__
from pneumo_core.bundle.registry import ledger_path
from pneumo_core.formatting import finite

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pneumo_core.bundle import Bundle

FIGURES = (
    *("auc", "auc_low", "auc_high", "accuracy", "accuracy_low", "accuracy_high"),
    *("sensitivity", "sensitivity_low", "sensitivity_high"),
    *("specificity", "specificity_low", "specificity_high", "threshold", "brier", "ece"),
)


@dataclass(frozen=True)
class Look:
    """One look at a test split.

    at: UTC, ISO 8601; version, digest: of the bundle then; data: hash of the films, whatever they
    are called; figures: those of `evaluate`, NaN as None.
    """

    at: str
    version: str
    digest: str
    data: str
    split: str
    n: int
    figures: dict[str, Any]
    pneumo: str


def data_hash(sha256: Iterable[str]) -> str:
    """What films these are: 16 hexadecimal digits over their hashes, in whatever order."""
    return hashlib.sha256("\n".join(sorted(sha256)).encode()).hexdigest()[:16]


def looks(bundle: Bundle, data: str | None = None) -> list[Look]:
    """All looks at test films, oldest first; at those of the hash `data` only, where given.

    A line that is no look, as after a full disk, is passed over.
    """
    try:
        lines = ledger_path(bundle.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = [look for look in map(_parse, lines) if look is not None]
    return [look for look in found if data in (None, look.data)]


def record(bundle: Bundle, *, data: str, split: str, figures: dict[str, Any]) -> str:
    """Add a look to the ledger; "" on success, else a sentence that tells why it is not there.

    Several processes may do so at once. A folder that cannot be written is no failure of the
    evaluation, and is told.
    """
    from filelock import FileLock, Timeout

    look = Look(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=bundle.version,
        digest=bundle.digest[:16],
        data=data,
        split=split,
        n=int(figures["n"]),
        figures={name: finite(figures[name]) for name in FIGURES},
        pneumo=__version__,
    )
    path = ledger_path(bundle.path)
    try:
        with FileLock(path.with_name(f".{path.name}.lock"), timeout=10):
            _append(path, json.dumps(asdict(look), allow_nan=False))
    except (OSError, Timeout) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is in use"
        return (
            f"This look at the test films could not be written to the ledger of {bundle.name} "
            f"({reason}): count it yourself."
        )
    return ""


def _append(path: Path, line: str) -> None:
    with path.open("ab+") as file:
        # After a write that was cut short the next line starts anew.
        broken = ""
        if file.tell():
            file.seek(-1, os.SEEK_END)
            broken = "" if file.read(1) == b"\n" else "\n"
        file.write(f"{broken}{line}\n".encode())
        file.flush()
        os.fsync(file.fileno())


def _parse(line: str) -> Look | None:
    try:
        entry = json.loads(line)
        look = Look(**{field.name: entry[field.name] for field in fields(Look)})
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (look.at, look.version, look.digest, look.data, look.split, look.pneumo)
    whole = all(isinstance(text, str) for text in texts) and type(look.n) is int
    if not whole or not isinstance(look.figures, dict):
        return None
    told = look.figures.values()
    return look if all(one is None or isinstance(one, int | float) for one in told) else None
