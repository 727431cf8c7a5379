"""Everything of a data set that a click changes: one fragment, so that nothing else reruns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import cache
from pages.ui.dataset import choice
from pages.ui.dataset.conditions import chosen, in_order
from pages.ui.dataset.facts import show_chips, show_facts
from pages.ui.dataset.film import open_film
from pages.ui.dataset.films import show_films
from pages.ui.dataset.findings import show_findings
from pages.ui.dataset.linked import show_charts
from pages.ui.dataset.shortcuts import Shortcuts, prepared, show_shortcuts
from pages.ui.page import plain_words
from pneumo_core.audit import audit_ready, integrity, overall, shortcuts

if TYPE_CHECKING:
    from pneumo_core.audit import Finding
    from pneumo_core.dataset.catalogue import Catalogue

# A finger that draws over a chart scrolls the page: on a touch screen only the rows answer.
_HINT = (
    'All films are shown. <span class="pn-mouse">Click a row or draw a rectangle</span>'
    '<span class="pn-touch">Tap a row</span> to look at some of them.'
)


@dataclass(frozen=True)
class Audit:
    """What both audits found: findings in order of harm, and the shortcuts."""

    findings: tuple[Finding, ...]
    shortcuts: Shortcuts


def audit_of(catalogue: Catalogue) -> Audit | None:
    """Both audits where they were made already; they are read from the disk."""
    if not audit_ready(catalogue):
        return None
    table = shortcuts(catalogue)
    return Audit(tuple(integrity(catalogue)), prepared(table, overall(table)))


@st.fragment
def show_explorer(catalogue: Catalogue, audit: Audit | None, origin: str) -> None:
    """Facts, linked charts, findings and films of a data set; `origin` says whose films these
    are if nobody's.
    """
    with plain_words():
        films = cache.facets_of(catalogue)
        conditions = choice.conditions()
        shown = in_order(films[chosen(films, conditions)], conditions)
        findings = () if audit is None else audit.findings
        show_facts(films, shown)
        show_chips("top", otherwise=_HINT)  # a row that came and went would move the page
        show_charts(catalogue, films)
        if audit is not None:
            show_findings(findings)
            show_shortcuts(audit.shortcuts)
        show_films(
            catalogue,
            shown,
            findings,
            partial(open_film, catalogue, findings=findings, origin=origin),
        )
