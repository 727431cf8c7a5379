"""The evaluation report of a model: built once, written as HTML, PDF, CSV and JSON."""

from pneumo_core.evaluation.report.build import build_one_page, build_report
from pneumo_core.evaluation.report.document import Report, as_json, to_html, write_tables
from pneumo_core.evaluation.report.pdf import to_pdf

__all__ = [
    "Report",
    "as_json",
    "build_one_page",
    "build_report",
    "to_html",
    "to_pdf",
    "write_tables",
]
