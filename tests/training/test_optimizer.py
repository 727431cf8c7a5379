import keras
import numpy as np
import pytest

from pneumo_core.training.fit import BlockwiseAdamW

pytestmark = pytest.mark.keras


def moved(steps, gradient=1.0, **options):
    """How far two variables go in `steps` steps along a gradient of ones."""
    low, head = (keras.Variable(np.zeros(4, "float32"), name=name) for name in ("low", "head"))
    named = {"low": low.path, "head": head.path}
    for option in ("lower", "asleep"):
        chosen = options.get(option, ())
        options[option] = {named[name]: chosen[name] if chosen else 0 for name in chosen}
    optimizer = BlockwiseAdamW(learning_rate=0.1, weight_decay=0.0, **options)
    optimizer.build([low, head])
    for _ in range(steps):
        optimizer.apply([gradient * keras.ops.ones(4)] * 2)
    return -float(low[0]), -float(head[0]), optimizer


def test_lower_blocks_learn_at_their_own_rate():
    low, head, _ = moved(4, lower={"low": 0}, lower_rate=0.3)
    assert head == pytest.approx(0.4, rel=1e-3)
    assert low == pytest.approx(0.3 * head, rel=1e-3)


def test_what_is_asleep_does_not_learn_until_its_step():
    low, head, _ = moved(2, asleep={"low": 3})
    assert (low, head) == (0, pytest.approx(0.2, rel=1e-3))
    low, *_ = moved(5, asleep={"low": 3})
    assert low > 0


@pytest.mark.parametrize(("gradient", "seen"), [(0.1, 0.1), (5.0, 0.5)])
def test_a_gradient_is_clipped_to_its_norm(gradient, seen):
    _, _, optimizer = moved(1, gradient, clip=1.0, beta_1=0.0)
    momentum = next(v for v in optimizer.variables if "low_momentum" in v.path)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(momentum), seen, rtol=1e-5)
