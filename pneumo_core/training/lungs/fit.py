"""The lung finder's network and how it is fitted: augmented films, AdamW, cosine schedule.

The network is a small U-Net from a film to the probability maps of both lungs, Ronneberger et al.
2015, arXiv 1505.04597; the last convolution gives four cells a place, so that the maps have the
input's own resolution at low cost (Shi et al. 2016, arXiv 1609.05158).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pneumo_core.imaging.lung_shape import shape_features
from pneumo_core.imaging.lungs import (
    COPY_SIDE,
    SIDE,
    largest_parts,
    mirrored_mean,
    network_input,
    to_cells,
)
from pneumo_core.progress import Progress, silent
from pneumo_core.training.lungs.augment import MILD, Augmentation, augmented, exposed
from pneumo_core.training.lungs.other_images import other_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import keras
    from numpy.typing import NDArray

    from pneumo_core.imaging.film import Grey

PREDICTED_AT_ONCE = 32
WIDTHS = (16, 32, 64, 96)


@dataclass(frozen=True)
class FinderRecipe:
    """How a lung finder is trained.

    The first `strong_share` of the steps uses strong augmentation, the rest mild. After `marked_at`
    of them the network marks the films without masks ("adults"), and those of which it is sure make
    up `unmasked_share` of the films from then on (self-training). With `continued_steps` the last
    steps are taken twice: the network of a fold goes on with the same patients, and is measured;
    that of the last fold goes on with all masks, and is the final one. Without, the final network
    starts from random weights and takes `steps`.
    """

    steps: int = 2400
    continued_steps: int = 0
    batch: int = 16
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    strong_share: float = 0.7
    marked_at: float = 0.5  # share of the steps after which films without masks are marked
    unmasked_share: float = 0.2
    other_images: int = 1600  # generated images without lungs, to fit the judgement
    synthetic_films: int = 120  # Pneumo's own, which the judgement must accept
    strong: Augmentation = field(default_factory=Augmentation)
    mild: Augmentation = MILD
    seed: int = 7

    def continued(self) -> FinderRecipe:
        """The recipe of the continued steps: half the rate, films marked at once."""
        return replace(
            self,
            steps=self.continued_steps,
            learning_rate=self.learning_rate / 2,
            strong_share=0.4,
            marked_at=0.0,
        )


@dataclass(frozen=True, eq=False)
class Examples:
    """Films uint8 (N, 224, 224) and their lungs uint8 (N, 224, 224, 2), 0 or 255."""

    films: NDArray[np.uint8]
    lungs: NDArray[np.uint8]


def fit_finder(  # noqa: PLR0913 - what is trained on, how, and who follows
    masked: Examples,
    unmasked: NDArray[np.uint8] | None,
    recipe: FinderRecipe,
    *,
    start: keras.Model | None = None,
    report: Progress = silent,
    phase: str = "train",
) -> tuple[keras.Model, int]:
    """Train a network; with it how many of the `unmasked` films (N, 224, 224) it learned from.

    start: a trained network to go on from, left as it is; None starts from random weights.
    """
    import keras

    keras.utils.set_random_seed(recipe.seed)
    network = build_network()
    if start is not None:
        network.set_weights(start.get_weights())
    network.compile(optimizer=_optimizer(recipe), loss=segmentation_loss, jit_compile=False)
    network.optimizer.build(network.trainable_variables)  # or the first step is traced twice
    rng = np.random.default_rng(recipe.seed)
    marked: Examples | None = None
    began, losses = time.monotonic(), []
    for step in range(recipe.steps):
        if unmasked is not None and step == int(recipe.marked_at * recipe.steps):
            found = mark(network, unmasked, report=report)
            marked = found if len(found.films) else None
        how = recipe.strong if step < recipe.strong_share * recipe.steps else recipe.mild
        batch = make_batch(masked, marked, recipe, how, rng)
        losses.append(float(network.train_on_batch(*batch, return_dict=True)["loss"]))
        network.reset_metrics()  # the loss is of this batch alone
        if (step + 1) % 50 == 0 or step + 1 == recipe.steps:
            pace = (time.monotonic() - began) / (step + 1)
            left = pace * (recipe.steps - step - 1)
            words = f"loss {np.mean(losses[-50:]):.4f}, {left / 60:.0f} min left"
            report(phase, step + 1, recipe.steps, f"step {step + 1} of {recipe.steps}, {words}")
    return network, 0 if marked is None else len(marked.films)


def _optimizer(recipe: FinderRecipe) -> keras.Optimizer:
    import keras

    warm_up = max(1, recipe.steps // 20)
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        max(1, recipe.steps - warm_up),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm_up,
        alpha=0.01,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay, clipnorm=1.0)


def make_batch(
    masked: Examples,
    marked: Examples | None,
    recipe: FinderRecipe,
    how: Augmentation,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Films float32 (B, 128, 128, 1) in 0..255 and their maps float32 (B, 128, 128, 2) in 0..1."""
    films = np.empty((recipe.batch, SIDE, SIDE, 1), np.float32)
    maps = np.zeros((recipe.batch, SIDE, SIDE, 2), np.float32)
    for k in range(recipe.batch):
        source = masked
        if marked is not None and rng.random() < recipe.unmasked_share:
            source = marked
        row = rng.integers(len(source.films))
        film = np.asarray(source.films[row])
        if rng.random() < how.other_images:
            films[k, ..., 0] = exposed(other_image(rng, film), rng)
        else:
            seen, lungs = augmented(film, source.lungs[row], rng, how)
            films[k, ..., 0], maps[k] = seen, lungs / np.float32(255)
    return films, maps


def predictor(network: keras.Model) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """The network as `find_lungs` runs it: the mean over a film and its mirror image."""

    def run(films: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(network.predict_on_batch(films), np.float32)

    return mirrored_mean(run)


def predict_maps(
    network: keras.Model,
    films: NDArray[np.uint8],
    *,
    report: Progress = silent,
    phase: str = "read",
) -> Iterator[NDArray[np.float32]]:
    """The maps (128, 128, 2) of each film uint8 (N, H, W)."""
    run = predictor(network)
    for start in range(0, len(films), PREDICTED_AT_ONCE):
        part = films[start : start + PREDICTED_AT_ONCE]
        yield from run(np.concatenate([network_input(np.asarray(film)) for film in part]))
        report(phase, min(start + PREDICTED_AT_ONCE, len(films)), len(films))


def mark(network: keras.Model, films: NDArray[np.uint8], *, report: Progress = silent) -> Examples:
    """Those films (N, 224, 224) on which the network is sure of both lungs, with what it found.

    A film on which it is not is tried in quarter turns.
    """
    run = predictor(network)
    sure: list[Grey] = []
    lungs: list[Grey] = []
    for film, upright in zip(films, predict_maps(network, films), strict=True):
        report("mark", len(sure), len(films))
        for quarters in range(4):
            turned = np.rot90(film, quarters)
            maps = run(network_input(np.ascontiguousarray(turned)))[0] if quarters else upright
            if _is_sure(maps):
                sure.append(film)
                lungs.append(np.rot90(_enlarged(maps), -quarters))
                break
    shape = (0, COPY_SIDE, COPY_SIDE)
    if not sure:
        return Examples(np.zeros(shape, np.uint8), np.zeros((*shape, 2), np.uint8))
    report("mark", len(films), len(films), f"{len(sure):,} of {len(films):,} films marked")
    return Examples(np.stack(sure), np.stack(lungs))


def _is_sure(maps: NDArray[np.float32]) -> bool:
    """Both lungs large, solid, mirror images of each other, side by side, and little else."""
    cells = to_cells(maps)
    masks = largest_parts(cells)
    features = shape_features(cells, masks)
    area, confidence, solidity = features[0], features[3], features[6]
    if area < 0.03 or confidence < 0.85 or solidity < 0.85:
        return False
    scattered, agreement = features[14], features[16]
    right, left = (np.argwhere(masks[..., side]).mean(0) for side in (0, 1))
    down, across = np.abs(left - right)
    return bool(scattered <= 0.15 and agreement >= 0.6 and down < across)


def _enlarged(maps: NDArray[np.float32]) -> Grey:
    import cv2

    large = cv2.resize(maps, (COPY_SIDE, COPY_SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(largest_parts(np.asarray(large, np.float32)) * 255, np.uint8)


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
