import numpy as np
import pandas as pd
import pytest

from pneumo_core.training.framing_bias import (
    BLANK,
    KEPT_HEIGHT,
    KEPT_WIDTH,
    NO_COUNTERWEIGHT,
    Counterweight,
    framing_weights,
)

NORMAL, VIRAL = np.eye(3, dtype="float32")[[0, 2]]


def planned(weight, target, n=64):
    return weight.plan(np.stack([target] * n), np.random.default_rng(0))


def test_normal_films_lose_height_and_the_others_width():
    framed = Counterweight(framing=1.0, blank_lungs=0.0)
    for target, cropped, kept, least in (
        (NORMAL, KEPT_HEIGHT, KEPT_WIDTH, 0.68),
        (VIRAL, KEPT_WIDTH, KEPT_HEIGHT, 0.75),
    ):
        plan, targets = planned(framed, target)
        assert plan.dtype == np.float32
        assert least <= plan[:, cropped].min() < plan[:, cropped].max() <= 1
        np.testing.assert_array_equal(plan[:, [kept, BLANK]], [[1, 0]] * 64)
        np.testing.assert_array_equal(targets, np.stack([target] * 64))


def test_half_of_the_films_keep_their_framing():
    plan, _ = planned(Counterweight(blank_lungs=0.0), NORMAL, n=1000)
    assert (plan[:, KEPT_HEIGHT] == 1).mean() == pytest.approx(0.5, abs=0.05)


def test_without_lungs_nothing_is_known():
    plan, targets = planned(Counterweight(framing=0.0, blank_lungs=1.0), VIRAL)
    np.testing.assert_array_equal(plan, [[1, 1, 1]] * 64)
    np.testing.assert_allclose(targets, 1 / 3)


def test_no_counterweight_changes_nothing_and_arguments_are_never_changed():
    plan, targets = planned(NO_COUNTERWEIGHT, NORMAL)
    np.testing.assert_array_equal(plan, [[1, 1, 0]] * 64)
    np.testing.assert_array_equal(targets[0], NORMAL)
    source = np.stack([NORMAL] * 4)
    Counterweight(framing=1.0, blank_lungs=1.0).plan(source, np.random.default_rng(0))
    np.testing.assert_array_equal(source[0], NORMAL)


def bordered(films=80):
    """Films whose bright border gives pneumonia away, but for every tenth, where it misleads."""
    rng, positive = np.random.default_rng(1), np.arange(films) % 2 == 1
    misled = np.arange(films) % 10 < 2
    pixels = rng.integers(0, 40, (films, 32, 32), dtype=np.uint8)
    pixels[positive ^ misled] += 150
    names = [f"film{n}" for n in range(films)]
    index = pd.DataFrame(
        {
            "film": names,
            "sha256": names,
            "group": names,
            "label": np.where(positive, "pneumonia", "normal"),
            "subtype": np.where(positive, "bacterial", "normal"),
        }
    )
    return index, pixels, misled


def test_a_film_whose_border_misleads_counts_for_more():
    index, pixels, misled = bordered()
    weights = framing_weights(index, pixels, np.arange(80), strength=0.5)
    assert weights.mean() == pytest.approx(1)
    assert weights[misled].min() > 1.5 * weights[~misled].max()
    whole = framing_weights(index, pixels, np.arange(80), strength=1.0)
    assert whole[misled].mean() > weights[misled].mean()


def test_films_held_out_neither_tell_nor_count():
    index, pixels, _ = bordered()
    rows = np.arange(60)
    weights = framing_weights(index, pixels, rows, strength=0.5)
    alone = framing_weights(index[:60], pixels[:60], rows, strength=0.5)
    np.testing.assert_array_equal(weights, [*alone, *np.ones(20)])
    assert alone.std() > 0.1


def test_without_strength_or_with_too_few_patients_every_film_counts_alike():
    index, pixels, _ = bordered()
    rows = np.arange(80)
    np.testing.assert_array_equal(framing_weights(index, pixels, rows, strength=0.0), np.ones(80))
    few = framing_weights(index, pixels, rows[:6], strength=0.5)
    np.testing.assert_array_equal(few, np.ones(80))
