"""Readings as rows: what `predict` prints and what is downloaded as CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumo_core.formatting import breakable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumo_core.imaging.lungs import Box, Lungs
    from pneumo_core.inference.predict import Reading

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
# What a table adds, since it may be read without the page or the call that made it.
AFTER = ("p_low", "p_high", "model", "disclaimer")
# What a spreadsheet would run as a formula, were a text to begin with it, also in full width and
# after blanks; and in what another locale takes for the next cell or line.
_OPERATOR = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_BLANKS = "[\\s\ufeff\u200b]*"
_FORMULA = re.compile(f"{_BLANKS}{_OPERATOR}|[\\t\\r]")
_LATER_FORMULA = re.compile(f"([;,\\t\\r\\n|]{_BLANKS})({_OPERATOR})")


def as_row(name: str, reading: Reading) -> dict[str, Any]:
    """The reading of the file called `name`, by COLUMNS and AFTER.

    Probabilities are 0..1 or None; the range is that of p_pneumonia when the film is mirrored,
    cropped or shifted.
    """
    return {
        "file": name,
        "status": reading.status,
        "decision": reading.decision.value if reading.decision else None,
        "p_pneumonia": _rounded(reading.p_pneumonia),
        "p_bacterial": _rounded(reading.p_bacterial),
        "p_viral": _rounded(reading.p_viral),
        "threshold_low": reading.threshold_low,
        "threshold_high": reading.threshold_high,
        "gate": {"ok": reading.gate_ok, "reasons": list(reading.gate_reasons)},
        "message": reading.message,
        "ms": round(reading.ms, 1),
        "p_low": _rounded(reading.p_low),
        "p_high": _rounded(reading.p_high),
        "model": reading.bundle,
        "disclaimer": reading.disclaimer,
        "lungs": _lungs(reading.lungs),
    }


def _lungs(lungs: Lungs | None) -> dict[str, Any] | None:
    """The lungs found, boxes in pixels of the film; None without a lung finder."""
    if lungs is None:
        return None
    placed = lungs.found and not lungs.quarters  # those of a turned film are of the film set right
    return {
        "found": lungs.found,
        "right": _box(lungs.right) if placed else None,
        "left": _box(lungs.left) if placed else None,
        "cut_off": list(lungs.cut_off) if placed else [],
    }


def _box(box: Box | None) -> dict[str, float] | None:
    return None if box is None else {name: round(at, 1) for name, at in asdict(box).items()}


def to_csv(
    rows: Iterable[dict[str, Any]], *, extra: Sequence[str] = (), head: bool = True
) -> bytes:
    """UTF-8 CSV of rows made by `as_row`, ending with range, model, disclaimer and the `extra`
    columns that the rows have.

    The image check ("gate") is "ok", or begins with "doubtful:" (read, but out of distribution) or
    "rejected:" and the reasons; of a file that could not be opened it is empty. A text that a
    spreadsheet would run as a formula gets an apostrophe before it. Without `head`: rows alone.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    columns = (*COLUMNS, *AFTER, *extra)
    if head:
        writer.writerow(columns)
    for row in rows:
        cells = {**row, "gate": _gate(row)}
        writer.writerow([spreadsheet_cell(cells[column]) for column in columns])
    # The name of a file need not be Unicode: what is not is written as its number.
    return out.getvalue().encode("utf-8", "backslashreplace")


def flat_cells(row: dict[str, Any]) -> dict[str, Any]:
    """A row made by `as_row` with one value a column, those of `to_csv`; numbers stay numbers."""
    cells = {**row, "gate": _gate(row), "message": breakable(row["message"])}
    return {name: cells[name] for name in (*COLUMNS, *AFTER)}


def _gate(row: dict[str, Any]) -> str:
    """The image check in a cell; a table can be filtered by its first word."""
    if row["gate"]["ok"]:
        return "ok"
    if row["status"] == "error":
        return ""
    kind = "doubtful" if row["status"] == "ok" else "rejected"
    return f"{kind}: {' '.join(row['gate']['reasons']) or row['message']}"


def _rounded(p: float | None) -> float | None:
    return None if p is None else round(p, 6)


def spreadsheet_cell(cell: object) -> object:
    """A cell of a CSV file: "" for None; what a spreadsheet would run as a formula is quoted."""
    if cell is None:
        return ""
    if not isinstance(cell, str):
        return cell
    cell = breakable(cell)
    found = _FORMULA.match(cell)
    begins = found.end() if found else 0
    return ("'" if found else "") + cell[:begins] + _LATER_FORMULA.sub(r"\1'\2", cell[begins:])
