"""The evaluation report: one document of words, tables and figures, as HTML, PDF, CSV and JSON."""

from pneumo_core.review.report.build import build_report
from pneumo_core.review.report.document import Report
from pneumo_core.review.report.exports import as_json, write_tables
from pneumo_core.review.report.html import to_html
from pneumo_core.review.report.pdf import to_pdf

__all__ = ["Report", "as_json", "build_report", "to_html", "to_pdf", "write_tables"]
