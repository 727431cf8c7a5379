"""A film as a page to print: film and overlay, decision, scale, verdict, room for a signature."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from pneumo_core import palette
from pneumo_core.evaluation.report.pdf import (
    BOLD,
    FONT,
    GREY,
    INK,
    LINE,
    MARGIN,
    WHITE,
    paragraph_styles,
    register_fonts,
)
from pneumo_core.formatting import capital, per_cent
from pneumo_core.imaging.decode import fit_to_side
from pneumo_core.inference.predict import Decision
from pneumo_core.readings.film_report import outcome_words, probability_words, verdict_words

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from pneumo_core.inference.predict import Reading
    from pneumo_core.readings.film_report import FilmReport

TITLE = "Chest radiograph: reading by a model"
MAP_CAPTION = "Where the model found its evidence; not where a lesion is."
NO_FILM = "The film is not kept in the log."
LIMIT_NOTE = (
    "Screening point: below it the model reports no sign of pneumonia. Ruling-in point: from it on "
    "it reports signs of pneumonia. Between them it refers the film to a radiologist."
)
_COLOURS = {
    Decision.NORMAL: palette.NORMAL.light,
    Decision.PNEUMONIA: palette.PNEUMONIA.light,
    Decision.REFER: palette.REFER.light,
}
_TALLEST = 265.0  # points, of the film on the page
_SIDE, _JPEG_QUALITY = 800, 85  # pixels: 240 an inch, as wide as it is printed


def film_pdf(report: FilmReport) -> bytes:
    """One A4 page on one film; the same report gives the same bytes."""
    return build_pdf([film_page(report)], report.reading.disclaimer)


def film_page(report: FilmReport, drawn: Callable[[], None] = lambda: None) -> list[Any]:
    """One film on one page, made when it is drawn and then dropped: a worklist may be long."""
    from reportlab.platypus import Flowable

    class Page(Flowable):
        content: Any = None

        def wrap(self, width: float, height: float) -> tuple[float, float]:
            self.content = _laid_out(report)
            found: tuple[float, float] = self.content.wrapOn(self.canv, width, height)
            return found

        def draw(self) -> None:
            self.content.drawOn(self.canv, 0, 0)
            self.content = None
            drawn()

    return [Page()]


def build_pdf(pages: list[list[Any]], disclaimer: str) -> bytes:
    """Pages, each a list of flowables, as PDF with the disclaimer at the foot of each."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import PageBreak, SimpleDocTemplate

    register_fonts()
    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN - 6,
        rightMargin=MARGIN - 6,
        topMargin=MARGIN - 14,
        bottomMargin=MARGIN + 4,
        title=TITLE,
        author="Pneumo",
        invariant=1,
    )
    story: list[Any] = []
    for page in pages:
        story += [*([PageBreak()] if story else []), *page]

    def foot(canvas: Any, _document: Any) -> None:
        _foot(canvas, disclaimer)

    document.build(story, onFirstPage=foot, onLaterPages=foot)
    return out.getvalue()


def text_width() -> float:
    """The width of a page between its margins, in points."""
    from reportlab.lib.pagesizes import A4

    return float(A4[0]) - 2 * MARGIN


def _foot(canvas: Any, disclaimer: str) -> None:
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.utils import simpleSplit

    canvas.saveState()
    canvas.setStrokeColor(LINE)
    canvas.line(MARGIN, MARGIN, A4[0] - MARGIN, MARGIN)
    canvas.setFillColor(INK)
    canvas.setFont(BOLD, 7)
    for i, line in enumerate(simpleSplit(disclaimer, BOLD, 7, A4[0] - 2 * MARGIN - 40)[:3]):
        canvas.drawString(MARGIN, MARGIN - 11 - 9 * i, line)
    canvas.setFont(FONT, 7)
    canvas.drawRightString(A4[0] - MARGIN, MARGIN - 11, f"{canvas.getPageNumber()}")
    canvas.restoreState()


def _laid_out(report: FilmReport) -> Any:
    """The page of a film, made smaller where a long note would not fit."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import KeepInFrame, Paragraph, Spacer

    register_fonts()
    styles, reading = paragraph_styles(), report.reading
    content: list[Any] = [
        Paragraph(TITLE, styles["title"]),
        Spacer(1, 3),
        Paragraph(escape(_subtitle(report)), styles["small"]),
        *(Paragraph(f"{escape(k)}: {escape(v)}", styles["text"]) for k, v in report.patient),
        Spacer(1, 4),
        _decision(reading, styles),
        Spacer(1, 5),
        _pictures(report, styles),
        *_scale(reading, styles),
        _facts(report, styles),
        *_verdicts(report, styles),
        *_signature(styles),
    ]
    room = float(A4[1]) - 2 * MARGIN - 4
    return KeepInFrame(text_width(), room, content, mode="shrink")


def _subtitle(report: FilmReport) -> str:
    label = f"{report.label} · " if report.label else ""
    film = f"film {report.film_hash} · " if report.film_hash else ""
    return f"{label}{film}read {report.at:%Y-%m-%d %H:%M} UTC"


def _decision(reading: Reading, styles: dict[str, Any]) -> Any:
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    colour = palette.UNREAD.light
    if reading.decision is not None and reading.gate_ok:
        colour = _COLOURS[reading.decision]
    head = Paragraph(
        f'<font color="{WHITE}">{escape(outcome_words(reading))}</font>', styles["big"]
    )
    rows = [[head], [Paragraph(escape(reading.message), styles["text"])]]
    style: list[Any] = [
        ("BACKGROUND", (0, 0), (0, 0), colour),
        ("BACKGROUND", (0, 1), (0, 1), palette.RAISED.light),
        ("LEFTPADDING", (0, 0), (-1, -1), 8),
        ("TOPPADDING", (0, 0), (-1, -1), 4),
        ("BOTTOMPADDING", (0, 0), (0, 0), 7),
    ]
    return Grid(rows, colWidths=[text_width()], style=style)


def _pictures(report: FilmReport, styles: dict[str, Any]) -> Any:
    """Film and overlay side by side, or a line that there is none."""
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    from pneumo_core.inference.saliency import overlay

    reading = report.reading
    if reading.pixels is None:
        return Paragraph(NO_FILM, styles["small"])
    half = (text_width() - 10) / 2
    cells = [[_picture(reading.pixels, half), Paragraph("The film.", styles["small"])]]
    if reading.cam is not None:
        mapped = overlay(reading.pixels, reading.cam)
        where = f" {capital(reading.where)}." if reading.where else ""
        words = Paragraph(f"{MAP_CAPTION}{escape(where)}", styles["small"])
        cells.append([_picture(mapped, half), words])
    style: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 0),
    ]
    return Grid([cells], colWidths=[half + 10, half][: len(cells)], style=style, hAlign="LEFT")


def _picture(pixels: NDArray[np.uint8], width: float) -> Any:
    from PIL import Image as Pillow
    from reportlab.platypus import Image

    file = io.BytesIO()
    Pillow.fromarray(fit_to_side(pixels, _SIDE)).save(file, "JPEG", quality=_JPEG_QUALITY)
    file.seek(0)
    height = width * pixels.shape[0] / pixels.shape[1]
    scale = min(1.0, _TALLEST / height)
    return Image(file, width * scale, height * scale, hAlign="LEFT")


def _scale(reading: Reading, styles: dict[str, Any]) -> list[Any]:
    """Probability and range on a drawn scale; apart and small where it is not to be relied on."""
    from reportlab.platypus import Paragraph, Spacer

    shown = probability_words(reading)
    if not shown:
        return [Spacer(1, 4)]
    if not reading.gate_ok:
        words = f"The network's output, not to be relied on for this film: {shown}."
        return [Paragraph(words, styles["tiny"]), Spacer(1, 4)]
    return [
        Paragraph(f"Probability of pneumonia: <b>{escape(shown)}</b>", styles["text"]),
        _drawn_scale(reading),
        Paragraph(LIMIT_NOTE, styles["small"]),
    ]


def _drawn_scale(reading: Reading) -> Any:
    """0 to 100 %: three zones, both operating points, the stability range, the film's mark."""
    from reportlab.graphics import shapes as module
    from reportlab.lib.colors import HexColor

    shapes: Any = module  # its type hints know too little
    width, base, high = text_width(), 32.0, 9.0
    p, low, top = (reading.p_pneumonia or 0.0, reading.p_low or 0.0, reading.p_high or 0.0)
    first, second = reading.threshold_low, reading.threshold_high
    drawing = shapes.Drawing(width, 54)
    zones = ((0.0, first, palette.NORMAL), (first, second, palette.REFER))
    for start, end, colour in (*zones, (second, 1.0, palette.PNEUMONIA)):
        drawing.add(
            shapes.Rect(
                start * width,
                base,
                (end - start) * width,
                high,
                fillColor=HexColor(colour.light),
                fillOpacity=0.35,
                strokeColor=None,
            )
        )
    for at, name in ((first, "screening"), (second, "ruling in")):
        drawing.add(
            shapes.Line(at * width, base - 4, at * width, base + high, strokeColor=HexColor(INK))
        )
        drawing.add(_text(f"{name} {per_cent(at)}", at, width, 19, shapes.String))
    span = (top - low) * width
    drawing.add(
        shapes.Rect(
            low * width, base + 3, max(span, 1), 3, fillColor=HexColor(INK), strokeColor=None
        )
    )
    x, above = p * width, base + high
    mark = [x, above + 1, x - 4, above + 8, x + 4, above + 8]
    drawing.add(shapes.Polygon(mark, fillColor=HexColor(INK), strokeColor=None))
    drawing.add(_text("0 %", 0.0, width, 8, shapes.String))
    drawing.add(_text("100 %", 1.0, width, 8, shapes.String))
    return drawing


def _text(words: str, at: float, width: float, y: float, kind: Any) -> Any:
    """A label centred at a share of the width, held at the ends."""
    from reportlab.lib.colors import HexColor
    from reportlab.pdfbase.pdfmetrics import stringWidth

    half = stringWidth(words, FONT, 7) / 2
    x = min(max(at * width, half), width - half)
    return kind(
        x, y, words, fontName=FONT, fontSize=7, textAnchor="middle", fillColor=HexColor(GREY)
    )


def _facts(report: FilmReport, styles: dict[str, Any]) -> Any:
    from reportlab.platypus import Paragraph
    from reportlab.platypus import Table as Grid

    reading = report.reading
    check = "passed" if reading.gate_ok else "failed"
    if reading.gate_reasons:
        check = f"{check}: {' '.join(reading.gate_reasons)}"
    rows = [("Image check", check)]
    if report.age:
        rows.append(("Age", report.age))
    if reading.inside_lungs is not None:
        rows.append(("Evidence inside the lungs", per_cent(reading.inside_lungs)))
    rows.append(("Model", report.model))
    cells = [[Paragraph(n, styles["head"]), Paragraph(escape(v), styles["cell"])] for n, v in rows]
    style: list[Any] = [
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("TOPPADDING", (0, 0), (-1, -1), 2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
    ]
    return Grid(cells, colWidths=[125, text_width() - 125], style=style, hAlign="LEFT")


def _verdicts(report: FilmReport, styles: dict[str, Any]) -> list[Any]:
    """What readers said; of a blinded reading both answers, before and after the model's."""
    from reportlab.platypus import Paragraph

    heading = Paragraph("Reader", styles["h3"])
    if not report.verdicts:
        return [heading, Paragraph("No verdict has been recorded.", styles["text"])]
    when = {"open": "", "before": " (before seeing the model)", "after": " (after seeing it)"}
    found: list[Any] = [heading]
    for verdict in report.verdicts:
        said = verdict_words(verdict) or "no finding"
        line = f"{verdict.reader or 'Reader without a name'}{when[verdict.phase]}: {said}"
        found.append(Paragraph(escape(f"{line}, {verdict.at:%Y-%m-%d %H:%M} UTC."), styles["text"]))
        if verdict.note:
            found.append(Paragraph(f"Note: {escape(verdict.note)}", styles["text"]))
    return found


def _signature(styles: dict[str, Any]) -> list[Any]:
    from reportlab.platypus import Paragraph, Spacer
    from reportlab.platypus import Table as Grid

    names = [Paragraph(name, styles["small"]) for name in ("Name", "Date", "Signature")]
    third = text_width() / 3
    style: list[Any] = [("LINEABOVE", (i, 0), (i, 0), 0.6, GREY) for i in range(3)]
    style += [("LEFTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 2)]
    return [Spacer(1, 34), Grid([names], colWidths=[third] * 3, style=style)]
