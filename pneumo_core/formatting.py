"""Numbers as a person reads them: probabilities, estimates with their interval, counts, durations,
sizes; the Markdown of a model card, and HTML pages from their templates.

JSON and CSV keep the numbers themselves.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pneumo_core.metrics.intervals import Estimate

NONE = "–"
_PER_CENT = "\xa0%"  # a no-break space: a line never begins with the sign
POINT_NAMES = {"screening": "screening", "balanced": "balanced", "ruling_in": "ruling in"}
_SINGULAR = {"classes": "class", "copies": "copy"}  # where it is not the plural without its "s"
# Figures of a card that are not rates: shown as decimals, not per cents.
_DECIMAL = ("auc", "brier", "ece", "error", "loss", "temperature")


def per_cent(p: float) -> str:
    """A probability 0..1 in whole per cents: "87 %", "<1 %", ">99 %".

    Never "0 %" or "100 %", which no model can know. Every screen, table and line of text that
    shows the probability of a film uses this form.
    """
    return f"{_rounded(p, 0)}{_PER_CENT}"


def percent(share: float, digits: int = 1) -> str:
    """A measured share 0..1 in per cent, which may be all or none: "95.1 %", "100.0 %"."""
    return f"{100 * share:.{digits}f}{_PER_CENT}"


def per_cent_range(low: float, high: float) -> str:
    """Two probabilities as one range: "79–92 %", "92 to >99 %", or "87 %" where both are one."""
    ends = _rounded(low, 0), _rounded(high, 0)
    if ends[0] == ends[1]:
        return f"{ends[0]}{_PER_CENT}"
    between = "–" if all(end.isdecimal() for end in ends) else " to "
    return f"{ends[0]}{between}{ends[1]}{_PER_CENT}"


def distinct_per_cents(*shares: float) -> list[str]:
    """Probabilities 0..1 in per cents, with decimals only where whole ones would hide that two of
    them differ: "13.4 %" beside "13.2 %".
    """
    shown = [per_cent(p) for p in shares]
    for digits in (1, 2):
        if len(set(shown)) == len(set(shares)):
            break
        shown = [f"{_rounded(p, digits)}{_PER_CENT}" for p in shares]
    return shown


def estimate(
    e: Iterable[float], *, digits: int | None = None, as_percent: bool = False, signed: bool = False
) -> str:
    """A value with its interval: "0.994 [0.991–0.997]", in per cent "95.1 % [92.4–96.9]".

    e: value, low, high. digits: decimals, 3 by default, 1 in per cent; signed: a plus sign as well,
    for differences: "+1.2 [−0.3 to +2.7]". NONE where the value is NaN, no
    brackets where an end is.
    """
    value, low, high = e
    if math.isnan(value):
        return NONE
    places = (1 if as_percent else 3) if digits is None else digits
    scale, unit = (100.0, _PER_CENT) if as_percent else (1.0, "")
    shown = f"{number(scale * value, places, signed=signed)}{unit}"
    if math.isnan(low) or math.isnan(high):
        return shown
    return f"{shown} {interval((scale * low, scale * high), digits=places, signed=signed)}"


def interval(ends: Iterable[float], *, digits: int = 3, signed: bool = False) -> str:
    """The two ends of an interval: "[0.991–0.997]", "[−0.3 to 2.7]"."""
    low, high = ends
    between = " to " if signed or low < 0 else "–"
    first, last = (number(end, digits, signed=signed) for end in (low, high))
    return f"[{first}{between}{last}]"


def ratio(e: Estimate) -> str:
    """A likelihood ratio with two significant digits: "51 [21–121]", "0.12 [0.05–0.3]"."""
    if math.isnan(e.value):
        return NONE
    value, low, high = (_two_digits(end) for end in e)
    return f"{value} [{low}–{high}]"


def number(value: float, digits: int = 3, *, signed: bool = False) -> str:
    """A number with a true minus sign; "∞" for infinity, NONE for NaN, zero without a sign."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    shown = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return shown.lstrip("+-") if float(shown) == 0 else shown.replace("-", "−")


def count(n: int, noun: str) -> str:
    """How many, `noun` in the plural: "1 pair", "28 pairs", "1,341 films"."""
    return f"{n:,} {_SINGULAR.get(noun, noun.removesuffix('s')) if n == 1 else noun}"


def were(n: int) -> str:
    """The verb that goes with `count`: "1 film was", "2 films were"."""
    return "was" if n == 1 else "were"


def capital(text: str) -> str:
    """The text with a capital first letter, as a sentence begins; the rest as it is."""
    return text[:1].upper() + text[1:]


def times(n: int) -> str:
    """How often: "never", "once", "1,200 times"."""
    return ("never", "once")[n] if n < 2 else f"{n:,} times"


def duration(seconds: float) -> str:
    """A time span: "40 s", "3 min", "1 h 20 min", "2 days"."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        hours, rest = divmod(minutes, 60)
        rest = rest if hours < 10 else 0
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(minutes / 60 / 24)} days"


def file_size(n_bytes: float) -> str:
    """Bytes on disk or in memory, in powers of 1,024: "650 MB", "1.3 GB", "3 MB", "12 bytes"."""
    size, unit = float(n_bytes), "bytes"
    for larger in ("kB", "MB", "GB"):
        if size < 0.95 * 1024:
            break
        size, unit = size / 1024, larger
    shown = f"{size:.1f}".removesuffix(".0") if size < 9.5 else f"{size:,.0f}"
    return f"{shown} {unit}"


def breakable(text: str) -> str:
    """Text whose "87 %" has an ordinary space: for a terminal, CSV and Markdown."""
    return text.replace(_PER_CENT, " %")


def finite(value: Any) -> float | None:
    """The number; None for None, NaN and infinity, which JSON has no word for."""
    return float(value) if value is not None and math.isfinite(value) else None


def render_page(template: Path, **content: Any) -> str:
    """An HTML page from a Jinja2 template; every value is escaped, an unknown name raises.

    What the template includes, such as a style sheet, is beside it and is included unchanged.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    pages = Environment(
        loader=FileSystemLoader(template.parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return pages.get_template(template.name).render(**content)


def flat_row(row: dict[str, Any]) -> dict[str, Any]:
    """A row of nested dicts as columns: {"auc": {"low": 0.9}} is {"auc_low": 0.9}."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            flat |= {f"{key}_{part}": one for part, one in flat_row(value).items()}
        else:
            flat[key] = value
    return flat


def bullets(lines: list[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def facts(part: dict[str, Any]) -> str:
    """A part of the card as a list, a line a key."""
    return bullets([f"{key_text(key)}: {value_text(value)}" for key, value in part.items()])


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; what would end a cell is taken out of its text."""
    lines = [heads, ["---"] * len(heads), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def key_text(key: str) -> str:
    """A key as words: "ruling_in" → "ruling in"."""
    return key.replace("_", " ")


def value_text(value: Any) -> str:
    """Any value of a card as text: numbers short, None as "not known"."""
    if isinstance(value, dict):
        return ", ".join(f"{key_text(key)} {value_text(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not known" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def figure(label: str, value: Any) -> str:
    """A number of a card, an Estimate, or its {"value", "low", "high"}: "0.994 [0.990–1.000]".

    A value with an interval is a rate 0..1 and shown in per cent, unless its label names one that
    is not (an AUC, a Brier score …).
    """
    from pneumo_core.metrics.intervals import Estimate  # with it comes numpy

    if isinstance(value, Estimate):
        value = value.to_dict()
    if not isinstance(value, dict):
        return value_text(value)
    if None in (value.get(key) for key in Estimate._fields):
        return value_text(value.get("value"))
    as_percent = not any(word in label.lower() for word in _DECIMAL)
    return estimate(Estimate.from_dict(value), as_percent=as_percent)


def _rounded(p: float, digits: int) -> str:
    """Per cents with so many decimals; what is nearer to an end than the last of them is beyond."""
    least = 10.0**-digits
    if 100 * p < least:
        return f"<{least:.{digits}f}"
    if 100 * p > 100 - least:
        return f">{100 - least:.{digits}f}"
    return f"{100 * p:.{digits}f}"


def _two_digits(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"
