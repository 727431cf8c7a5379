"""A number with its interval, and Wilson's interval for a proportion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pneumo_core.metrics.validation import normal_quantile

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from pneumo_core.metrics.validation import Floats

SMALL_SAMPLE = 30  # below: a rate of 90 % is known to ±11 points only
VALIDATION_SAMPLE = 100  # below: a validation is unreliable; 90 % is known to ±6 points


class Estimate(NamedTuple):
    """A value and its interval, at 95 % unless said otherwise; NaN where nothing can be said."""

    value: float
    low: float
    high: float

    @classmethod
    def from_dict(cls, found: Mapping[Any, Any] | None, name: str = "") -> Estimate:
        """As cards and JSON hold it, by "value", "low" and "high"; with a name as tables hold it,
        by `name`, `name`_low and `name`_high. NaN for what is None or missing.
        """
        keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
        ends = ((found or {}).get(key) for key in keys)
        return cls(*(math.nan if end is None else float(end) for end in ends))

    def to_dict(self, name: str = "") -> dict[str, float | None]:
        """The reverse of `from_dict`: None for NaN and infinity, which JSON has no word for."""
        keys = (name, f"{name}_low", f"{name}_high") if name else ("value", "low", "high")
        ends = (end if math.isfinite(end) else None for end in self)
        return dict(zip(keys, ends, strict=True))


UNKNOWN = Estimate(math.nan, math.nan, math.nan)


def measured_share(k: int, n: int) -> Estimate:
    """The share k / n with Wilson's interval; UNKNOWN, ends included, where n is 0."""
    return proportion(k, n) if n else UNKNOWN


def proportion(k: float, n: float, *, level: float = 0.95) -> Estimate:
    """The share k / n with Wilson's interval; k of none is NaN. Raises ValueError as `wilson`."""
    low, high = wilson(k, n, level=level)
    return Estimate(k / n if n else math.nan, low, high)


def wilson(k: float, n: float, *, level: float = 0.95) -> tuple[float, float]:
    """Score interval (low, high) for k successes in n trials, within 0 … 1.

    No trials say nothing: (0, 1). Raises ValueError unless 0 <= k <= n.

    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference.
    JASA 22, 209-212.
    """
    if not 0 <= k <= n < math.inf:
        raise ValueError(f"Expected 0 <= k <= n, got k={k} and n={n}.")
    low, high = wilson_bounds(np.array([k]), np.array([n]), level=level)
    return float(low[0]), float(high[0])


def wilson_bounds(
    k: npt.ArrayLike, n: npt.ArrayLike, *, level: float = 0.95
) -> tuple[Floats, Floats]:
    """`wilson` of many at once: low and high in the common shape of k and n. Raises ValueError."""
    z = normal_quantile(level)
    hits, trials = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    if not ((hits >= 0) & (hits <= trials) & np.isfinite(trials)).all():
        raise ValueError("Expected 0 <= k <= n everywhere.")
    some = np.maximum(trials, 1)
    centre = (hits + z * z / 2) / (trials + z * z)
    spread = hits * (trials - hits) / some + z * z / 4
    half = z / (trials + z * z) * np.sqrt(spread)
    # At the ends the bound is exact; arithmetic would leave it a rounding error away.
    low = np.where(hits == 0, 0.0, np.maximum(0.0, centre - half))
    high = np.where(hits == trials, 1.0, np.minimum(1.0, centre + half))
    return low, high


def is_small_sample(n: int) -> bool:
    """Whether a count is a small sample; 0 is none."""
    return 0 < n < SMALL_SAMPLE


def small_sample_words(counts: Mapping[str, int]) -> str:
    """One sentence naming the small samples, "" if there is none. counts: by the plural noun.

    {"pneumonia films": 5, "patients": 200} is "Small sample: 5 pneumonia films. Rely on the
    intervals, not on the values." A count of 0 has no estimates and is not named.
    """
    small = [
        f"{n} {name.removesuffix('s') if n == 1 else name}"
        for name, n in counts.items()
        if is_small_sample(n)
    ]
    if not small:
        return ""
    named = f"{', '.join(small[:-1])} and {small[-1]}" if small[1:] else small[0]
    return f"Small sample: {named}. Rely on the intervals, not on the values."
