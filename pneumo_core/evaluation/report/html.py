"""A report as one HTML file that needs nothing else: style and figures are inside."""

from __future__ import annotations

import csv
import io
from base64 import b64encode
from html import escape
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from pneumo_core.evaluation.report.document import Picture, Table, Tiles, Words
from pneumo_core.palette import WARNING_GROUND, css_variables

if TYPE_CHECKING:
    from pathlib import Path

    from pneumo_core.evaluation.report.document import Block, Report, Section


def to_html(report: Report) -> str:
    """The report as HTML: no script, nothing loaded from elsewhere, to be printed as it is."""
    colours = f"{css_variables(dark=False)} --warning: {WARNING_GROUND};"
    rules = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    style = f":root {{ {colours} }}\n{rules}"
    contents = "".join(
        f'<a href="#s{i}">{escape(section.title)}</a>' for i, section in enumerate(report.sections)
    )
    body = "".join(_section(i, section) for i, section in enumerate(report.sections))
    return (
        "<!doctype html>\n"
        '<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{style}</style></head><body>"
        f"<header><h1>{escape(report.title)}</h1><p>{escape(report.subtitle)}</p>"
        f'<p class="badge {report.badge_kind}">{escape(report.badge)}</p>'
        f"<nav>{contents}</nav></header>"
        f"<main>{body}</main>"
        f"<footer>{escape(report.disclaimer)}</footer></body></html>\n"
    )


def _section(number: int, section: Section) -> str:
    blocks, waiting = [], ""
    for block in section.blocks:
        drawn = _block(block)
        if isinstance(block, Picture) and block.half:
            # Two halves stand side by side where there is room.
            waiting += drawn
            continue
        blocks += [f'<div class="pair">{waiting}</div>'] if waiting else []
        blocks.append(drawn)
        waiting = ""
    blocks += [f'<div class="pair">{waiting}</div>'] if waiting else []
    return f'<section id="s{number}"><h2>{escape(section.title)}</h2>{"".join(blocks)}</section>'


def _block(block: Block) -> str:
    if isinstance(block, Words):
        return f'<p class="{block.kind}">{escape(block.text)}</p>'
    if isinstance(block, Tiles):
        tiles = "".join(
            f"<div><span>{escape(tile.name)}</span><strong>{escape(tile.value)}</strong>"
            f"<small>{escape(tile.detail)}</small></div>"
            for tile in block.tiles
        )
        return f'<div class="tiles">{tiles}</div>'
    if isinstance(block, Picture):
        return _picture(block)
    return _table(block)


def _picture(picture: Picture) -> str:
    # As an image, not inline: the parts of one drawing cannot be taken for those of another.
    data = b64encode(picture.svg).decode("ascii")
    kind = "half" if picture.half else "whole"
    return (
        f'<figure class="{kind}"><h3>{escape(picture.title)}</h3>'
        f'<img alt="{escape(picture.alt)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=wide' if i in table.wide else ''}>{escape(cell)}</td>"
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in table.rows
    )
    note = f'<p class="small">{escape(table.note)}</p>' if table.note else ""
    return (
        f'<h3>{escape(table.title)}</h3><div class="scroll"><table id="{escape(table.name)}">'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{note}"
    )


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
