import numpy as np
import pytest

from pneumo_core.training.calibrate import (
    calibrate,
    headline,
    pneumonia_probability,
    prior_shift,
    rates,
)


def noisy_films(n=4000, *, sharpness=2.0, seed=0):
    """Logits whose odds are `sharpness` times too sure of themselves, and labels."""
    rng = np.random.default_rng(seed)
    margin = rng.normal(0, 3, n)
    sick = rng.random(n) < 1 / (1 + np.exp(-margin))
    viral = rng.random(n) < 0.4
    labels = np.where(sick, np.where(viral, 2, 1), 0)
    logits = np.zeros((n, 3))
    # Bacterial and viral share the pneumonia logit equally, up to a hint of the truth.
    logits[:, 1] = sharpness * margin - np.log(2)
    logits[:, 2] = sharpness * margin - np.log(2)
    return logits, labels


def test_temperature_undoes_overconfidence():
    logits, labels = noisy_films(sharpness=2.0)
    assert calibrate(logits, labels).temperature == pytest.approx(2.0, abs=0.2)


def test_the_shift_undoes_what_class_weights_did_to_the_odds():
    logits, labels = noisy_films(sharpness=2.0)
    logits[:, 1:] -= 3.0
    shift = prior_shift(logits, labels)
    # At temperature 2 two equal subtypes make up exp(-1/2 log 2) × 2 of one: log 2 less is missing.
    assert shift == pytest.approx(3.0 - np.log(2), abs=0.2)
    logits[:, 1:] += shift
    fitted = calibrate(logits, labels)
    p = pneumonia_probability(logits, fitted.temperature)
    assert fitted.temperature == pytest.approx(2.0, abs=0.2)
    assert p.mean() == pytest.approx((labels > 0).mean(), abs=0.005)


def test_points_keep_their_promises_and_their_order():
    logits, labels = noisy_films(sharpness=1.0)
    fitted = calibrate(logits, labels)
    p = pneumonia_probability(logits, fitted.temperature)
    assert fitted.screening <= fitted.balanced <= fitted.ruling_in
    assert rates(labels > 0, p, fitted.screening).sensitivity.value >= 0.99
    assert rates(labels > 0, p, fitted.ruling_in).specificity.value >= 0.99


def test_points_of_a_perfect_network_are_still_in_order():
    labels = np.array([0] * 50 + [1] * 50)
    logits = np.stack([np.zeros(100), np.where(labels, 5.0, -5.0)], axis=1)
    fitted = calibrate(logits, labels)
    assert 0 <= fitted.screening <= fitted.balanced <= fitted.ruling_in <= 1


def test_probability_of_pneumonia_is_that_of_its_two_subtypes_together():
    logits = np.log([[0.2, 0.5, 0.3]])
    assert pneumonia_probability(logits, 1.0) == pytest.approx([0.8])
    assert pneumonia_probability(logits * 2, 2.0) == pytest.approx([0.8])


def test_headline_states_every_figure_with_its_interval():
    logits, labels = noisy_films(600)
    groups = np.arange(600) // 2
    figures = headline(logits, labels, groups, calibrate(logits, labels))
    for name in ("auc", "accuracy", "sensitivity", "specificity", "subtype_auc"):
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"]
    assert figures["films"] == 600
    assert figures["ece"] < figures["ece_before_calibration"]
    assert figures["subtype_auc"]["value"] == pytest.approx(0.5)


def test_one_class_alone_cannot_be_calibrated():
    with pytest.raises(ValueError, match="both"):
        calibrate(np.zeros((5, 3)), np.zeros(5, dtype=int))
