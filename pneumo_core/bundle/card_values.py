"""What a value in a card may be, and the error for another."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from pneumo_core.bundle.integrity import REMEDY
from pneumo_core.errors import BundleError

_ROUNDING = 1e-9


def is_number(value: object) -> bool:
    """A finite number; compared, not converted, since JSON has whole numbers of any length."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def is_figure(value: Any) -> bool:
    """None, a number, or {"value", "low", "high"} of them, with no interval around nothing."""
    if not isinstance(value, dict):
        return value is None or is_number(value)
    middle, *ends = (value.get(key) for key in ("value", "low", "high"))
    known = all(part is None or is_number(part) for part in (middle, *ends))
    return known and (middle is not None or None in ends)


def is_rate(value: Any) -> bool:
    """{"value", "low", "high"} with 0 <= low <= value <= high <= 1, or with None in all three."""
    if not isinstance(value, dict):
        return False
    low, middle, high = (value.get(key) for key in ("low", "value", "high"))
    return in_order(0, low, middle, high, 1) or (low is middle is high is None)


def in_order(*values: Any) -> bool:
    """Numbers that do not fall, but for a rounding error."""
    if not all(map(is_number, values)):
        return False
    return all(b - a >= -_ROUNDING for a, b in pairwise(values))


def wrong(name: str, expected: str, got: object) -> BundleError:
    """The error that tells what is wrong with the card of the bundle `name`."""
    return BundleError(
        f"Model {name}: expected {expected} in its card, got {str(got)[:80]!r}. {REMEDY}"
    )
