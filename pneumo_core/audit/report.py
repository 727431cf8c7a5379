"""The audit outside the screen: one document, as JSON, as text and as a page."""

from __future__ import annotations

from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

from pneumo_core import DISCLAIMER, __version__
from pneumo_core.audit.finding import harm_words
from pneumo_core.audit.integrity import integrity
from pneumo_core.audit.shortcuts import few_patients, overall, shortcuts, with_interval
from pneumo_core.formatting import amount
from pneumo_core.palette import css_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from pneumo_core.audit.shortcuts import Progress
    from pneumo_core.dataset.catalogue import Catalogue


_MEASURES = (
    *("width", "height", "aspect", "bytes", "bytes_per_pixel", "quality"),
    *("mean", "contrast", "border_mean", "border_contrast"),
)


def counts(index: pd.DataFrame) -> dict[str, Any]:
    """Films and patients of an index, in all and by split, with every unreadable file named.

    `exact_duplicates` is how many films are there more than once.
    """
    readable = index[index["readable"]]
    duplicates = readable[readable.duplicated("sha256", keep=False)]
    return {
        "films": len(index),
        "groups": int(index["group"].nunique()),
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
    """Formats, films per patient, and the least, middle and largest of each measure.

    Sizes in pixels and bytes, grey levels 0..255; of readable films; {} for a measure none has.
    """
    films = catalogue.readable
    measured = {name: films[name].dropna() for name in _MEASURES}
    return {
        "made": catalogue.made,
        "key": catalogue.key,
        "formats": {str(k): int(n) for k, n in films["format"].value_counts().items()},
        "most_films_of_a_patient": int(films["group"].value_counts().max()) if len(films) else 0,
        "measures": {
            name: {
                "least": float(values.min()),
                "middle": float(values.median()),
                "largest": float(values.max()),
            }
            if len(values)
            else {}
            for name, values in measured.items()
        },
    }


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


_NAMED_ON_PAGE = 200  # films by name under a finding
_LEFT, _WIDTH = 0.4, 240  # the scale's least AUC, and its length in pixels

_RULES = """
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
td.auc { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.quiet, footer { color: var(--quiet); }
.card { border: 1px solid var(--rule); border-left-width: 4px; border-radius: 4px;
  padding: .2rem 1rem .6rem; margin: .8rem 0; }
.high { border-left-color: var(--alarm); } .medium { border-left-color: var(--refer); }
.card h3 { font-size: 1rem; margin: .5rem 0; } .card p { margin: .3rem 0; }
details { margin-top: .4rem; } details li { overflow-wrap: anywhere; font-size: .9rem; }
svg text { fill: var(--quiet); font-size: 11px; }
footer { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: .8rem; }
"""
_STYLE = f":root {{ color-scheme: light dark; {css_variables()} }}{_RULES}"


def as_html(document: dict[str, Any]) -> str:
    """The document of `report.as_document` as a page, readable in light and in dark."""
    title = f"Audit of {document['data']}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>{escape(headline(document))}</p>",
        f"<p><strong>{escape(document['overall'])}</strong></p>",
        _counts(document["counts"]),
        *_findings(document["findings"]),
        *_shortcuts(document["shortcuts"]),
        _footer(document),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>"
        + "\n".join(parts)
        + "</body></html>\n"
    )


def _footer(document: dict[str, Any]) -> str:
    made, key = document["facts"]["made"], document["facts"]["key"][:16]
    return (
        f"<footer><p>{escape(document['disclaimer'])}</p><p>Pneumo {escape(document['pneumo'])}, "
        f"films as of {escape(made)}, key {escape(key)}</p></footer>"
    )


def _counts(counts: dict[str, Any]) -> str:
    rows = [
        (split, part["films"], part["groups"], part["labels"], part["subtypes"])
        for split, part in counts["splits"].items()
    ]
    body = "".join(
        f"<tr><td>{escape(split)}</td><td class=n>{films:,}</td><td class=n>{groups:,}</td>"
        + "".join(
            f"<td class=n>{n:,}</td>"
            for n in (
                labels.get("normal", 0),
                labels.get("pneumonia", 0),
                subtypes.get("bacterial", 0),
                subtypes.get("viral", 0),
            )
        )
        + "</tr>"
        for split, films, groups, labels, subtypes in rows
    )
    names = ("films", "patients", "normal", "pneumonia", "of these bacterial", "viral")
    head = "".join(f"<th class=n>{name}</th>" for name in names)
    return (
        "<h2>What is there</h2><div class=wide><table>"
        f"<tr><th>split</th>{head}</tr>{body}</table></div>"
    )


def _findings(findings: list[dict[str, Any]]) -> Iterator[str]:
    yield "<h2>What was found</h2>"
    for one in findings:
        if one["count"]:
            yield (
                f'<div class="card {escape(one["harm"])}"><h3>{escape(one["title"])}: '
                f"{escape(amount(one['count'], one['unit']))} "
                f'<span class="quiet">{harm_words(one["harm"])}</span></h3>'
                f"<p>{escape(one['why'])}</p>"
                f"<p><strong>What is done:</strong> {escape(one['done'])}</p>"
                f"{_films(one['films'])}</div>"
            )
    clean = "; ".join(one["title"] for one in findings if not one["count"])
    yield f'<p class="quiet">Looked for and not found: {escape(clean)}.</p>'


def _films(films: list[str]) -> str:
    if not films:
        return ""
    items = "".join(f"<li>{escape(film)}</li>" for film in films[:_NAMED_ON_PAGE])
    more = len(films) - _NAMED_ON_PAGE
    rest = f"<li>and {more:,} more, named by --json</li>" if more > 0 else ""
    return f"<details><summary>Which ({len(films):,})</summary><ul>{items}{rest}</ul></details>"


def _shortcuts(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "<h2>What gives the label away</h2><p>How well each thing alone tells pneumonia from "
        "normal: 0.5 is a coin, 1 is perfect. With 95 % intervals, on patients from whom nothing "
        "was learnt.</p><div class=wide><table><tr><th>alone</th><th>split</th>"
        f"<th>AUC</th><th>{_scale()}</th><th>in words</th></tr>"
    )
    for row in measured(rows):
        shown = with_interval(row["auc"], row["low"], row["high"])
        yield (
            f"<tr><td>{escape(row['title'])}</td><td>{escape(row['split'])}</td>"
            f"<td class=auc>{shown}</td><td>{_bar(row)}</td>"
            f'<td class="quiet">{escape(row["words"])}</td></tr>'
        )
    yield "</table></div>"
    yield f'<p class="quiet">{escape(" ".join(unmeasured(rows)))}</p>'


def _scale() -> str:
    marks = "".join(
        f'<text x="{_x(at):.0f}" y="11" text-anchor="middle">{at:.1f}</text>'
        for at in (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    )
    return f'<svg width="{_WIDTH + 12}" height="14" role="presentation">{marks}</svg>'


def _bar(row: dict[str, Any]) -> str:
    """A dot at the AUC and a line over its interval."""
    low, value, high = (_x(row[name]) for name in ("low", "auc", "high"))
    label = f"AUC {with_interval(row['auc'], row['low'], row['high'])}"
    return (
        f'<svg width="{_WIDTH + 12}" height="18" role="img" aria-label="{label}">'
        f'<line x1="{_x(0.5):.1f}" x2="{_x(0.5):.1f}" y1="0" y2="18" stroke="var(--rule)"/>'
        f'<line x1="{low:.1f}" x2="{high:.1f}" y1="9" y2="9" stroke="var(--accent)" '
        f'stroke-width="3"/><circle cx="{value:.1f}" cy="9" r="5" fill="var(--accent)"/></svg>'
    )


def _x(auc: float) -> float:
    """Pixels from the left; what lies below the scale stands at its end."""
    return max(0.0, (auc - _LEFT) / (1 - _LEFT)) * _WIDTH
