"""Test log of a model: every evaluation on a test split, so that repeated testing shows.

`<models_dir>/<name>.ledger.jsonl` is beside the bundle, whose own hashes stay valid; one JSON
object a line, oldest first. Entries are never removed.
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
class LoggedEvaluation:
    """One evaluation on a test split.

    at: UTC, ISO 8601; version, digest: of the bundle then; data: hash of the films, whatever their
    names; figures: those of `evaluate`, NaN as None.
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
    """Identity of a set of films: 16 hexadecimal digits over their hashes, in any order."""
    return hashlib.sha256("\n".join(sorted(sha256)).encode()).hexdigest()[:16]


def logged_evaluations(bundle: Bundle, data: str | None = None) -> list[LoggedEvaluation]:
    """All logged evaluations, oldest first; of the films with the hash `data` only, where given.

    A damaged line, as after a full disk, is skipped.
    """
    try:
        lines = ledger_path(bundle.path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = [entry for entry in map(_parse, lines) if entry is not None]
    return [entry for entry in found if data in (None, entry.data)]


def record(bundle: Bundle, *, data: str, split: str, figures: dict[str, Any]) -> str:
    """Add an evaluation to the log; "" on success, else a sentence that says why it is missing.

    Safe for several processes at once. A folder that cannot be written does not fail the
    evaluation.
    """
    from filelock import FileLock, Timeout

    entry = LoggedEvaluation(
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
            _append(path, json.dumps(asdict(entry), allow_nan=False))
    except (OSError, Timeout) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is in use"
        return (
            f"This evaluation could not be written to the test log of {bundle.name} ({reason}): "
            "keep your own record of it."
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


def _parse(line: str) -> LoggedEvaluation | None:
    try:
        row = json.loads(line)
        entry = LoggedEvaluation(
            **{field.name: row[field.name] for field in fields(LoggedEvaluation)}
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    texts = (entry.at, entry.version, entry.digest, entry.data, entry.split, entry.pneumo)
    whole = all(isinstance(text, str) for text in texts) and type(entry.n) is int
    if not whole or not isinstance(entry.figures, dict):
        return None
    numbers = all(one is None or isinstance(one, int | float) for one in entry.figures.values())
    return entry if numbers else None
