"""The training augmentation, as one Keras layer on the device.

It removes what separates this data set's classes without being disease: framing, aspect,
exposure, sharpness and compression (see FACTS in the model card). Every film is re-framed by one
affine sampling, then passes through exposure, sharpness, compression, noise and occlusion.
Keras's own image layers cover most of this one by one; a chain of them would resample a film
four times and cannot put margins of different greys around films of one batch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from keras import ops


@dataclass(frozen=True)
class Augmentation:
    """Strengths. Pairs are uniform ranges; chances are per film."""

    area: tuple[float, float] = (0.5, 1.1)  # of the film's area kept; above 1 adds margins
    aspect: float = 1.43  # width over height, between 1/aspect and aspect
    rotation_deg: float = 12.0
    shear: float = 0.08
    shift: float = 0.06  # of the side, beyond what the crop leaves free
    flip: float = 0.5
    gamma: float = 0.5  # log range
    contrast: float = 0.35  # log range
    brightness: float = 0.12  # of full scale
    softness: tuple[float, float] = (-0.8, 1.0)  # below 0 sharpens, 1 is a 2 px blur
    noise: float = 0.035  # of full scale
    compression: float = 0.5  # chance of JPEG-like block quantisation
    occlusion: float = 0.35  # chance of a covered rectangle
    border: float = 0.35  # chance of covered edges, as by collimation


@keras.saving.register_keras_serializable(package="pneumo")
class FilmAugment(keras.layers.Layer):  # type: ignore[misc]
    """Films float32 (N, S, S, 1) in 0..255 → the same, disturbed; identity outside training."""

    def __init__(self, strength: Augmentation, *, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.strength = strength
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        """The layer's configuration: strengths and seed."""
        return {**super().get_config(), "strength": asdict(self.strength), "seed": self.seed}

    def call(self, films: Any, training: bool = False) -> Any:
        """Disturb while training."""
        if not training:
            return films
        x = films / 255.0
        x = self._reframe(x)
        x = self._expose(x)
        x = self._soften(x)
        x = self._compress(x)
        x = self._cover(x)
        x = x + self._normal(ops.shape(x)) * self._uniform(x, 0.0, self.strength.noise)
        return ops.clip(x, 0.0, 1.0) * 255.0

    def _uniform(self, x: Any, low: float, high: float) -> Any:
        """One number a film, shape (N, 1, 1, 1)."""
        return keras.random.uniform((ops.shape(x)[0], 1, 1, 1), low, high, seed=self.random)

    def _normal(self, shape: Any) -> Any:
        return keras.random.normal(shape, seed=self.random)

    def _chance(self, x: Any, probability: float) -> Any:
        return ops.cast(self._uniform(x, 0.0, 1.0) < probability, "float32")

    def _reframe(self, x: Any) -> Any:
        """Crop, stretch, turn, shear, shift and mirror in one bilinear sampling."""
        s, size = self.strength, float(x.shape[1])

        def flat(low: float, high: float) -> Any:
            return self._uniform(x, low, high)[:, 0, 0, 0]

        area, log_aspect = flat(*s.area), flat(-math.log(s.aspect), math.log(s.aspect))
        wide = ops.sqrt(area * ops.exp(log_aspect))
        high = ops.sqrt(area / ops.exp(log_aspect))
        angle = flat(-1, 1) * (s.rotation_deg * math.pi / 180)
        mirror = ops.where(flat(0, 1) < s.flip, -1.0, 1.0)
        cos, sin, shear = ops.cos(angle), ops.sin(angle), flat(-s.shear, s.shear)
        a0, a1 = mirror * wide * cos, high * (shear * cos - sin)
        b0, b1 = mirror * wide * sin, high * (shear * sin + cos)
        centre = (size - 1) / 2
        free_x = ops.maximum(1 - wide, 0.0) / 2 + s.shift
        free_y = ops.maximum(1 - high, 0.0) / 2 + s.shift
        a2 = centre - (a0 + a1) * centre + flat(-1, 1) * free_x * size
        b2 = centre - (b0 + b1) * centre + flat(-1, 1) * free_y * size
        zero = ops.zeros_like(a0)
        transform = ops.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1)
        # Outside the film: black for most, else a grey of the film's own, as scanned margins are.
        fill = self._chance(x, 0.5) * self._uniform(x, 0.0, 0.8)
        inside = ops.image.affine_transform(x - fill, transform, fill_mode="constant")
        return inside + fill

    def _expose(self, x: Any) -> Any:
        s = self.strength
        x = ops.power(ops.clip(x, 1e-4, 1.0), ops.exp(self._uniform(x, -s.gamma, s.gamma)))
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        x = (x - mean) * ops.exp(self._uniform(x, -s.contrast, s.contrast)) + mean
        return ops.clip(x + self._uniform(x, -s.brightness, s.brightness), 0.0, 1.0)

    def _soften(self, x: Any) -> Any:
        """Blend with a blurred copy: towards it softens, away from it sharpens."""
        taps = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
        kernel = (np.outer(taps, taps) / taps.sum() ** 2).astype("float32")[..., None, None]
        blurred = ops.depthwise_conv(x, kernel, padding="same")
        # Half of the films keep their sharpness.
        amount = self._chance(x, 0.5) * self._uniform(x, *self.strength.softness)
        return x + amount * (blurred - x)

    def _compress(self, x: Any) -> Any:
        """Round 8×8 cosine coefficients, coarser for higher frequencies, as JPEG does."""
        size = x.shape[1]
        if size % 8:
            return x
        k = np.arange(8)
        dct = np.sqrt(2 / 8) * np.cos(np.pi * (k[None] + 0.5) * k[:, None] / 8)
        dct[0] /= math.sqrt(2)
        basis = dct.astype("float32")
        step = ((4 + 3 * (k[:, None] + k[None])) / 255.0).astype("float32")[None, None, None]
        step = step * ops.reshape(ops.exp(self._uniform(x, -1.5, 2.0)), (-1, 1, 1, 1, 1))
        blocks = ops.reshape(x, (-1, size // 8, 8, size // 8, 8))
        blocks = ops.transpose(blocks, (0, 1, 3, 2, 4))
        coarse = ops.round(ops.matmul(ops.matmul(basis, blocks), basis.T) / step) * step
        back = ops.matmul(ops.matmul(basis.T, coarse), basis)
        back = ops.reshape(ops.transpose(back, (0, 1, 3, 2, 4)), (-1, size, size, 1))
        return x + self._chance(x, self.strength.compression) * (back - x)

    def _cover(self, x: Any) -> Any:
        """Cover one rectangle, and the edges, with a flat grey."""
        size = x.shape[1]
        column = ops.reshape(ops.arange(size, dtype="float32") / size, (1, 1, -1, 1))
        row = ops.reshape(ops.arange(size, dtype="float32") / size, (1, -1, 1, 1))
        half_w, half_h = self._uniform(x, 0.03, 0.16), self._uniform(x, 0.03, 0.16)
        centre_x, centre_y = self._uniform(x, 0.0, 1.0), self._uniform(x, 0.0, 1.0)
        patch = (ops.abs(column - centre_x) < half_w) & (ops.abs(row - centre_y) < half_h)
        patch = ops.cast(patch, "float32") * self._chance(x, self.strength.occlusion)
        edges = [self._uniform(x, -0.08, 0.14) for _ in range(4)]
        open_field = (column > edges[0]) & (column < 1 - edges[1])
        open_field = open_field & (row > edges[2]) & (row < 1 - edges[3])
        frame = (1 - ops.cast(open_field, "float32")) * self._chance(x, self.strength.border)
        grey = self._uniform(x, -0.4, 1.0)
        hidden = ops.maximum(patch, frame)
        return x * (1 - hidden) + ops.maximum(grey, 0.0) * hidden
