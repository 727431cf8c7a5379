"""Numbers as a person reads them: probabilities in per cents, and how many there are of what."""

from __future__ import annotations

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
