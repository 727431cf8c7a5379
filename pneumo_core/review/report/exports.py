"""Every table of a report as CSV and JSON."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.review.report.document import Report, Table

# What a spreadsheet would run as a formula, were a text to begin with it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: Report) -> dict[str, Any]:
    """The report's tables in plain numbers, ready for JSON; None where there is no number."""
    return {
        "title": report.title,
        "subtitle": report.subtitle,
        "badge": report.badge,
        "disclaimer": report.disclaimer,
        "tables": {table.name: list(table.records) for table in report.tables},
    }


def to_csv(table: Table) -> bytes:
    """One table as UTF-8 CSV, in plain numbers; empty where there is no number."""
    columns = list(dict.fromkeys(key for record in table.records for key in record))
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for record in table.records:
        writer.writerow([_cell(record.get(column)) for column in columns])
    return out.getvalue().encode("utf-8")


def write_tables(report: Report, folder: Path) -> list[Path]:
    """Write `<name>.csv` for each table into `folder`, which is made; the files written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in report.tables:
        path = folder / f"{table.name}.csv"
        path.write_bytes(to_csv(table))
        written.append(path)
    return written


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
