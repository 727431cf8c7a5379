"""What the report is written as: HTML, PDF, CSV and JSON."""

import csv
import io
import json
import re

from pneumo_core import DISCLAIMER
from pneumo_core.evaluation.report import as_json, to_html, to_pdf, write_tables
from pneumo_core.evaluation.report.document import Picture, Report, Section, Table, to_csv


def test_html_needs_nothing_else_and_runs_nothing(made):
    _, _, report = made
    page = to_html(report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; co" in page
    assert "&lt;b&gt;It knows little.&lt;/b&gt;" in page
    # Whatever is loaded or linked lies in the page itself.
    assert set(re.findall(r'(?:src|href)="([^",]{0,22})', page)) <= {
        "data:image/svg+xml;bas", *(f"#s{i}" for i in range(20)),
    }  # fmt: skip
    assert page.count("<img") == len(report.pictures)
    assert page.count('<img alt="') == len(report.pictures)
    assert page.count("<table") == len(report.tables)
    assert DISCLAIMER in page
    assert report.badge in page


def test_pdf_is_whole_and_the_same_each_time(made):
    _, _, report = made
    first = to_pdf(report)
    assert first.startswith(b"%PDF-")
    assert first.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b", first)) >= 6
    assert b"DejaVuSans" in first
    assert first == to_pdf(report)


def test_every_table_is_a_csv_file_of_plain_numbers(made, tmp_path):
    _, _, report = made
    written = write_tables(report, tmp_path / "tables")
    assert [path.name for path in written] == [f"{table.name}.csv" for table in report.tables]
    with (tmp_path / "tables" / "operating_points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["point"] for row in rows] == ["screening", "balanced", "ruling_in"]
    assert float(rows[1]["threshold"]) == 0.5
    assert float(rows[1]["specificity_low"]) < float(rows[1]["specificity"])


def test_json_holds_the_same_tables_and_no_nan(made):
    found = json.loads(json.dumps(as_json(made[2]), allow_nan=False))
    assert set(found["tables"]) == {table.name for table in made[2].tables}
    assert found["tables"]["looks"][0]["specificity"] is None


def test_a_cell_that_a_spreadsheet_would_run_is_made_text():
    records = ({"film": "=HYPERLINK(1)", "p": -0.5, "none": None}, {"film": "a", "other": 1})
    table = Table("t", "T", ("film",), (("x",),), records)
    rows = list(csv.reader(io.StringIO(to_csv(table).decode())))
    assert rows == [
        ["film", "p", "none", "other"],
        ["'=HYPERLINK(1)", "-0.5", "", ""],
        ["a", "", "", "1"],
    ]


def test_a_long_report_breaks_over_pages():
    rows = tuple((str(i), "word " * 60) for i in range(80))
    table = Table("t", "T", ("n", "text"), rows, (), wide=(1,))
    report = Report("T", "s", "b", "other", "d " * 200, (Section("S", (table,)),))
    assert len(re.findall(rb"/Type /Page\b", to_pdf(report))) > 3


def test_a_cell_that_no_page_could_hold_is_cut_and_says_so():
    rows = (("1", "word " * 9000),)
    table = Table("t", "T", ("n", "text"), rows, (), wide=(1,))
    report = Report("T", "s", "b", "other", "d", (Section("S", (table,)),))
    assert to_pdf(report).startswith(b"%PDF-")
    assert "word " * 8000 in to_html(report)


def test_half_figures_stand_in_pairs(made):
    half = [picture for picture in made[2].pictures if picture.half][:3]
    assert all(isinstance(picture, Picture) for picture in half)
    page = to_html(Report("T", "s", "b", "test", "d", (Section("S", tuple(half)),)))
    assert page.count('<div class="pair">') == 1
    assert page.count("<figure") == 3


def test_every_page_of_the_pdf_has_the_disclaimer_and_the_badge(made, monkeypatch):
    from reportlab.pdfgen.canvas import Canvas

    pages = [[]]

    def noted(draw):
        def do(canvas, x, y, text, *more, **options):
            pages[-1].append(text)
            return draw(canvas, x, y, text, *more, **options)

        return do

    for name in ("drawString", "drawRightString", "drawCentredString"):
        monkeypatch.setattr(Canvas, name, noted(getattr(Canvas, name)))
    shown = Canvas.showPage
    monkeypatch.setattr(Canvas, "showPage", lambda canvas: (shown(canvas), pages.append([]))[0])
    written = to_pdf(made[2])
    assert len(pages) - 1 == len(re.findall(rb"/Type /Page\b", written)) >= 6
    for page in pages[:-1]:
        said = " ".join(page)
        assert DISCLAIMER in said
        assert made[2].badge in said
