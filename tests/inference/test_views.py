"""A film in small crops and shifts: which views there are, and which are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from pneumo_core.bundle.framing import Framing
from pneumo_core.imaging.lung_frame import WHOLE
from pneumo_core.inference.runtime import FAR, Runtime, answers, far_beyond, framings

if TYPE_CHECKING:
    from pneumo_core.bundle import Bundle

EDGE = np.log(0.8 / 0.2)  # of the tiny bundle's points, 0.2 and 0.8, in log odds


def logits_of(*odds: float) -> np.ndarray:
    """Three classes whose log odds of pneumonia are `odds` at temperature 1."""
    one = np.array(odds, np.float32)
    return np.stack([np.zeros_like(one), one + np.log(0.7), one + np.log(0.3)], axis=1)


def test_the_views_are_the_film_its_reframings_and_its_mirror() -> None:
    ramp = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
    views = framings(Framing(64, None, None), ramp, WHOLE)
    assert views.shape == (6, 64, 64)
    assert views.dtype == np.uint8
    np.testing.assert_array_equal(views[0], ramp)
    np.testing.assert_array_equal(views[1], views[0][:, ::-1])
    columns = views[:, 32].astype(int)
    # Crops start later on the ramp and end earlier, the shifts do one of the two.
    assert columns[2, 0] > columns[0, 0]
    assert columns[3, 0] > columns[2, 0]
    assert columns[4, -1] < columns[0, -1] - 5
    assert columns[5, 0] > columns[0, 0] + 5


@pytest.mark.parametrize(("level", "read"), [(0, [2]), (255, [2]), (130, [2, 4]), (70, [2, 4])])
def test_a_film_far_from_both_points_is_read_in_two_views(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, level: int, read: list[int]
) -> None:
    runtime, asked = Runtime(tiny_bundle), []
    run = runtime.run

    def noted(films: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        asked.append(len(films))
        return run(films)

    monkeypatch.setattr(runtime, "run", noted)
    copy = np.full((runtime.framing.side,) * 2, level, np.uint8)
    chances, features = answers(tiny_bundle, runtime, copy, WHOLE)
    assert asked == read
    assert chances.shape == (sum(read), 3)
    np.testing.assert_allclose(chances.sum(axis=1), 1.0)
    whole, all_features = run(framings(runtime.framing, copy, WHOLE))
    np.testing.assert_allclose(chances, tiny_bundle.probabilities(whole)[: sum(read)], atol=1e-6)
    np.testing.assert_allclose(features, all_features[0], atol=1e-5)


def test_far_is_counted_in_log_odds_beyond_the_nearer_point(tiny_bundle: Bundle) -> None:
    beyond = EDGE + FAR
    assert far_beyond(logits_of(beyond + 0.1, beyond + 3), tiny_bundle)
    assert far_beyond(logits_of(-beyond - 0.1, -beyond - 3), tiny_bundle)
    assert not far_beyond(logits_of(beyond - 0.1, beyond + 3), tiny_bundle)
    assert not far_beyond(logits_of(-beyond + 0.1, -beyond - 3), tiny_bundle)
    assert not far_beyond(logits_of(-beyond - 1, beyond + 1), tiny_bundle)


def test_the_points_of_a_model_fitted_elsewhere_are_taken_back_to_its_network(
    tiny_bundle: Bundle,
) -> None:
    moved = {"method": "temperature and bias", "temperature": 2.0, "bias": 1.0}
    there = replace(tiny_bundle, card=tiny_bundle.card.with_parts(recalibration=moved))
    low, high = 2 * (-EDGE - 1) - FAR, 2 * (EDGE - 1) + FAR
    assert far_beyond(logits_of(low - 0.1), there)
    assert not far_beyond(logits_of(low + 0.1), there)
    assert far_beyond(logits_of(high + 0.1), there)
    assert not far_beyond(logits_of(high - 0.1), there)
    # Of an isotonic fit the knots around a point count, the safer on each side.
    steps = {"method": "isotonic", "knots": [[-6.0, 0.1], [-1.0, 0.1], [1.0, 0.9], [6.0, 0.9]]}
    there = replace(tiny_bundle, card=tiny_bundle.card.with_parts(recalibration=steps))
    assert far_beyond(logits_of(-1 - FAR - 0.1), there)
    assert not far_beyond(logits_of(-1 - FAR + 0.1), there)
    assert far_beyond(logits_of(1 + FAR + 0.1), there)
    never = {"method": "isotonic", "knots": [[-6.0, 0.1], [6.0, 0.7]]}  # never reaches 0.8
    there = replace(tiny_bundle, card=tiny_bundle.card.with_parts(recalibration=never))
    assert not far_beyond(logits_of(50.0), there)
