"""The audit outside the screen: one document, as JSON, as text and as a page."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER, __version__
from pneumo_core.films.audit.checks import integrity
from pneumo_core.films.audit.finding import harm_words
from pneumo_core.films.audit.shortcut_table import shortcuts
from pneumo_core.films.audit.summary import counts, facts
from pneumo_core.films.audit.words import few_patients, overall
from pneumo_core.formatting import amount

if TYPE_CHECKING:
    from pneumo_core.dataset.catalogue import Catalogue
    from pneumo_core.films.audit.shortcut_table import Progress

_NAMED = 5  # films by name under a finding


def as_document(catalogue: Catalogue, *, progress: Progress | None = None) -> dict[str, Any]:
    """Everything the audit found, ready for JSON; numbers that are none (NaN) are None."""
    found = integrity(catalogue)
    table = shortcuts(catalogue, progress=progress)
    return {
        "disclaimer": DISCLAIMER,
        "pneumo": __version__,
        "data": catalogue.root.name or "films",
        "counts": counts(catalogue.index),
        "facts": facts(catalogue),
        "findings": [asdict(one) | {"films": list(one.films)} for one in found],
        "overall": overall(table),
        "shortcuts": [
            {name: None if value != value else value for name, value in row.items()}  # noqa: PLR0124
            for row in table.to_dict(orient="records")
        ],
    }


def as_text(document: dict[str, Any]) -> str:
    """The document for a terminal: what was found first, what was looked for in vain last."""
    lines = [headline(document), ""]
    for finding in (one for one in document["findings"] if one["count"]):
        many = amount(finding["count"], finding["unit"])
        lines.append(f"{finding['title']}: {many} ({harm_words(finding['harm'])})")
        lines.append(f"  {finding['why']}")
        lines.append(f"  What is done: {finding['done']}")
        named = finding["films"][:_NAMED]
        more = len(finding["films"]) - len(named)
        lines += [f"    {film}" for film in named]
        lines += [f"    and {more:,} more; --json names all"] if more else []
    clean = [one["title"] for one in document["findings"] if not one["count"]]
    lines += ["", f"Looked for and not found: {'; '.join(clean)}.", "", "Shortcuts"]
    lines += [f"  {row['words']}" for row in measured(document["shortcuts"])]
    lines += [f"  {words}" for words in unmeasured(document["shortcuts"])]
    lines += ["", document["overall"], "", document["disclaimer"]]
    return "\n".join(lines)


def measured(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the shortcut table that have a figure."""
    return [row for row in rows if row["state"] == "measured"]


def unmeasured(rows: list[dict[str, Any]]) -> list[str]:
    """The other rows in sentences: a feature that is constant once, a split that is small once."""
    few = [row["split"] for row in rows if row["state"] == "few"]
    constant = [row["words"] for row in rows if row["state"] == "constant"]
    return [*dict.fromkeys(constant), *map(few_patients, dict.fromkeys(few))]


def headline(document: dict[str, Any]) -> str:
    """The row of facts that opens every form of the audit."""
    found, codes = document["counts"], {one["code"]: one for one in document["findings"]}
    subtypes: dict[str, int] = {}
    for part in found["splits"].values():
        for name, n in part["subtypes"].items():
            subtypes[name] = subtypes.get(name, 0) + n
    kinds = " / ".join(f"{subtypes[name]:,} {name}" for name in sorted(subtypes, key=_order))
    return (
        f"{amount(found['films'], 'films')} of {amount(found['groups'], 'patients')}: {kinds}; "
        f"{amount(codes['exact-duplicates']['count'], 'pairs')} of duplicates, "
        f"{len(found['unreadable']):,} unreadable"
    )


def _order(subtype: str) -> int:
    return ("normal", "bacterial", "viral", "unknown").index(subtype)
