"""Films in the order of their scores, and the counts above every threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from pneumo_core.metrics.checks import Bools, Floats


class Ranked:
    """Films by falling score. `thresholds` (T,): the distinct scores, falling.

    Entry t of every count is over the films called positive at p >= thresholds[t]; the last
    entry counts all films.
    """

    def __init__(self, positive: Bools, scores: Floats) -> None:
        self.order = np.argsort(-scores, kind="stable")
        self.positive = positive[self.order]
        falling = scores[self.order]
        # Films of one score are called together: counts are read off at the last of them.
        self.ends = np.flatnonzero(np.append(falling[1:] != falling[:-1], True))
        self.thresholds: Floats = falling[self.ends]

    def counts(
        self, times: npt.NDArray[np.int64] | None = None
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """True and false positives at each threshold, int (…, T).

        times: how often each film counts, int (…, N), in the films' own order; once by default.
        """
        drawn = np.ones(self.order.size, np.int64) if times is None else times[..., self.order]
        called = drawn.cumsum(axis=-1)
        tp = np.where(self.positive, drawn, 0).cumsum(axis=-1)
        if self.ends.size < self.order.size:
            called, tp = called[..., self.ends], tp[..., self.ends]
        return tp, called - tp
