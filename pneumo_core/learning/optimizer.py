"""AdamW that lets the head learn first and the lower blocks learn more slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class BlockwiseAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW (Loshchilov and Hutter 2019) with a rate of its own for the lower blocks.

    Variables whose path is in `lower` learn at `lower_rate` of the rate. `asleep` says of a
    variable at which step it begins to learn, if not at the first: while the head learns alone,
    features are not bent to a random head (Kumar et al. 2022, Fine-tuning can distort pretrained
    features and underperform out-of-distribution).
    Each variable's gradient is clipped to the norm `clip`: after the sum over all devices, and not
    before, so that several devices take the step that one would.
    """

    def __init__(
        self,
        *,
        lower: Collection[str] = (),
        lower_rate: float = 1.0,
        asleep: Mapping[str, int] | None = None,
        clip: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.lower, self.lower_rate = frozenset(lower), lower_rate
        self.asleep, self.clip = tuple((asleep or {}).items()), clip

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step, at its own share of the rate."""
        # TensorFlow hands over its own variable; the place among the trained ones is the same.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        share = self.lower_rate if path in self.lower else 1.0
        if wakes := dict(self.asleep).get(path):
            awake = ops.cast(self.iterations >= wakes, learning_rate.dtype)
            learning_rate = learning_rate * awake
        if self.clip is not None:
            norm = ops.sqrt(ops.sum(ops.square(gradient)))
            gradient = gradient * (self.clip / ops.maximum(norm, self.clip))
        super().update_step(gradient, variable, learning_rate * share)
