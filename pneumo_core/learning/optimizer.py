"""AdamW that lets the head learn first and the lower blocks learn more slowly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import ops

if TYPE_CHECKING:
    from collections.abc import Collection


class BlockwiseAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW (Loshchilov and Hutter 2019) with a rate of its own for the lower blocks.

    Variables whose path is in `lower` learn at `lower_rate` of the rate. During the first
    `head_steps` steps only those in `head` learn: features are not bent to a random head (Kumar
    et al. 2022, Fine-tuning can distort pretrained features and underperform out-of-distribution).
    """

    def __init__(
        self,
        *,
        lower: Collection[str] = (),
        lower_rate: float = 1.0,
        head: Collection[str] = (),
        head_steps: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.lower, self.lower_rate = frozenset(lower), lower_rate
        self.head, self.head_steps = frozenset(head), head_steps

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step, at its own share of the rate."""
        # TensorFlow hands over its own variable; the place among the trained ones is the same.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        share = self.lower_rate if path in self.lower else 1.0
        if self.head_steps and path not in self.head:
            awake = ops.cast(self.iterations >= self.head_steps, learning_rate.dtype)
            learning_rate = learning_rate * awake
        super().update_step(gradient, variable, learning_rate * share)
