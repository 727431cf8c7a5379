"""The reports: a model on some films; and one page, whether it holds at this hospital."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pneumo_core import __version__
from pneumo_core.bundle.provenance import disclaimer, population
from pneumo_core.evaluation.local_summary import VERDICTS, local_summary
from pneumo_core.evaluation.report import figures, sections
from pneumo_core.evaluation.report.checklists import checklists
from pneumo_core.evaluation.report.document import Report, Section, Table, Tile, Tiles, Words
from pneumo_core.evaluation.report.model_sections import (
    model,
    robustness_section,
    subgroup_section,
    test_log_section,
)
from pneumo_core.evaluation.report.sections import decisions, errors
from pneumo_core.evaluation.subgroups import AGE_BANDS, subgroups
from pneumo_core.evaluation.summary import summarise
from pneumo_core.formatting import estimate, interval, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.evidence_level import EvidenceLevel
    from pneumo_core.evaluation.local_summary import LocalSummary
    from pneumo_core.evaluation.test_log import LoggedEvaluation

PREVALENCE = 0.2
ADULT = 16  # years
_NEXT = {
    "holds": "It may be tried here as a second reader. Measure again after a change of device, "
    "protocol or patients.",
    "fit": "Fit the model to labelled films of this hospital (at least 30 of each class), then "
    "measure it on other films before it is used.",
    "train": "Do not use it here. Train a model on films of this hospital, or of one like it.",
    "unknown": "Label at least 30 normal films and 30 with pneumonia, and measure again.",
}
_RULE = (
    "The model holds here if the intervals of sensitivity and specificity are not wholly below "
    "those of its validation and the calibration error is at most 0.10. Its ranking does not "
    "hold if the whole interval of the AUC is below 0.80."
)
_COVERAGES = (1.0, 0.8, 0.5)


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


def build_one_page(  # noqa: PLR0913 - a report gathers all that is known
    bundle: Bundle,
    table: pd.DataFrame,
    evidence: EvidenceLevel,
    *,
    site: str,
    films: str,
    author: str = "",
    remarks: str = "",
    today: str | None = None,
) -> Report:
    """The page on the films of `table`, as `evaluate_split` gives it.

    site: how the hospital is called; films: what they are; today: ISO date. Raises ValueError.
    """
    found = local_summary(bundle, table, site=site)
    date = today or datetime.now(UTC).date().isoformat()
    by = f" · {author}" if author else ""
    return Report(
        title=f"Does {bundle.name} hold at {site}?",
        subtitle=f"{bundle.name} {bundle.version} on {films} · {date}{by} · Pneumo {__version__}",
        badge=evidence.badge,
        badge_kind=evidence.kind,
        disclaimer=disclaimer(bundle),
        sections=(
            _answer(found, evidence),
            Section("What happens to the films", (_answers(found), _referral(found))),
            *([Section("Remarks", (Words(remarks),))] if remarks else []),
            Section("Basis of this answer", _basis(bundle, found)),
        ),
    )


def about(site: str, author: str, remarks: str) -> tuple[Section, ...]:
    """Hospital, author and remarks of a report; () where none is given."""
    given = (("Hospital", site), ("Author", author), ("Remarks", remarks))
    words = tuple(Words(f"{name}: {text}") for name, text in given if text)
    return (Section("About this report", words),) if words else ()


def _answer(found: LocalSummary, evidence: EvidenceLevel) -> Section:
    tiles = [
        _tile("Normal films cleared", found, "normal cleared"),
        _tile("Pneumonias detected", found, "pneumonia called"),
        _tile("Pneumonias cleared", found, "pneumonia cleared"),
        _tile("Films referred", found, "all referred"),
    ]
    if found.auc is not None:
        value, *ends = found.auc
        tiles.insert(0, Tile("AUC", f"{value:.3f}", f"{interval(ends)}, bootstrap by patient"))
    warnings = [Words(evidence.warning, "warning")] if evidence.warning else []
    return Section(
        "Answer",
        (
            Words(f"{VERDICTS[found.verdict]} {found.lead}"),
            Tiles(tuple(tiles)),
            *warnings,
            *([Words(" ".join(found.sentences), "small")] if found.sentences else []),
            Words(f"What to do: {_NEXT[found.verdict]}"),
        ),
    )


def _tile(name: str, found: LocalSummary, answer: str) -> Tile:
    share = found.answers[answer]
    if share.value != share.value:
        return Tile(name, "–", "no such film")
    return Tile(name, percent(share.value), interval((100 * share.low, 100 * share.high), digits=1))


def _answers(found: LocalSummary) -> Table:
    kinds = {"normal": found.n_normal, "pneumonia": found.n_pneumonia}
    kinds["all"] = sum(kinds.values())
    answers = ("called", "referred", "cleared")
    rows = tuple(
        (
            f"{kind} ({count:,})",
            *(estimate(found.answers[f"{kind} {one}"], as_percent=True) for one in answers),
        )
        for kind, count in kinds.items()
    )
    records = tuple(
        {
            "films": kind,
            "n": count,
            **{
                key: value
                for one in answers
                for key, value in found.answers[f"{kind} {one}"].to_dict(one).items()
            },
        }
        for kind, count in kinds.items()
    )
    return Table(
        "answers",
        "Answers at the locked points",
        ("films", "called pneumonia", "referred", "cleared"),
        rows,
        records,
        "95\xa0% intervals by patient. Films that an input check stops count as referred.",
    )


def _referral(found: LocalSummary) -> Table:
    risks = [(at, found.coverage_risk.at(at)) for at in _COVERAGES]
    return Table(
        "coverage_risk",
        "Wrong answers if the least certain films are referred",
        ("films answered", "wrong answers"),
        tuple((percent(at, 0), estimate(risk, as_percent=True)) for at, risk in risks),
        tuple({"coverage": at, **risk.to_dict("risk")} for at, risk in risks),
    )


def _basis(bundle: Bundle, found: LocalSummary) -> tuple[Words, ...]:
    films = f"{found.n_normal:,} normal films and {found.n_pneumonia:,} with pneumonia"
    return (
        Words(
            f"{films}, as labelled here: an error in a label counts as the model's. {_RULE} "
            f"The model: {population(bundle)}",
            "small",
        ),
    )
