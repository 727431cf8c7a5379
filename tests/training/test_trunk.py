"""The views and losses with which the shipped model's last stage was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.trunk import FINE, moved, painted
from bench.variant import Form, in_form
from pneumo_core.imaging.lung_frame import Window
from pneumo_core.training.network import build_network

RNG = np.random.default_rng
LUNGS = np.zeros((64, 64), bool)
LUNGS[16:48, 8:24] = LUNGS[16:48, 40:56] = True


def test_a_film_without_lungs_keeps_all_else_and_one_of_lungs_nothing_else() -> None:
    film = np.full((64, 64), 100, np.float32)
    blank = painted(film, LUNGS, "blank", RNG(1))
    assert len(np.unique(blank[LUNGS])) == 1
    assert (blank[~LUNGS] == 100).all()
    only = painted(film, LUNGS, "only", RNG(1))
    assert (only[LUNGS] == 100).all()
    assert (only == 0).mean() > 0.5  # up to three pixels round the lungs may stay
    assert (painted(film, LUNGS, "", RNG(1)) == film).all()


def test_a_window_is_moved_a_little_and_keeps_its_size() -> None:
    window = Window(0.4, 0.6, 0.5, 0.75)
    centres, sides = [], []
    for seed in range(200):
        back = moved(window, 224, 192, RNG(seed))
        centres.append((back @ np.array([95.5, 95.5, 1]) + 0.5) / 224)
        sides.append(np.linalg.norm(back[:, :2], axis=0) * 192 / 224)
    assert np.mean(centres, axis=0) == pytest.approx([0.4, 0.6], abs=0.01)
    assert np.std(centres, axis=0) == pytest.approx([0.03, 0.03], abs=0.006)
    assert np.mean(sides, axis=0) == pytest.approx([0.48, 0.725], abs=0.02)


@pytest.mark.parametrize(("lit", "outside"), [(slice(None), 0.5), (slice(0, 16), 0.0625)])
def test_the_loss_has_the_share_of_the_evidence_that_lies_outside_the_lungs(
    lit: Any, outside: float
) -> None:
    """Between the centres of two cells the evidence is interpolated, as it is on a page."""
    import keras

    from bench.trunk import losses

    film = keras.Input((32, 32, 1))
    found = keras.layers.AveragePooling2D(8, name="features")(film)
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(found)
    logits = keras.layers.Dense(3, name="logits")
    network = keras.Model(film, logits(pooled))
    logits.set_weights([np.array([[-1.0, 1.0, 1.0]]), np.zeros(3)])
    inputs = np.zeros((1, 32, 32, 1), np.float32)
    inputs[:, :, lit] = 1
    lungs = np.zeros((1, FINE, FINE), np.float32)
    lungs[:, :, : FINE // 2] = 1
    targets = np.array([[1, 0, 1]], np.float32)
    likelihood, subtype, beside = (float(one) for one in losses(network)(inputs, lungs, targets))
    mean = float(inputs.mean())
    assert likelihood == pytest.approx(np.log1p(np.exp(-(np.log(2) + 2 * mean))), rel=1e-4)
    assert subtype == pytest.approx(np.log(2), rel=1e-5)
    assert beside == pytest.approx(outside, abs=0.002)


def test_the_last_map_is_twice_as_fine_and_the_weights_fit_another_size() -> None:
    """Keras counts the poolings of all networks of a process in their names."""
    for _ in range(2):
        plain = build_network("resnet50v2", size=64, classes=3, weights="none")
        small, large = in_form(plain, Form(64)), in_form(plain, Form(96, edge=1))
        assert plain.get_layer("features").output.shape[1:3] == (2, 2)
        assert small.get_layer("features").output.shape[1:3] == (4, 4)
        assert large.get_layer("features").output.shape[1:3] == (6, 6)
        large.set_weights(small.get_weights())
