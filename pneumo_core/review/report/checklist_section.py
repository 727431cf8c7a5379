"""CLAIM 2024 and TRIPOD+AI, item by item: answered, answered in part, or open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumo_core.review.report.answers import Answer, answers
from pneumo_core.review.report.claim import CLAIM
from pneumo_core.review.report.document import Section, Table, Words
from pneumo_core.review.report.tripod import TRIPOD

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle
    from pneumo_core.evaluation.evidence_level import Standing
    from pneumo_core.evaluation.summary import Summary

OPEN = Answer("open", "Not known to the tool: for whoever reports to answer.")
MARKS = {
    "answered": "✓ answered",
    "in part": "◐ in part",
    "open": "○ open",
    "not applicable": "– n/a",
}
SOURCES = {
    "CLAIM 2024": ("claim", CLAIM, "doi 10.1148/ryai.240300"),
    "TRIPOD+AI": ("tripod_ai", TRIPOD, "doi 10.1136/bmj-2023-078378"),
}


def checklists(
    bundle: Bundle, summary: Summary, standing: Standing, films: str
) -> tuple[Section, ...]:
    """A section a checklist."""
    known = answers(bundle, summary, standing, films)
    return tuple(
        _section(title, name, items, doi, known) for title, (name, items, doi) in SOURCES.items()
    )


def _section(
    title: str,
    name: str,
    items: tuple[tuple[str, str, str, str], ...],
    doi: str,
    known: dict[str, Answer],
) -> Section:
    given = [(item, known.get(item[3], OPEN)) for item in items]
    count = {state: sum(answer.state == state for _, answer in given) for state in MARKS}
    table = Table(
        name,
        title,
        ("item", "asks for", "state", "answer"),
        tuple(
            (number, f"{part}: {asks}", MARKS[answer.state], answer.text)
            for (number, part, asks, _), answer in given
        ),
        tuple(
            {
                "item": number,
                "part": part,
                "asks": asks,
                "state": answer.state,
                "answer": answer.text,
            }
            for (number, part, asks, _), answer in given
        ),
        wide=(1, 3),
    )
    words = Words(
        f"Of {len(items)} items of {title} ({doi}) the tool answers {count['answered']}, "
        f"{count['in part']} in part; not applicable: {count['not applicable']}; open, for whoever "
        f"reports: {count['open']}. The items are in our words; the published hold."
    )
    return Section(f"Checklist: {title}", (words, table))
