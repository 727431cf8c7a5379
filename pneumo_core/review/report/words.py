"""Numbers as a report writes them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pneumo_core.metrics import Estimate

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
