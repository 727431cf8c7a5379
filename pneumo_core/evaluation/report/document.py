"""The parts of a report; the report as one HTML file, its tables as CSV and JSON."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pneumo_core.formatting import render_page

if TYPE_CHECKING:
    from collections.abc import Mapping

Cell = str | float | int | None
# A spreadsheet would run a text that begins with one of these as a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Words:
    """A paragraph; a warning is set apart."""

    text: str
    kind: Literal["text", "warning", "small"] = "text"


@dataclass(frozen=True)
class Table:
    """A table: `rows` for reading, and the same in numbers for CSV and JSON.

    name: of its file; title: above it; note: below it; columns, rows: text; records: a dict a row
    with plain numbers, None where there is none; wide: columns (by number) that need the room.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    records: tuple[Mapping[str, Cell], ...]
    note: str = ""
    wide: tuple[int, ...] = ()


@dataclass(frozen=True)
class Picture:
    """A figure as SVG (for HTML) and PNG (for PDF); `aspect` is its width over its height.

    alt: what it shows, for those who do not see it; half: two of these fit side by side.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: bytes
    png: bytes
    aspect: float
    half: bool = False


@dataclass(frozen=True)
class Tile:
    """One headline figure: a name, its value, and its interval or what it is of."""

    name: str
    value: str
    detail: str


@dataclass(frozen=True)
class Tiles:
    """The headline in one row."""

    tiles: tuple[Tile, ...]


Block = Words | Table | Picture | Tiles


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Report:
    """A report; `badge` is the evidence level, `disclaimer` is on every page."""

    title: str
    subtitle: str
    badge: str
    badge_kind: Literal["validation", "training", "test", "other", "drawn"]
    disclaimer: str
    sections: tuple[Section, ...]

    @property
    def tables(self) -> list[Table]:
        """All tables, in order."""
        return [b for s in self.sections for b in s.blocks if isinstance(b, Table)]

    @property
    def pictures(self) -> list[Picture]:
        """All figures, in order."""
        return [b for s in self.sections for b in s.blocks if isinstance(b, Picture)]


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
