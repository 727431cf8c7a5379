"""How a PDF page looks: its fonts, its styles, its colours, how wide columns are."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumo_core.review.report.document import Table

INK, GREY, LINE, SOFT, ACCENT = "#1c1e20", "#5d6267", "#d5d8db", "#f4f5f6", "#1f6097"
BADGES = {
    "test": "#00695f",
    "validation": "#6736c4",
    "training": "#a84300",
    "other": GREY,
    "drawn": "#a84300",
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


def styles() -> dict[str, Any]:
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
            backColor="#fbf1ea",
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
        "badge": style("badge", 8.5, fontName=BOLD, textColor="#ffffff"),
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
