"""The integrity audit: every check, in order of harm."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from pneumo_core.audit.duplicates import duplicates
from pneumo_core.audit.files import misnamed, passed_over, unreadable
from pneumo_core.audit.finding import HARMS, Finding, cached_rows
from pneumo_core.audit.splits import patients, sizes

if TYPE_CHECKING:
    from pneumo_core.dataset.catalogue import Catalogue


def check_integrity(catalogue: Catalogue) -> list[Finding]:
    """Every check's finding, the most harmful first; a check without hits has count 0.

    Cached beside the catalogue.
    """
    rows = cached_rows(catalogue, "integrity", lambda: [asdict(one) for one in _checks(catalogue)])
    return [Finding(**{**row, "films": tuple(row["films"])}) for row in rows]


def _checks(catalogue: Catalogue) -> list[Finding]:
    findings = [
        *unreadable(catalogue),
        misnamed(catalogue),
        *duplicates(catalogue),
        *patients(catalogue),
        *sizes(catalogue),
        *passed_over(catalogue.listing),
    ]
    return sorted(findings, key=lambda one: (HARMS.index(one.harm), not one.count))
