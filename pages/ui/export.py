"""The session's films as a CSV file."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from pneumo_core import DISCLAIMER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pages.ui.entry import Entry

COLUMNS = (
    "file",
    "status",
    "decision",
    "p_pneumonia",
    "p_bacterial",
    "p_viral",
    "threshold_low",
    "threshold_high",
    "gate",
    "message",
    "ms",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(entries: Iterable[Entry]) -> bytes:
    """UTF-8 CSV with the columns of `python -m pneumo_core predict`, a row a film.

    Probabilities are 0..1. The last line is the disclaimer, behind a "#". A text that a
    spreadsheet would run as a formula, as a file's name may be, gets an apostrophe before it.
    """
    out = io.StringIO(newline="")
    rows = csv.writer(out, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    rows.writerows([_plain(cell) for cell in _row(entry)] for entry in entries)
    rows.writerow([f"# {DISCLAIMER}"])
    return out.getvalue().encode("utf-8")


def _row(entry: Entry) -> list[object]:
    reading = entry.reading
    gate = "ok" if reading.gate_ok else " ".join(reading.gate_reasons)
    return [
        entry.name,
        reading.status,
        "" if reading.decision is None else str(reading.decision),
        _rounded(reading.p_pneumonia),
        _rounded(reading.p_bacterial),
        _rounded(reading.p_viral),
        reading.threshold_low,
        reading.threshold_high,
        gate,
        reading.message,
        round(reading.ms, 1),
    ]


def _rounded(p: float | None) -> float | str:
    return "" if p is None else round(p, 6)


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
