"""Data set audit: integrity, and shortcuts that predict the label without the lungs."""

from pneumo_core.audit.finding import HARMS, Finding, audit_ready, harm_words
from pneumo_core.audit.report import (
    as_document,
    as_html,
    as_text,
    check_integrity,
    counts,
)
from pneumo_core.audit.shortcuts import measure_shortcuts, overall, strength

__all__ = [
    "HARMS",
    "Finding",
    "as_document",
    "as_html",
    "as_text",
    "audit_ready",
    "check_integrity",
    "counts",
    "harm_words",
    "measure_shortcuts",
    "overall",
    "strength",
]
