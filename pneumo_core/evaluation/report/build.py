"""A bundle and its predictions on some films → the report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pneumo_core import __version__
from pneumo_core.bundle.provenance import disclaimer
from pneumo_core.evaluation.report import figures, sections
from pneumo_core.evaluation.report.checklists import checklists
from pneumo_core.evaluation.report.document import Report
from pneumo_core.evaluation.report.model_sections import (
    model,
    robustness_section,
    subgroup_section,
    test_log_section,
)
from pneumo_core.evaluation.report.one_page import about
from pneumo_core.evaluation.report.sections import decisions, errors
from pneumo_core.evaluation.subgroups import AGE_BANDS, subgroups
from pneumo_core.evaluation.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.evidence_level import EvidenceLevel
    from pneumo_core.evaluation.test_log import LoggedEvaluation

PREVALENCE = 0.2
ADULT = 16  # years


def build_report(  # noqa: PLR0913 - a report gathers all that is known
    bundle: Bundle,
    table: pd.DataFrame,
    evidence: EvidenceLevel,
    *,
    films: str,
    evaluations: Sequence[LoggedEvaluation] = (),
    prevalence: float = PREVALENCE,
    site: str = "",
    author: str = "",
    remarks: str = "",
    today: str | None = None,
) -> Report:
    """The report of a model on the films of `table`.

    table: as `evaluate_split` or `shipped_predictions` give it; films: what they are, for the
    title ("split test of chest_xray"); prevalence: 0..1, of the decision curve and one row of the
    table of PPV and NPV; site, author, remarks: for the head of the report; today: ISO date, the
    current one by default. Raises ValueError.
    """
    summary = summarise(table, bundle.points, prevalence=prevalence)
    threshold = bundle.points.balanced
    groups = subgroups(table, threshold=threshold)
    pictures = figures.of(summary)
    stress = bundle.card.stress
    measured = [
        sections.headline(summary, evidence, pictures),
        sections.discrimination(summary, pictures),
        sections.calibration(summary, pictures),
        decisions(summary),
        subgroup_section(groups, figures.forest(groups)),
    ]
    if stress is not None and bundle.card.stress_rows:
        measured.append(
            robustness_section(dict(stress), figures.robustness(bundle.card.stress_rows))
        )
    date = today or datetime.now(UTC).date().isoformat()
    return Report(
        title=f"{_title(bundle, table)}: evaluation",
        subtitle=f"{bundle.name} {bundle.version} on {films} · {date} · Pneumo {__version__}",
        badge=evidence.badge,
        badge_kind=evidence.kind,
        disclaimer=disclaimer(bundle),
        sections=(
            *about(site, author, remarks),
            *measured,
            errors(table, threshold),
            test_log_section(evaluations),
            model(bundle),
            *checklists(bundle, summary, evidence, films),
        ),
    )


def _title(bundle: Bundle, table: pd.DataFrame) -> str:
    """What the films show: the card's title for its own training population, else their own ages.

    The training population says nothing about the films of another hospital.
    """
    shipped = "check" not in table and "elsewhere" not in set(table["split"])
    if shipped and bundle.card.fitted_to is None:
        return bundle.card.title or bundle.name
    bands = set(table["age_band"]) - {""} if "age_band" in table else set()
    children = {band for band, end in AGE_BANDS.items() if end <= ADULT}
    if bands and bands <= children:
        return "Pneumonia in paediatric chest films"
    if bands and not bands & children:
        return "Pneumonia in adult chest films"
    return "Pneumonia in chest films"
