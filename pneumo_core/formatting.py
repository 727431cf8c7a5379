"""Numbers as a person reads them: probabilities in per cents, and how many there are of what."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumo_core.metrics import Estimate


_ONE = {"classes": "class", "copies": "copy"}  # where the one is not the many without its "s"


def per_cent(p: float) -> str:
    """A probability 0..1 in whole per cents: "87 %", "<1 %", ">99 %".

    Never "0 %" or "100 %", which no model can know. Every screen, table and line of text that
    shows the probability of a film says it so; JSON and CSV keep the number itself.
    """
    return f"{_rounded(p, 0)} %"


def per_cent_range(low: float, high: float) -> str:
    """Two probabilities as one range: "79–92 %", "92 to >99 %", or "87 %" where both are one."""
    ends = _rounded(low, 0), _rounded(high, 0)
    if ends[0] == ends[1]:
        return f"{ends[0]} %"
    between = "–" if all(end.isdecimal() for end in ends) else " to "
    return f"{ends[0]}{between}{ends[1]} %"


def told_apart(*shares: float) -> list[str]:
    """Probabilities 0..1 in per cents, with decimals only where whole ones would hide that two of
    them differ: "13.4 %" beside "13.2 %".
    """
    shown = [per_cent(p) for p in shares]
    for digits in (1, 2):
        if len(set(shown)) == len(set(shares)):
            break
        shown = [f"{_rounded(p, digits)} %" for p in shares]
    return shown


def amount(count: int, unit: str) -> str:
    """How many of what, `unit` named as several are: "1 pair", "28 pairs", "1,341 films"."""
    return f"{count:,} {_ONE.get(unit, unit.removesuffix('s')) if count == 1 else unit}"


def were(count: int) -> str:
    """The verb that goes with `amount`: "1 film was", "2 films were"."""
    return "was" if count == 1 else "were"


def _rounded(p: float, digits: int) -> str:
    """Per cents with so many decimals; what is nearer to an end than the last of them is beyond."""
    least = 10.0**-digits
    if 100 * p < least:
        return f"<{least:.{digits}f}"
    if 100 * p > 100 - least:
        return f">{100 - least:.{digits}f}"
    return f"{100 * p:.{digits}f}"


NONE = "–"
POINT_NAMES = {"screening": "screening", "balanced": "balanced", "ruling_in": "ruling in"}


def rate(estimate: Estimate) -> str:
    """A share 0..1: "95.1 % [92.4–96.9]"."""
    if math.isnan(estimate.value):
        return NONE
    value, low, high = (100 * end for end in estimate)
    return f"{value:.1f} % [{low:.1f}–{high:.1f}]"


def decimal(estimate: Estimate, digits: int = 3) -> str:
    """A number that is no share: "0.994 [0.991–0.997]"."""
    value, low, high = estimate
    if math.isnan(value):
        return NONE
    between = "–" if low >= 0 else " to "
    return f"{number(value, digits)} [{number(low, digits)}{between}{number(high, digits)}]"


def area(estimate: Estimate) -> str:
    """An AUC or an average precision: "0.9941 [0.9904–0.9970]"."""
    value, low, high = estimate
    return NONE if math.isnan(value) else f"{value:.4f} [{low:.4f}–{high:.4f}]"


def ratio(estimate: Estimate) -> str:
    """A likelihood ratio: "51 [21–121]"."""
    if math.isnan(estimate.value):
        return NONE
    value, low, high = (_short(end) for end in estimate)
    return f"{value} [{low}–{high}]"


def children(estimate: Estimate) -> str:
    """Children of 1,000: "12 [8–17]"."""
    if math.isnan(estimate.value):
        return NONE
    return f"{estimate.value:.0f} [{estimate.low:.0f}–{estimate.high:.0f}]"


def number(value: float, digits: int = 3) -> str:
    """A number with a true minus sign."""
    if math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def plain(estimate: Estimate, name: str) -> dict[str, float | None]:
    """For CSV and JSON: name, name_low, name_high; what is no number is None."""
    ends = zip(("", "_low", "_high"), estimate, strict=True)
    return {f"{name}{end}": finite(value) for end, value in ends}


def finite(value: Any) -> float | None:
    """The number; None for NaN and infinity, which JSON has no word for."""
    return float(value) if math.isfinite(value) else None


def _short(value: float) -> str:
    if math.isinf(value):
        return "∞"
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


# Figures that are not rates, told by their label: shown as decimals, not per cents.
_DECIMAL = ("auc", "brier", "ece", "error", "loss", "temperature")


def bullets(lines: list[str]) -> str:
    """A list in Markdown."""
    return "\n".join(f"- {line}" for line in lines)


def facts(part: dict[str, Any]) -> str:
    """A part of the card as a list, a line a key."""
    return bullets([f"{spoken(key)}: {told(value)}" for key, value in part.items()])


def table(heads: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; what would end a cell is taken out of its text."""
    lines = [heads, ["---"] * len(heads), *rows]
    cells = [[" ".join(cell.split()).replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def spoken(key: str) -> str:
    """A key as words: "ruling_in" → "ruling in"."""
    return key.replace("_", " ")


def told(value: Any) -> str:
    """Any value as text: numbers short, None as "not known"."""
    if isinstance(value, dict):
        return ", ".join(f"{spoken(key)} {told(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(told(part) for part in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "not known" if value is None else str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def figure(label: str, value: Any) -> str:
    """A number, an Estimate or {"value", "low", "high"}: "95.1 % [92.4–96.9]", "0.994 [0.99–1]".

    A value with an interval is a rate 0..1 and shown in per cent, unless its label names one that
    is not (an AUC, a Brier score…).
    """
    if isinstance(value, tuple):  # an Estimate
        value = dict(zip(("value", "low", "high"), map(finite, value), strict=True))
    if not isinstance(value, dict):
        return told(value)
    if None in (value.get(key) for key in ("value", "low", "high")):
        return told(value.get("value"))
    ends = [float(value[key]) for key in ("value", "low", "high")]
    if any(word in label.lower() for word in _DECIMAL):
        return "{:.3f} [{:.3f}–{:.3f}]".format(*ends)
    return "{:.1f} % [{:.1f}–{:.1f}]".format(*(100 * end for end in ends))
