"""The integrity audit, every check in order of harm; as JSON, as text and as an HTML page."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER, __version__
from pneumo_core.audit.files import duplicates, misnamed, passed_over, unreadable
from pneumo_core.audit.finding import HARMS, Finding, cached_rows, harm_words
from pneumo_core.audit.shortcuts import measure_shortcuts, overall, small_split, with_interval
from pneumo_core.audit.splits import patients, sizes
from pneumo_core.dataset.film_facts import left_out, patients_known
from pneumo_core.formatting import count, render_page
from pneumo_core.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd

    from pneumo_core.dataset.catalogue import Catalogue

_MEASURES = (
    *("width", "height", "aspect", "bytes", "bytes_per_pixel", "quality"),
    *("mean", "contrast", "border_mean", "border_contrast"),
)
_SUBTYPES = ("normal", "bacterial", "viral", "unknown")
_NAMED = 5  # films by name under a finding, in text
_NAMED_ON_PAGE = 200
_LEFT, _WIDTH = 0.4, 240  # of the page's AUC scale: its lowest value, its length in pixels


def as_document(catalogue: Catalogue, *, progress: Progress = silent) -> dict[str, Any]:
    """Everything the audit found, ready for JSON; NaN becomes None."""
    found = check_integrity(catalogue)
    table = measure_shortcuts(catalogue, progress=progress)
    return {
        "disclaimer": DISCLAIMER,
        "pneumo": __version__,
        "data": catalogue.root.name or "films",
        "counts": counts(catalogue.index),
        "facts": facts(catalogue),
        "findings": [asdict(one) | {"films": list(one.films)} for one in found],
        "overall": overall(table),
        "shortcuts": [
            {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in row.items()
            }
            for row in table.to_dict(orient="records")
        ],
    }


def as_text(document: dict[str, Any]) -> str:
    """The document for a terminal: findings first, checks without findings last."""
    lines = [headline(document), ""]
    for finding in (one for one in document["findings"] if one["count"]):
        many = count(finding["count"], finding["unit"])
        lines.append(f"{finding['title']}: {many} ({harm_words(finding['harm'])})")
        lines.append(f"  {finding['why']}")
        lines.append(f"  What Pneumo does: {finding['done']}")
        named = finding["films"][:_NAMED]
        more = len(finding["films"]) - len(named)
        lines += [f"    {film}" for film in named]
        lines += [f"    and {more:,} more; --json lists all"] if more else []
    lines += ["", f"Checked and not found: {_clean(document)}.", "", "Shortcuts"]
    lines += [f"  {row['words']}" for row in measured(document["shortcuts"])]
    lines += [f"  {words}" for words in unmeasured(document["shortcuts"])]
    lines += ["", document["overall"], "", document["disclaimer"]]
    return "\n".join(lines)


def as_html(document: dict[str, Any]) -> str:
    """The document as one HTML page, readable in light and in dark mode."""
    return render_page(
        Path(__file__).with_name("audit.html.j2"),
        title=f"Audit of {document['data']}",
        headline=headline(document),
        document=document,
        found=[one for one in document["findings"] if one["count"]],
        clean=_clean(document),
        most_named=_NAMED_ON_PAGE,
        measured=measured(document["shortcuts"]),
        unmeasured=" ".join(unmeasured(document["shortcuts"])),
        width=_WIDTH,
        x=_x,
        count=count,
        harm_words=harm_words,
        with_interval=with_interval,
    )


def counts(index: pd.DataFrame) -> dict[str, Any]:
    """Films and patients of an index, in all and by split, with every unreadable file named.

    `exact_duplicates`: how many films are present more than once; `left_out`: what, why and count
    of all that is not in the index; `patients_known`: whether every film says whose it is: where
    not, `groups` counts films of unknown patients as patients of their own.
    """
    readable = index[index["readable"]]
    duplicates = readable[readable.duplicated("sha256", keep=False)]
    return {
        "films": len(index),
        "groups": int(index["group"].nunique()),
        "patients_known": patients_known(index),
        "source": str(index.attrs.get("source", "")),
        "left_out": [one.to_dict() for one in left_out(index)],
        "notes": list(index.attrs.get("notes", ())),
        "exact_duplicates": int(duplicates["sha256"].nunique()),
        "splits": {
            str(split): {
                "films": len(part),
                "groups": int(part["group"].nunique()),
                "labels": {str(k): int(n) for k, n in part["label"].value_counts().items()},
                "subtypes": {str(k): int(n) for k, n in part["subtype"].value_counts().items()},
            }
            for split, part in index.groupby("split")
        },
        "unreadable": [
            {"film": str(row.film), "problem": str(row.problem)}
            for row in index[~index["readable"]].itertuples()
        ],
    }


def facts(catalogue: Catalogue) -> dict[str, Any]:
    """Formats, films per patient, and minimum, median and maximum of each measure.

    Sizes in pixels and bytes, grey levels 0..255; of readable films; {} for a measure none has.
    """
    films = catalogue.readable
    measures: dict[str, dict[str, float]] = {}
    for name in _MEASURES:
        values = films[name].dropna()
        ends = {"least": values.min(), "middle": values.median(), "largest": values.max()}
        measures[name] = {key: float(end) for key, end in ends.items()} if len(values) else {}
    return {
        "made": catalogue.made,
        "key": catalogue.key,
        "formats": {str(k): int(n) for k, n in films["format"].value_counts().items()},
        "most_films_of_a_patient": int(films["group"].value_counts().max()) if len(films) else 0,
        "measures": measures,
    }


def headline(document: dict[str, Any]) -> str:
    """The line of counts that opens every form of the audit."""
    found, codes = document["counts"], {one["code"]: one for one in document["findings"]}
    subtypes: dict[str, int] = {}
    for part in found["splits"].values():
        for name, n in part["subtypes"].items():
            subtypes[name] = subtypes.get(name, 0) + n
    kinds = " / ".join(f"{subtypes[name]:,} {name}" for name in _SUBTYPES if name in subtypes)
    films = count(found["films"], "films")
    if found["patients_known"]:
        films += f" of {count(found['groups'], 'patients')}"
    return (
        f"{films}: {kinds}; "
        f"{count(codes['exact-duplicates']['count'], 'pairs')} of duplicates, "
        f"{len(found['unreadable']):,} unreadable"
    )


def measured(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the shortcut table that have a figure."""
    return [row for row in rows if row["state"] == "measured"]


def unmeasured(rows: list[dict[str, Any]]) -> list[str]:
    """The other rows in sentences: a constant feature once, a split with few patients once."""
    small = [row["split"] for row in rows if row["state"] == "few"]
    constant = [row["words"] for row in rows if row["state"] == "constant"]
    return [*dict.fromkeys(constant), *map(small_split, dict.fromkeys(small))]


def _clean(document: dict[str, Any]) -> str:
    return "; ".join(one["title"] for one in document["findings"] if not one["count"])


def _x(auc: float) -> float:
    """Pixels from the left; values below the scale are placed at its left end."""
    return max(0.0, (auc - _LEFT) / (1 - _LEFT)) * _WIDTH


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
