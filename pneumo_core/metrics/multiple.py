"""Several tests at once: p values that allow for how many were made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def holm(p: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """P values adjusted by Holm's step-down method, in the order given, float64 (K,).

    p: 0 … 1 or NaN, (K,); a NaN (a test that says nothing) stays NaN and does not count. Raises
    ValueError.

    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scand J Stat 6, 65-70.
    """
    values = np.asarray(p, np.float64)
    told = ~np.isnan(values)
    if values.ndim != 1 or not ((values[told] >= 0) & (values[told] <= 1)).all():
        raise ValueError("Expected p values (K,) within 0 and 1, or NaN.")
    order = np.argsort(values[told], kind="stable")
    falling = np.arange(order.size, 0, -1)
    steps = np.minimum(1.0, np.maximum.accumulate(values[told][order] * falling))
    adjusted = np.full(values.shape, np.nan)
    adjusted[np.flatnonzero(told)[order]] = steps
    return adjusted
