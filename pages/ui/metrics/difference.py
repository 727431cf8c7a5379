"""What sets two models apart, in words, and whether it could be chance."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pneumo_core.evaluation.comparison import Pair
    from pneumo_core.metrics import Estimate, McNemar

RARE = 0.05


def difference_html(pair: Pair) -> str:
    """One sentence a figure: by how much the first is better, and how likely that is by chance."""
    lines = []
    if pair.delong is not None and pair.patients is not None:
        lines.append(
            f"<strong>AUC:</strong> {_by_how_much(pair, pair.patients, 'ranks')}; "
            f"{chance(pair.p_holm)} (DeLong, p {p_words(pair.p_holm)})."
        )
    tests = (
        ("sensitivity", "finds", "of the pneumonia films", pair.sensitivity),
        ("specificity", "clears", "of the normal films", pair.specificity),
    )
    for name, verb, of, test in tests:
        if test is not None:
            lines.append(
                f"<strong>{name.capitalize()}:</strong> "
                f"{_by_how_much(pair, test.difference, verb, of)}; right alone: "
                f"{_alone(pair, test)}; {chance(test.p_mid)} (McNemar, p {p_words(test.p_mid)})."
            )
    items = "".join(f"<li>{line}</li>" for line in lines)
    names = f"{escape(pair.first)} against {escape(pair.second)}"
    return f'<h3 class="pn-chart">{names}</h3><ul class="pn-differences">{items}</ul>'


def chance(p: float) -> str:
    """Whether a difference could be chance: "this could well be chance"."""
    if math.isnan(p):
        return "whether this is chance cannot be told"
    return "hardly chance" if p < RARE else "this could well be chance"


def p_words(p: float) -> str:
    """A p value: "< 0.001", "= 0.031", or "not known"."""
    if math.isnan(p):
        return "not known"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _by_how_much(pair: Pair, difference: Estimate, verb: str, of: str = "") -> str:
    """The difference in points of 100, from the side of the better one."""
    value, low, high = (100 * end for end in difference)
    first, second = escape(pair.first), escape(pair.second)
    if value == 0:
        return f"both {verb.removesuffix('s')} equally well"
    better = first if value > 0 else second
    if value < 0:
        value, low, high = -value, -high, -low
    what = "better by" if verb == "ranks" else "more by"
    ends = f"[{low:+.2f} to {high:+.2f}]".replace("-", "−")
    return f"{better} {verb} {what} {value:.2f} points {ends} {of}".rstrip()


def _alone(pair: Pair, test: McNemar) -> str:
    first, second = escape(pair.first), escape(pair.second)
    return f"{first} on {test.only_first:,}, {second} on {test.only_second:,}"
