import keras
import numpy as np
import pytest

from pneumo_core.learning.optimizer import BlockwiseAdamW

pytestmark = pytest.mark.keras


def moved(steps, **options):
    """How far two variables go in `steps` steps along a gradient of ones."""
    low, head = (keras.Variable(np.zeros(3, "float32"), name=name) for name in ("low", "head"))
    optimizer = BlockwiseAdamW(
        learning_rate=0.1, weight_decay=0.0, lower=[low.path], head=[head.path], **options
    )
    optimizer.build([low, head])
    for _ in range(steps):
        optimizer.apply([keras.ops.ones(3), keras.ops.ones(3)])
    return -float(low[0]), -float(head[0])


def test_lower_blocks_learn_at_their_own_rate():
    low, head = moved(4, lower_rate=0.3)
    assert head == pytest.approx(0.4, rel=1e-3)
    assert low == pytest.approx(0.3 * head, rel=1e-3)


def test_the_head_learns_alone_at_first():
    low, head = moved(2, head_steps=3)
    assert (low, head) == (0, pytest.approx(0.2, rel=1e-3))
    low, _ = moved(5, head_steps=3)
    assert low > 0
