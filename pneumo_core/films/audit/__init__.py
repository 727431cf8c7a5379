"""What is wrong with a data set, and what gives its labels away without showing a lung."""

from pneumo_core.films.audit.checks import integrity
from pneumo_core.films.audit.finding import HARMS, Finding, harm_words
from pneumo_core.films.audit.page import as_html
from pneumo_core.films.audit.report import as_document, as_text, headline
from pneumo_core.films.audit.shortcut_table import shortcuts
from pneumo_core.films.audit.store import audit_ready
from pneumo_core.films.audit.summary import counts, facts
from pneumo_core.films.audit.words import overall, strength

__all__ = [
    "HARMS",
    "Finding",
    "as_document",
    "as_html",
    "as_text",
    "audit_ready",
    "counts",
    "facts",
    "harm_words",
    "headline",
    "integrity",
    "overall",
    "shortcuts",
    "strength",
]
