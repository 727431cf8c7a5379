"""A worklist to take away: one PDF, one ZIP, one CSV."""

from __future__ import annotations

import io
import re
import zipfile
from functools import partial
from typing import TYPE_CHECKING, Any

from pneumo_core.evaluation.report.document import Table
from pneumo_core.evaluation.report.pdf import paragraph_styles, register_fonts, table_flowables
from pneumo_core.formatting import count, per_cent, per_cent_range
from pneumo_core.inference.table import as_row
from pneumo_core.inference.table import to_csv as predictions_csv
from pneumo_core.progress import Progress, silent
from pneumo_core.readings.film_report import outcome_words, verdict_words
from pneumo_core.readings.report import build_pdf, film_page, film_pdf, text_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pneumo_core.readings.film_report import FilmReport

_MORE_COLUMNS = (  # of the worklist as CSV
    *("sha256", "at", "digest", "reader", "agreement", "finding", "confidence", "note"),
)
_UNSAFE = re.compile(r"[^\w.-]+")


def worklist_pdf(reports: Sequence[FilmReport], *, progress: Progress = silent) -> bytes:
    """A table of all films, then a page for each. Raises ValueError on no film.

    `progress` receives the phase "page" as the pages are drawn: some 0.1 s each.
    """
    if not reports:
        raise ValueError("Expected at least one film for the worklist, got none.")
    disclaimers = dict.fromkeys(report.reading.disclaimer for report in reports)
    pages = [
        film_page(report, partial(progress, "page", i, len(reports)))
        for i, report in enumerate(reports, 1)
    ]
    return build_pdf([_overview(reports), *pages], " ".join(disclaimers))


def worklist_zip(reports: Sequence[FilmReport], *, progress: Progress = silent) -> bytes:
    """A ZIP of `worklist.pdf`, `worklist.csv` and a PDF for each film, numbered in their order.

    Raises ValueError on no film. `progress` as in `worklist_pdf`, over the pages of both.
    """
    n, out = len(reports), io.BytesIO()

    def first_half(phase: str, done: int, _total: int, message: str = "") -> None:
        progress(phase, done, 2 * n, message)

    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:

        def put(name: str, content: bytes) -> None:
            # A fixed time: the same reports give the same bytes.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)

        put("worklist.pdf", worklist_pdf(reports, progress=first_half))
        put("worklist.csv", worklist_csv(reports))
        for i, report in enumerate(reports, 1):
            put(f"films/{i:03d}-{file_stem(report)}.pdf", film_pdf(report))
            progress("page", n + i, 2 * n)
    return out.getvalue()


def worklist_csv(reports: Iterable[FilmReport]) -> bytes:
    """The worklist as CSV: the columns of `predict --csv`, then hash, date and verdict.

    Numbers have three decimals; the column `file` holds the label, or the film's hash.
    """
    rows = []
    for report in reports:
        row = as_row(report.name, report.reading)
        row |= {k: round(v, 3) for k, v in row.items() if isinstance(v, float)}
        verdict = report.verdict
        row |= {
            "sha256": report.reading.facts.sha256 if report.reading.facts else report.sha256,
            "at": report.at.isoformat(timespec="seconds"),
            "digest": report.digest[:16],
            "reader": verdict.reader if verdict else None,
            "agreement": verdict.agreement if verdict else None,
            "finding": verdict.finding if verdict else None,
            "confidence": verdict.confidence if verdict else None,
            "note": verdict.note if verdict else None,
        }
        rows.append(row)
    return predictions_csv(rows, extra=_MORE_COLUMNS)


def file_stem(report: FilmReport) -> str:
    """A file name for the report of a film: its label made harmless, or its hash."""
    return _UNSAFE.sub("-", report.name).strip("-.")[:60] or "film"


def _overview(reports: Sequence[FilmReport]) -> list[Any]:
    """The first pages of a worklist: a line a film."""
    from reportlab.platypus import Paragraph

    register_fonts()
    styles = paragraph_styles()
    rows = []
    for i, report in enumerate(reports, 1):
        reading, verdict = report.reading, report.verdict
        shown = ""
        if reading.gate_ok and reading.p_pneumonia is not None:
            span = per_cent_range(reading.p_low or 0.0, reading.p_high or 0.0)
            shown = f"{per_cent(reading.p_pneumonia)} ({span})"
        said = verdict_words(verdict) if verdict else ""
        rows.append((f"{i}", report.name, outcome_words(reading), shown, said))
    table = Table(
        name="worklist",
        title=count(len(reports), "films"),
        columns=("no.", "film", "outcome", "probability (range)", "reader"),
        rows=tuple(rows),
        records=(),
        note="Probability of pneumonia, with its range when mirrored, cropped or shifted.",
        wide=(1, 2, 4),
    )
    times = sorted(f"{report.at:%Y-%m-%d %H:%M}" for report in reports)
    span = " to ".join(dict.fromkeys((times[0], times[-1])))
    return [
        Paragraph("Worklist: readings by a model", styles["title"]),
        Paragraph(f"Read {span} UTC", styles["small"]),
        *table_flowables(table, styles, text_width()),
    ]
