"""A report as one HTML file that needs nothing else, and its tables as CSV and JSON."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core.evaluation.report.document import Picture
from pneumo_core.formatting import render_page

if TYPE_CHECKING:
    from pneumo_core.evaluation.report.document import Block, Report, Section, Table


# A spreadsheet would run a text that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_html(report: Report) -> str:
    """The report as HTML for screen and print: no script, nothing loaded from elsewhere."""
    return render_page(
        Path(__file__).with_name("report.html.j2"),
        report=report,
        sections=[(section.title, _arranged(section)) for section in report.sections],
        base64=lambda content: b64encode(content).decode("ascii"),
    )


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


def _arranged(section: Section) -> list[tuple[str, Block | list[Picture]]]:
    """Each block with the name of its type; neighbouring half-width figures as "pictures"."""
    found: list[tuple[str, Block | list[Picture]]] = []
    halves: list[Picture] = []
    for block in section.blocks:
        if not (isinstance(block, Picture) and block.half):
            halves = []
            found.append((type(block).__name__, block))
        elif halves:
            halves.append(block)
        else:
            halves = [block]
            found.append(("pictures", halves))
    return found


def _cell(value: object) -> object:
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
