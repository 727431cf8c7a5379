"""The training augmentation, as one Keras layer on the device.

It varies what separates the classes of this data set without being disease: framing, aspect,
exposure, sharpness and compression. Every film is cropped, stretched and rotated by one affine
sampling; exposure, sharpness, compression, noise and occlusion follow. What depends on a film's
class is decided by `training.framing_bias` and passed in as its plan.
Keras' own image layers cover most of this one by one; a chain of them would resample a film
four times and cannot put margins of different greys around films of one batch.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.training.framing_bias import BLANK, KEPT_HEIGHT, KEPT_WIDTH

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Augmentation:
    """Strengths. Pairs are uniform ranges; chances are per film."""

    area: tuple[float, float] = (0.5, 1.1)  # of the film's area kept; above 1 adds margins
    aspect: float = 1.43  # width over height, between 1/aspect and aspect
    rotation_deg: float = 12.0
    shear: float = 0.08
    shift: float = 0.06  # of the side, beyond the room that the crop leaves
    flip: float = 0.5
    replicate: float = 0.3  # chance that margins repeat the film's edge; else they are one grey
    gamma: float = 0.5  # log range
    contrast: float = 0.35  # log range
    brightness: float = 0.12  # of full scale
    softness: tuple[float, float] = (-0.8, 1.0)  # below 0 sharpens, 1 is a 2 px blur
    noise: float = 0.035  # of full scale
    compression: float = 0.5  # chance of JPEG-like block quantisation
    occlusion: float = 0.35  # chance of a covered rectangle
    border: float = 0.5  # chance of covered edges, as by collimation
    tilt_deg: float = 12.0  # of the covered edges
    inverted: float = 0.15  # share of the covered edges that are inverted and not covered


@keras.saving.register_keras_serializable(package="pneumo")
class FilmAugment(keras.layers.Layer):  # type: ignore[misc]
    """Films float32 (N, S, S, 1) in 0..255 → the same, augmented; identity outside training.

    With a plan, float32 (N, 3) as `Counterweight.plan` makes it, it is called on [films, plan].
    """

    def __init__(self, strength: Augmentation, *, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", trainable=False, **kwargs)
        self.strength = strength
        self.seed = seed
        self.random = keras.random.SeedGenerator(seed)

    def get_config(self) -> dict[str, Any]:
        """The layer's configuration: strengths and seed."""
        return {**super().get_config(), "strength": asdict(self.strength), "seed": self.seed}

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Augment while training."""
        films, plan = inputs if isinstance(inputs, list | tuple) else (inputs, None)
        if not training:
            return films
        x = films / 255.0
        if plan is not None:
            x = self._blank(x, plan[:, BLANK])
        x = self._reframe(x, plan)
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

    def _blank(self, x: Any, chosen: Any) -> Any:
        """Paint both lung fields, roughly, in one shade, where `chosen` (N,) is 1."""
        row, column = self._grid(x)
        half_width, half_height = self._uniform(x, 0.2, 0.3), self._uniform(x, 0.4, 0.52)
        along = (row - self._uniform(x, 0.42, 0.58)) / half_height
        hidden = ops.zeros_like(x)
        for low, high in ((0.24, 0.34), (0.66, 0.76)):
            across = (column - self._uniform(x, low, high)) / half_width
            hidden = ops.maximum(hidden, ops.cast(across**2 + along**2 < 1, "float32"))
        hidden = hidden * ops.reshape(chosen, (-1, 1, 1, 1))
        return x * (1 - hidden) + self._uniform(x, 0.0, 0.8) * hidden

    def _grid(self, x: Any) -> tuple[Any, Any]:
        """Row and column of every pixel, 0..1, shapes (1, S, 1, 1) and (1, 1, S, 1)."""
        places = ops.arange(x.shape[1], dtype="float32") / x.shape[1]
        return ops.reshape(places, (1, -1, 1, 1)), ops.reshape(places, (1, 1, -1, 1))

    def _reframe(self, x: Any, plan: Any) -> Any:
        """Crop, stretch, rotate, shear, shift and mirror in one bilinear sampling."""
        across, down = self._frame(x, plan)
        zero = ops.zeros_like(across[0])
        transform = ops.stack([*across, *down, zero, zero], axis=1)
        seen = ops.image.affine_transform(x, transform, fill_mode="nearest")
        # Outside the film: its edge repeated for some, black or one grey for most.
        inside = ops.maximum(
            self._within(x, across, down), self._chance(x, self.strength.replicate)
        )
        grey = ops.maximum(self._uniform(x, -0.6, 0.8), 0.0)
        return seen * inside + grey * (1 - inside)

    def _frame(self, x: Any, plan: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Where each film is sampled: x = a·column + b·row + c, and y; a, b, c of shape (N,)."""
        s, size = self.strength, float(x.shape[1])

        def flat(low: float, high: float) -> Any:
            return self._uniform(x, low, high)[:, 0, 0, 0]

        area, log_aspect = flat(*s.area), flat(-math.log(s.aspect), math.log(s.aspect))
        wide = ops.sqrt(area * ops.exp(log_aspect))
        high = ops.sqrt(area / ops.exp(log_aspect))
        if plan is not None:
            wide, high = wide * plan[:, KEPT_WIDTH], high * plan[:, KEPT_HEIGHT]
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
        return (a0, a1, a2), (b0, b1, b2)

    def _within(self, x: Any, across: tuple[Any, ...], down: tuple[Any, ...]) -> Any:
        """1 where a pixel of the result lies on the film, else 0: (N, S, S, 1)."""
        row, column = (place * x.shape[1] for place in self._grid(x))
        inside = ops.ones_like(x)
        for over_x, over_y, shift in (across, down):
            a, b, c = (ops.reshape(value, (-1, 1, 1, 1)) for value in (over_x, over_y, shift))
            place = a * column + b * row + c
            inside = inside * ops.cast((place >= 0) & (place <= x.shape[1] - 1), "float32")
        return inside

    def _expose(self, x: Any) -> Any:
        s = self.strength
        x = ops.power(ops.clip(x, 1e-4, 1.0), ops.exp(self._uniform(x, -s.gamma, s.gamma)))
        mean = ops.mean(x, axis=(1, 2, 3), keepdims=True)
        x = (x - mean) * ops.exp(self._uniform(x, -s.contrast, s.contrast)) + mean
        return ops.clip(x + self._uniform(x, -s.brightness, s.brightness), 0.0, 1.0)

    def _soften(self, x: Any) -> Any:
        """Blend with a blurred copy: towards it blurs, away from it sharpens."""
        taps = np.exp(-0.5 * (np.arange(-4, 5) / 2.0) ** 2)
        blurred = _filtered(x, taps / taps.sum())
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
        """Cover one rectangle, and the edges, straight or tilted, with a flat grey."""
        s = self.strength
        row, column = self._grid(x)
        angle = self._chance(x, 0.6) * self._uniform(x, -1.0, 1.0) * (s.tilt_deg * math.pi / 180)
        cos, sin = ops.cos(angle), ops.sin(angle)
        across = 0.5 + (column - 0.5) * cos + (row - 0.5) * sin
        along = 0.5 - (column - 0.5) * sin + (row - 0.5) * cos
        edges = [self._uniform(x, -0.1, 0.15) for _ in range(4)]
        open_field = (across > edges[0]) & (across < 1 - edges[1])
        open_field = open_field & (along > edges[2]) & (along < 1 - edges[3])
        frame = (1 - ops.cast(open_field, "float32")) * self._chance(x, s.border)
        inverted = self._chance(x, s.inverted)
        grey = ops.maximum(self._uniform(x, -1.0, 1.0), 0.0)
        x = x * (1 - frame) + (inverted * (1 - x) + (1 - inverted) * grey) * frame
        half_w, half_h = self._uniform(x, 0.03, 0.16), self._uniform(x, 0.03, 0.16)
        centre_x, centre_y = self._uniform(x, 0.0, 1.0), self._uniform(x, 0.0, 1.0)
        patch = (ops.abs(column - centre_x) < half_w) & (ops.abs(row - centre_y) < half_h)
        patch = ops.cast(patch, "float32") * self._chance(x, s.occlusion)
        return x * (1 - patch) + ops.maximum(self._uniform(x, -0.4, 1.0), 0.0) * patch


def _filtered(x: Any, taps: NDArray[np.float64]) -> Any:
    """Films (N, S, S, 1) filtered with `taps` down and across; beyond the film is 0.

    As products with a banded matrix, which is some thirty times as fast on a CPU as a convolution.
    """
    side, reach = x.shape[1], len(taps) // 2
    offset = np.arange(side)[None] - np.arange(side)[:, None] + reach
    band = np.where((offset >= 0) & (offset < len(taps)), taps[offset.clip(0, len(taps) - 1)], 0)
    band = band.astype("float32")
    return ops.matmul(ops.matmul(band, x[..., 0]), band.T)[..., None]
