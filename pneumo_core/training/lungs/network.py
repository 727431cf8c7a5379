"""The lung finder's network: a small U-Net from a film to the probability maps of both lungs.

Ronneberger et al. 2015, arXiv 1505.04597; the last convolution gives four cells a place, so that
the maps have the input's own resolution at low cost (Shi et al. 2016, arXiv 1609.05158).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pneumo_core.imaging.lungs import SIDE

if TYPE_CHECKING:
    import keras

WIDTHS = (16, 32, 64, 96)


def build_network() -> keras.Model:
    """An untrained network: film float32 (N, 128, 128, 1) in 0..255 → (N, 128, 128, 2) in 0..1.

    Channel 0 is the patient's right lung, on the left of an upright, unmirrored film.
    """
    import keras
    from keras import layers

    film = keras.Input((SIDE, SIDE, 1), name="film")
    x = layers.Rescaling(1 / 127.5, -1.0)(film)
    x = _conv(x, WIDTHS[0], stride=2)
    skips = []
    for depth, width in enumerate(WIDTHS):
        x = _conv(x, width, stride=2) if depth else x
        x = _conv(x, width)
        skips.append(x)
    x = _conv(_whole_film(x, WIDTHS[-1]), WIDTHS[-1])
    for skip, width in zip(reversed(skips), reversed(WIDTHS), strict=True):
        x = layers.UpSampling2D(interpolation="bilinear")(_conv(x, width, kernel=1))
        x = _conv(layers.Add()([x, skip]), width)
    return keras.Model(film, _maps(x), name="lungs")


def _conv(x: Any, width: int, *, stride: int = 1, kernel: int = 3) -> Any:
    from keras import layers

    x = layers.Conv2D(width, kernel, stride, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))


def _whole_film(x: Any, width: int) -> Any:
    """One level deeper, each place informed of the mean of all."""
    from keras import layers

    x = _conv(_conv(x, width, stride=2), width)
    mean = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Add()([x, layers.Dense(width)(mean)])


def _maps(x: Any) -> Any:
    """Eight channels at half the side become two at the whole: each place gives 2 × 2 cells."""
    from keras import layers

    half = SIDE // 2
    x = layers.Conv2D(8, 3, padding="same", name="cells")(x)
    x = layers.Reshape((half, half, 2, 2, 2))(x)
    x = layers.Permute((1, 3, 2, 4, 5))(x)
    x = layers.Reshape((SIDE, SIDE, 2))(x)
    return layers.Activation("sigmoid", name="lungs")(x)


def segmentation_loss(truth: Any, probabilities: Any) -> Any:
    """Cross-entropy a cell plus half of 1 - Dice a lung that is there: (N,) of (N, h, h, 2)."""
    from keras import ops

    p = ops.clip(probabilities, 1e-5, 1 - 1e-5)
    entropy = -ops.mean(truth * ops.log(p) + (1 - truth) * ops.log(1 - p), axis=(1, 2, 3))
    area = ops.sum(truth, axis=(1, 2))
    both, sizes = ops.sum(truth * p, axis=(1, 2)), area + ops.sum(p, axis=(1, 2))
    there = ops.cast(area > 0.005 * SIDE * SIDE, "float32")
    dice = ops.mean(there * (1 - (2 * both + 1) / (sizes + 1)), axis=1)
    return entropy + 0.5 * dice
