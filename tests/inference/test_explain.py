"""Explanations: every method on a film with one bright corner, agreement, the sanity check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from pneumo_core.errors import PneumoError
from pneumo_core.inference.explain import (
    METHODS,
    Explanation,
    agreement_words,
    explanations,
    flat_words,
    pair_words,
    rank_correlation,
    saliency_map,
    sanity_words,
    target_classes,
    targets,
)
from pneumo_core.inference.gradient_maps import (
    GRADIENT_METHODS,
    gradient_map,
    logits_and_features,
    randomised,
)

if TYPE_CHECKING:
    import keras

    from pneumo_core.bundle import Bundle


def _corner() -> np.ndarray:
    film = np.full((96, 80), 20, np.uint8)
    film[60:, 50:] = 220
    return film


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_bright_corner(
    tiny_bundle: Bundle, capsys: pytest.CaptureFixture[str], method: str
) -> None:
    cam = saliency_map(tiny_bundle, _corner(), method)
    assert cam.dtype == np.float32
    assert cam.shape == ((64, 64) if method == "smoothgrad" else (8, 8))
    assert 0 <= cam.min() <= cam.max() <= 1
    if method != "smoothgrad":  # the gradient of this network is the same everywhere
        assert cam[6, 6] > 2 * cam[1, 1]
    assert capsys.readouterr().out == ""


def test_an_unknown_method_lists_the_known(tiny_bundle: Bundle) -> None:
    with pytest.raises(
        PneumoError,
        match=r"out of cam, gradcam, gradcam\+\+, scorecam, smoothgrad; got 'magic'",
    ):
        saliency_map(tiny_bundle, _corner(), "magic")


def test_gradients_need_tensorflow(tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(PneumoError, match="Expected Keras to run on TensorFlow, got jax"):
        saliency_map(tiny_bundle, _corner(), "gradcam")


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """Two convolutions and a linear head, with the names that a bundle's network has."""
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    scene = keras.Input((32, 32, 1))
    x = layers.Conv2D(8, 5, strides=2, activation="relu")(layers.Rescaling(1 / 255)(scene))
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="features")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(scene, layers.Dense(3, name="logits")(x))


def _of_two_classes(network: keras.Model) -> keras.Model:
    """The network with the first two of its classes."""
    import keras

    head = keras.layers.Dense(2, name="logits")
    two = keras.Model(network.input, head(network.get_layer("logits").input))
    head.set_weights([one[..., :2] for one in network.get_layer("logits").get_weights()])
    return two


@pytest.mark.parametrize("method", GRADIENT_METHODS)
def test_randomised_weights_change_every_gradient_map(network: keras.Model, method: str) -> None:
    film = np.random.default_rng(5).integers(0, 255, (32, 32), np.uint8)
    before = network.get_weights()
    other = randomised(network)
    np.testing.assert_equal(network.get_weights(), before)
    for old, new in zip(before, other.get_weights(), strict=True):
        np.testing.assert_allclose(np.sort(old.ravel()), np.sort(new.ravel()))
    maps = [gradient_map(one, film, method, (1, 2)) for one in (network, other)]
    assert maps[0].shape == maps[1].shape
    rho = rank_correlation(*maps)
    assert rho is None or abs(rho) < 0.8
    assert np.abs(maps[0] - maps[1]).max() > 0.3


def test_subtypes_are_explained_where_the_model_has_them() -> None:
    three = ("normal", "bacterial", "viral")
    assert targets(three) == ("pneumonia", "bacterial", "viral")
    assert targets(("normal", "pneumonia")) == ("pneumonia",)
    assert target_classes(three, "pneumonia") == (1, 2)
    assert target_classes(three, "viral") == (2,)
    with pytest.raises(PneumoError, match="one of pneumonia, bacterial, viral to explain; got 'x'"):
        target_classes(three, "x")


def test_a_subtype_has_a_map_of_its_own(network: keras.Model) -> None:
    film = np.random.default_rng(5).integers(0, 255, (32, 32), np.uint8)
    one, other = (gradient_map(network, film, "gradcam", (k,)) for k in (1, 2))
    assert np.abs(one - other).max() > 0.1


def test_the_map_of_a_low_probability_is_not_stretched(tiny_bundle: Bundle) -> None:
    dark, bright = (np.full((64, 64), level, np.uint8) for level in (10, 240))
    for film in (dark, bright):
        film[40:, 40:] += 10
    low, high = (saliency_map(tiny_bundle, film, "gradcam") for film in (dark, bright))
    assert low.max() < 0.2
    assert high.max() > 0.8


def test_rank_correlation_by_hand() -> None:
    one = np.array([[1, 2], [3, 4]], np.float32)
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    assert rank_correlation(one, np.array([[2, 1], [3, 4]], np.float32)) == pytest.approx(0.8)
    assert rank_correlation(one, np.kron(one, np.ones((3, 3), np.float32))) == pytest.approx(1)
    assert rank_correlation(one, np.ones((2, 2), np.float32)) is None


def test_agreement_and_sanity_in_words() -> None:
    assert agreement_words(0.71) == "agree (rank correlation 0.71)"
    assert agreement_words(0.3) == "agree in part (rank correlation 0.30)"
    assert agreement_words(-0.2) == "do not agree (rank correlation -0.20)"
    assert agreement_words(None) == "cannot be compared: one of them is empty"
    cam = np.ones((2, 2), np.float32)
    words = [sanity_words(Explanation("cam", "pneumonia", cam, 0.9, rho)) for rho in (0.1, 0.6)]
    assert words[0].startswith("Passed: with randomised weights the map is different")
    assert words[1].startswith("Failed: with randomised weights the map is much the same")


def test_an_empty_map_of_the_randomised_network_is_no_other_map() -> None:
    cam = np.eye(2, dtype=np.float32)
    assert flat_words(cam) == ""
    assert flat_words(0 * cam) == "empty"
    assert flat_words(0 * cam + 0.5) == "the same everywhere"
    words = sanity_words(Explanation("cam", "pneumonia", cam, 0.9, None, "empty"))
    assert words == (
        "With randomised weights the map is empty: this map depends on what the network learnt, "
        "but there is no second map to compare it with."
    )
    nothing = Explanation("cam", "pneumonia", 0 * cam, 0.1)
    assert sanity_words(nothing) == "Not checked: the map is empty."


def test_the_sanity_check_names_an_empty_map(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(network: keras.Model) -> keras.Model:
        import keras

        other = keras.models.clone_model(network)
        other.set_weights([0 * weights for weights in network.get_weights()])
        return other

    monkeypatch.setattr("pneumo_core.inference.explain.randomised", none)
    film = np.full((64, 64), 20, np.uint8)
    film[40:, 40:] = 220
    one = next(explanations(tiny_bundle, film, ["cam"], sanity=True))
    assert one.cam.max() > 0.5
    assert (one.randomised, one.randomised_flat) == (None, "empty")


def test_grad_cam_is_no_second_opinion_on_cam(network: keras.Model) -> None:
    """For one class, of a network that ends with average pooling and one linear layer."""
    film = np.random.default_rng(5).integers(0, 255, (32, 32), np.uint8)
    _, features = logits_and_features(network, film)
    kernel = np.array(network.get_layer("logits").kernel)
    evidence = np.maximum(features @ (kernel[:, 1] - kernel[:, 0]), 0)
    two = _of_two_classes(network)
    np.testing.assert_allclose(
        gradient_map(two, film, "gradcam", (1,)), evidence / evidence.max(), atol=1e-4
    )
    cam = np.eye(2, dtype=np.float32)
    maps = [Explanation(name, "pneumonia", cam, 0.9) for name in ("gradcam", "cam", "scorecam")]
    assert pair_words(*maps[:2]) == (
        "Grad-CAM and CAM are one method for this network (average pooling and one linear layer): "
        "their agreement confirms nothing"
    )
    assert pair_words(*maps[1:]) == "CAM and Score-CAM agree (rank correlation 1.00)"
