"""A report as PDF: A4 pages with its disclaimer and its badge at the foot of each."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from pneumo_core import palette
from pneumo_core.evaluation.report.document import Picture, Table, Tiles, Words

if TYPE_CHECKING:
    from pneumo_core.evaluation.report.document import Block, Report, Section


INK, GREY, LINE, SOFT, ACCENT, WHITE = (
    colour.light
    for colour in (
        palette.INK,
        palette.QUIET,
        palette.RULE,
        palette.RAISED,
        palette.ACCENT,
        palette.GROUND,
    )
)
BADGES = {
    "test": palette.NORMAL.light,
    "validation": palette.REFER.light,
    "training": palette.PNEUMONIA.light,
    "other": GREY,
    "drawn": palette.PNEUMONIA.light,
}
FONT, BOLD = "DejaVuSans", "DejaVuSans-Bold"


@cache
def register_fonts() -> None:
    """Register the fonts that matplotlib brings: they have every sign that a report uses."""
    import matplotlib as mpl
    from reportlab.pdfbase.pdfmetrics import registerFont
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for name in (FONT, BOLD):
        registerFont(TTFont(name, folder / f"{name}.ttf"))


def paragraph_styles() -> dict[str, Any]:
    """Paragraph styles by name."""
    from reportlab.lib.styles import ParagraphStyle

    def style(name: str, size: float, **more: Any) -> Any:
        usual = {"fontName": FONT, "textColor": INK, "leading": size * 1.4}
        return ParagraphStyle(name, fontSize=size, **{**usual, **more})

    return {
        "title": style("title", 18, fontName=BOLD),
        "h2": style("h2", 13, fontName=BOLD, spaceBefore=14, spaceAfter=5, textColor=ACCENT),
        "h3": style("h3", 9.5, fontName=BOLD, spaceBefore=8, spaceAfter=4),
        "text": style("text", 9, spaceAfter=4),
        "warning": style(
            "warning",
            9,
            backColor=palette.WARNING_GROUND,
            borderPadding=5,
            spaceBefore=8,
            spaceAfter=10,
            leftIndent=5,
            rightIndent=5,
        ),
        "small": style("small", 7.5, textColor=GREY, spaceAfter=3),
        "tiny": style("tiny", 6.5, textColor=GREY),
        "big": style("big", 14, fontName=BOLD),
        "cell": style("cell", 8, leading=10.4),
        "head": style("head", 8, fontName=BOLD, textColor=GREY),
        "badge": style("badge", 8.5, fontName=BOLD, textColor=WHITE),
    }


def widths(table: Table, width: float) -> list[float]:
    """Columns as wide as their longest word and as much of their text as there is room for."""
    from reportlab.pdfbase.pdfmetrics import stringWidth

    def measured(text: str, font: str) -> float:
        return float(stringWidth(text, font, 8)) + 8

    columns = [
        [measured(name, BOLD), *(measured(row[i], FONT) for row in table.rows)]
        for i, name in enumerate(table.columns)
    ]
    wanted = [max(column) for column in columns]
    spare = width - sum(wanted)
    if spare >= 0:
        return [each + spare / len(wanted) for each in wanted]
    # What is wide shares, by the roots of its lengths, what the narrow columns leave.
    wide = table.wide or (wanted.index(max(wanted)),)
    narrow = {i: min(each, width / 4) for i, each in enumerate(wanted) if i not in wide}
    longest = max((word for i in wide for word in table.columns[i].split()), key=len)
    left = max(width - sum(narrow.values()), 1.4 * measured(longest, BOLD) * len(wide))
    roots = {i: wanted[i] ** 0.5 for i in wide}
    found = [
        narrow.get(i, left * roots.get(i, 0) / sum(roots.values())) for i in range(len(wanted))
    ]
    return [each * width / sum(found) for each in found]


MARGIN = 50.0  # points, 1/72 inch
PADDING = 6.0  # of the frame that a page is filled into, inside its margins
MOST_IN_CELL = 1200  # characters


def to_pdf(report: Report) -> bytes:
    """The report as PDF, its fonts inside; the same report gives the same bytes."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import (
        HRFlowable,
        Paragraph,
        SimpleDocTemplate,
        Spacer,
    )

    register_fonts()
    styles = paragraph_styles()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN - PADDING,
        rightMargin=MARGIN - PADDING,
        topMargin=MARGIN,
        bottomMargin=MARGIN + 18,
        title=report.title,
        author="Pneumo",
        subject=report.subtitle,
        invariant=1,
    )
    width = document.width - 2 * PADDING
    story: list[Any] = [
        Paragraph(escape(report.title), styles["title"]),
        Paragraph(escape(report.subtitle), styles["small"]),
        Spacer(1, 6),
        _badge(report, styles),
        Spacer(1, 4),
        HRFlowable(width="100%", thickness=1.2, color=ACCENT, spaceAfter=4),
    ]
    for section in report.sections:
        story += _section(section, styles, width)
    foot = _foot(report)
    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def _section(section: Section, styles: dict[str, Any], width: float) -> list[Any]:
    from reportlab.platypus import CondPageBreak, Paragraph

    # A heading does not stand alone at the foot of a page.
    room = 330 if isinstance(section.blocks[0], Picture) else 150
    found: list[Any] = [CondPageBreak(room), Paragraph(escape(section.title), styles["h2"])]
    halves: list[Picture] = []
    for block in section.blocks:
        if isinstance(block, Picture) and block.half:
            halves.append(block)
            continue
        found += _pairs(halves, styles, width)
        halves = []
        found += _block(block, styles, width)
    return [*found, *_pairs(halves, styles, width)]


def _block(block: Block, styles: dict[str, Any], width: float) -> list[Any]:
    from reportlab.platypus import KeepTogether, Paragraph

    if isinstance(block, Words):
        return [Paragraph(escape(block.text), styles[block.kind])]
    if isinstance(block, Tiles):
        return [_tiles(block, styles, width)]
    if isinstance(block, Picture):
        return [KeepTogether(_picture(block, styles, width))]
    return table_flowables(block, styles, width)


def _pairs(pictures: list[Picture], styles: dict[str, Any], width: float) -> list[Any]:
    """Half-width figures two by two."""
    from reportlab.platypus import Table as Grid

    rows = [pictures[i : i + 2] for i in range(0, len(pictures), 2)]
    half = width / 2
    return [
        Grid(
            [[_picture(one, styles, half - 12) for one in row]],
            colWidths=[half] * len(row),
            hAlign="LEFT",
            style=[("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)],
        )
        for row in rows
    ]


def _picture(picture: Picture, styles: dict[str, Any], width: float) -> list[Any]:
    from reportlab.platypus import Image, Paragraph

    return [
        Paragraph(escape(picture.title), styles["h3"]),
        Image(io.BytesIO(picture.png), width=width, height=width / picture.aspect),
        Paragraph(escape(picture.caption), styles["small"]),
    ]


def _tiles(block: Tiles, styles: dict[str, Any], width: float) -> Any:
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    cells = [
        [
            Paragraph(escape(tile.name), styles["small"]),
            Paragraph(escape(tile.value), styles["big"]),
            Paragraph(escape(tile.detail), styles["tiny"]),
        ]
        for tile in block.tiles
    ]
    style: list[Any] = [
        ("BACKGROUND", (0, 0), (-1, -1), SOFT),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LINEAFTER", (0, 0), (-2, -1), 4, WHITE),
        ("TOPPADDING", (0, 0), (-1, -1), 6),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 6),
    ]
    return Grid(
        [cells],
        hAlign="LEFT",
        colWidths=[width / len(cells)] * len(cells),
        style=style,
        spaceBefore=6,
        spaceAfter=6,
    )


def table_flowables(table: Table, styles: dict[str, Any], width: float) -> list[Any]:
    """A table with its title and note; its head is repeated on every page."""
    from reportlab.platypus import CondPageBreak, Paragraph
    from reportlab.platypus import Table as Grid

    body = [[Paragraph(escape(_cut(cell)), styles["cell"]) for cell in row] for row in table.rows]
    head = [Paragraph(escape(name), styles["head"]) for name in table.columns]
    style: list[Any] = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("LINEBELOW", (0, 0), (-1, 0), 0.8, GREY),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    grid = Grid(
        [head, *body], colWidths=widths(table, width), repeatRows=1, style=style, hAlign="LEFT"
    )
    note = [Paragraph(escape(table.note), styles["small"])] if table.note else []
    return [CondPageBreak(90), Paragraph(escape(table.title), styles["h3"]), grid, *note]


def _cut(text: str) -> str:
    """A row of a table cannot go over two pages: what is longer than any needs to be is cut."""
    return text if len(text) <= MOST_IN_CELL else f"{text[:MOST_IN_CELL]}… (cut; the HTML has all)"


def _badge(report: Report, styles: dict[str, Any]) -> Any:
    from reportlab.pdfbase.pdfmetrics import stringWidth
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    style: list[Any] = [
        ("BACKGROUND", (0, 0), (-1, -1), BADGES[report.badge_kind]),
        ("ROUNDEDCORNERS", [6, 6, 6, 6]),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
    ]
    wide = stringWidth(report.badge, BOLD, 8.5) + 16
    text = Paragraph(escape(report.badge), styles["badge"])
    return Grid([[text]], colWidths=[wide], style=style, hAlign="LEFT")


def _foot(report: Report) -> Any:
    """Disclaimer, what the figures may be called, and page number at the foot of every page."""
    from reportlab.lib.utils import simpleSplit

    def draw(canvas: Any, document: Any) -> None:
        canvas.saveState()
        canvas.setStrokeColor(LINE)
        canvas.line(MARGIN, MARGIN + 8, document.pagesize[0] - MARGIN, MARGIN + 8)
        canvas.setFillColor(GREY)
        canvas.setFont(FONT, 7)
        room = document.width - 52
        lines = [*simpleSplit(report.disclaimer, FONT, 7, room)[:3], report.badge]
        for i, line in enumerate(lines):
            canvas.drawString(MARGIN, MARGIN - 2 - 9 * i, line)
        right = document.pagesize[0] - MARGIN
        canvas.drawRightString(right, MARGIN - 2, f"{canvas.getPageNumber()}")
        canvas.restoreState()

    return draw
