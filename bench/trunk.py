"""The parent's last stage, trained on with two sources, its evidence held to the lungs.

Every batch holds films of both sources, half of them normal. Some have their lungs painted over and
are half normal and half pneumonia; of some nothing but the lungs is left, and they stay what they
are. Beside the likelihood the loss has the share of the evidence for pneumonia that lies outside
the lungs, as the map of a reading shows it (Ross et al. 2017, Right for the right reasons, arXiv
1703.03717). Batch normalisation stays as it is.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.sources import SEED, Source
from pneumo_core.imaging.lung_frame import Window
from pneumo_core.perturbations.marks import MEAN_GREY
from pneumo_core.training.hardware import find_machine
from pneumo_core.training.network import freeze

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.bundle.framing import Framing

FINE = 48  # cells each way on which the evidence is compared with the lungs


@dataclass(frozen=True)
class Schedule:
    """How the last stage is trained on."""

    steps: int = 300
    films: tuple[int, int] = (26, 6)  # of each source in a batch
    rate: float = 1e-4
    weight_decay: float = 0.01
    average: float = 0.985  # of the moving average of the weights, which is what is kept
    trained_from: str = "conv4"
    outside_lungs: float = 0.5  # weight of the share of the evidence outside the lungs
    subtype: float = 0.3  # weight of viral against bacterial
    smoothing: float = 0.03
    blank: float = 0.1  # share of films whose lungs are painted over
    only: float = 0.3  # share of the others of which nothing but the lungs is left


@dataclass(frozen=True)
class Films:
    """One source, with what the finder says of each film."""

    source: Source
    masks: NDArray[np.bool_]  # (N, 224, 224), False where no lungs are found
    windows: list[Window]

    @classmethod
    def of(cls, source: Source, framing: Framing, work: Path) -> Films:
        """Lungs and windows of every film, kept in `work`."""
        path = work / f"lungs-{source.name}.npz"
        if not path.exists():
            work.mkdir(parents=True, exist_ok=True)
            copies = np.asarray(source.copies)
            at = [(w.x, w.y, w.width, w.height) for w in framing.windows(copies)]
            masks: Any = framing.masks(copies)
            np.savez_compressed(path, masks=masks, windows=np.array(at))
        with np.load(path) as kept:
            windows = [Window(*(float(one) for one in at)) for at in kept["windows"]]
            return cls(source, kept["masks"], windows)

    @cached_property
    def viral(self) -> NDArray[np.float32]:
        """0 bacterial, 1 viral, -1 where the kind is not known or the film normal, (N,)."""
        kinds = {"bacterial": 0.0, "viral": 1.0}
        return np.array([kinds.get(one, -1.0) for one in self.source.table["subtype"]], np.float32)


def painted(
    film: NDArray[np.float32], lungs: NDArray[np.bool_], paint: str, rng: np.random.Generator
) -> NDArray[Any]:
    """A film (S, S) without its lungs ("blank") or with nothing else ("only"), or as it is."""
    import cv2

    if paint == "blank":
        grey = rng.choice([0.0, MEAN_GREY, rng.uniform(0, 255)])
        return np.where(lungs, np.float32(grey), film)
    if paint == "only":
        around = np.ones((int(rng.integers(1, 8)),) * 2, np.uint8)
        return film * cv2.dilate(lungs.astype(np.uint8), around)
    return film


def moved(window: Window, side: int, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Where each pixel of an input (size) comes from on a copy (side), float64 (2, 3).

    The window is shifted, scaled, stretched, turned and mirrored at random.
    """
    area, stretch = np.sqrt(rng.uniform(0.72, 1.15)), np.exp(rng.uniform(-0.1, 0.1))
    across = window.width * area * stretch * side / size * rng.choice([-1.0, 1.0])
    down = window.height * area / stretch * side / size
    angle = np.deg2rad(rng.normal(0, 5))
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[across * cos, -down * sin], [across * sin, down * cos]])
    centre = (np.array([window.x, window.y]) + rng.normal(0, 0.03, 2)) * side - 0.5
    return np.column_stack([turn, centre - turn @ np.full(2, (size - 1) / 2)])


def developed(sampled: NDArray[Any], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A film (S, S) under another exposure, with noise, compression and a covered place."""
    import cv2

    seen = 255 * np.clip(sampled / 255, 1e-4, 1) ** np.exp(rng.uniform(-0.45, 0.45))
    mean, contrast = seen.mean(), np.exp(rng.uniform(-0.35, 0.35))
    seen = (seen - mean) * contrast + mean + 255 * rng.uniform(-0.1, 0.1)
    if rng.random() < 0.4:
        seen = seen + rng.normal(0, 1, seen.shape) * rng.uniform(0, 14)
    film = np.asarray(np.clip(seen, 0, 255), np.uint8)
    if rng.random() < 0.35:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        packed = cv2.imencode(".jpg", film, quality)[1]
        film = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    if rng.random() < 0.3:
        size = film.shape[0]
        high, wide = rng.integers(size // 16, size // 4, 2)
        top, left = rng.integers(0, size - high), rng.integers(0, size - wide)
        film[top : top + high, left : left + wide] = rng.choice(
            np.array([0, 0, rng.integers(0, 255)])
        )
    return film


@dataclass(frozen=True)
class Batches:
    """Training batches of both sources without the films of a fold."""

    sources: tuple[Films, Films]
    schedule: Schedule
    size: int
    without: int | None

    @cached_property
    def rows(self) -> list[list[NDArray[np.int64]]]:
        """What is trained on of each source: its normal films and its pneumonias."""
        return [
            [
                np.flatnonzero(
                    (of.source.table["fold"] != self.without) & (of.source.positive == one)
                )
                for one in (False, True)
            ]
            for of in self.sources
        ]

    def one(self, number: int) -> tuple[NDArray[np.float32], ...]:
        """Batch `number`: inputs (B, S, S, 1), lungs (B, 48, 48) and targets (B, 3).

        Targets: pneumonia 0..1; 0 bacterial, 1 viral or -1; 1 where the evidence counts.
        """
        rng, seen = np.random.default_rng((SEED, number)), []
        for films, rows, count in zip(self.sources, self.rows, self.schedule.films, strict=True):
            seen += [
                self._film(films, int(rng.choice(rows[place % 2])), rng) for place in range(count)
            ]
        inputs, lungs, targets = (
            np.stack(one).astype(np.float32) for one in zip(*seen, strict=True)
        )
        return inputs[..., None], lungs, targets

    def _film(self, films: Films, row: int, rng: np.random.Generator) -> tuple[Any, Any, Any]:
        import cv2

        s, mask, positive = self.schedule, films.masks[row], bool(films.source.positive[row])
        paint = "blank" if rng.random() < s.blank else "only" if rng.random() < s.only else ""
        paint = paint if mask.any() else ""
        film = np.asarray(films.source.copies[row], np.float32)
        film = painted(film, mask, paint, rng)
        blurred = cv2.GaussianBlur(film, (0, 0), max(0.05, float(rng.uniform(0, 1.6))))
        back = moved(films.windows[row], film.shape[0], self.size, rng)
        flags, edge = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, rng.integers(0, 2)
        beyond = (cv2.BORDER_REPLICATE, cv2.BORDER_CONSTANT)[edge]
        side = (self.size, self.size)
        seen = cv2.warpAffine(blurred, back, side, flags=flags, borderMode=beyond)
        where = cv2.warpAffine(mask.astype(np.float32), back, side, flags=flags)
        where = cv2.resize(where, (FINE, FINE), interpolation=cv2.INTER_AREA)
        counts = positive and bool(mask.any()) and paint != "blank"
        chance = 0.5 if paint == "blank" else s.smoothing + (1 - 2 * s.smoothing) * positive
        kind = films.viral[row] if counts else -1.0
        return developed(seen, rng), where, (chance, kind, float(counts))

    def __iter__(self) -> Iterator[tuple[NDArray[np.float32], ...]]:
        with ThreadPoolExecutor(1) as pool:
            waiting = [pool.submit(self.one, number) for number in range(3)]
            for number in range(self.schedule.steps):
                yield waiting.pop(0).result()
                waiting.append(pool.submit(self.one, number + 3))


_FLOAT32 = {"scaling", "features", "pooled", "logits", "inner_mean"}


def in_bfloat16(network: Any) -> Any:
    """The same network, its trunk computing in bfloat16."""
    import keras

    def changed(layer: Any) -> Any:
        config = layer.get_config()
        if layer.name not in _FLOAT32:
            config["dtype"] = "mixed_bfloat16"
        return layer.__class__.from_config(config)

    made = keras.models.clone_model(network, clone_function=changed)
    made.set_weights(network.get_weights())
    return made


def losses(network: Any) -> Any:
    """A function of a batch that gives the likelihood loss, the subtype's and the evidence's."""
    import keras
    import tensorflow as tf

    head = network.get_layer("logits")
    model = keras.Model(network.input, [network.get_layer("features").output, network.output])

    def of(inputs: Any, lungs: Any, targets: Any) -> tuple[Any, Any, Any]:
        chance, kind, counts = tf.unstack(targets, axis=1)
        features, logits = model(inputs, training=True)
        odds = tf.reduce_logsumexp(logits[:, 1:], axis=1) - logits[:, 0]
        likelihood = tf.nn.sigmoid_cross_entropy_with_logits(chance, odds)
        known = tf.cast(kind >= 0, tf.float32)
        viral = logits[:, 2] - logits[:, 1]
        subtype = tf.nn.sigmoid_cross_entropy_with_logits(tf.maximum(kind, 0.0), viral)
        share = tf.stop_gradient(tf.nn.softmax(logits[:, 1:]))
        direction = tf.matmul(share, head.kernel[:, 1:], transpose_b=True) - head.kernel[:, 0]
        evidence = tf.nn.relu(tf.einsum("bhwk,bk->bhw", features, direction))
        fine = tf.image.resize(evidence[..., None], (FINE, FINE))[..., 0]
        beside = tf.reduce_sum(fine * (1 - lungs), (1, 2)) / (tf.reduce_sum(fine, (1, 2)) + 1e-3)
        return (
            tf.reduce_mean(likelihood),
            tf.reduce_mean(known * subtype),
            tf.reduce_mean(counts * beside),
        )

    return of


def train_on(network: Any, batches: Batches) -> None:
    """Train the last stage of `network` in place; it ends with the moving average of its weights.

    In bfloat16 where the processor multiplies in it.
    """
    import keras
    import tensorflow as tf

    schedule = batches.schedule
    half = find_machine().policy == "mixed_bfloat16"
    trained = in_bfloat16(network) if half else network
    freeze(trained, schedule.trained_from)
    loss, variables = losses(trained), trained.trainable_variables
    warm = max(1, schedule.steps // 12)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.rate * 0.05,
        schedule.steps,
        warmup_target=schedule.rate,
        warmup_steps=warm,
        alpha=0.05,
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=schedule.weight_decay, clipnorm=1.0)
    optimizer.build(variables)

    @tf.function  # type: ignore[untyped-decorator]
    def step(*batch: Any) -> Any:
        with tf.GradientTape() as tape:
            parts = loss(*batch)
            total = parts[0] + schedule.subtype * parts[1] + schedule.outside_lungs * parts[2]
        optimizer.apply(tape.gradient(total, variables), variables)
        return tf.stack(parts)

    average, seen = [np.asarray(one) for one in variables], []
    begun = time.monotonic()
    for number, batch in enumerate(batches, start=1):
        seen.append(np.asarray(step(*(tf.constant(part) for part in batch))))
        keep = min(schedule.average, number / (9 + number))
        average = [
            keep * one + (1 - keep) * np.asarray(now)
            for one, now in zip(average, variables, strict=True)
        ]
        if number % 50 == 0:
            mean, spent = np.mean(seen[-50:], axis=0), (time.monotonic() - begun) / number
            words = "loss {:.3f}, of the subtype {:.3f}, evidence outside the lungs {:.3f}"
            print(f"  step {number}: {words.format(*mean)}; {spent:.2f} s a step", flush=True)
    for variable, value in zip(variables, average, strict=True):
        variable.assign(value)
    if half:
        network.set_weights(trained.get_weights())
