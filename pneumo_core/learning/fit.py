"""One network trained on some films and validated on others."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.bundle.network import in_float32
from pneumo_core.errors import TrainingError
from pneumo_core.learning.augment import Augmentation, FilmAugment
from pneumo_core.learning.counterweight import NO_COUNTERWEIGHT, Counterweight
from pneumo_core.learning.feed import FilmBatches
from pneumo_core.learning.network import build_network, find_backbone
from pneumo_core.learning.optimizer import BlockwiseAdamW

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe

BEST = "best.weights.h5"


@dataclass(frozen=True)
class Films:
    """The films of a run: pixels uint8 (N, S, S), labels int (N,) into the recipe's classes."""

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]


class PneumoniaAUC(keras.metrics.AUC):  # type: ignore[misc]
    """Area under the ROC curve of pneumonia against normal, from the logits."""

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Rank films by how far the pneumonia logits outweigh the normal one."""
        margin = ops.logsumexp(y_pred[:, 1:], axis=-1) - y_pred[:, 0]
        # A quarter of the margin spreads confident films over the metric's fixed thresholds.
        super().update_state(1 - y_true[:, 0], ops.sigmoid(margin / 4), sample_weight)


def fit(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    films: Films,
    train_rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64],
    *,
    machine: Machine,
    folder: Path,
    weights: NDArray[np.float64] | None = None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> Any:
    """Train; the network of the best epoch's averaged weights, in float32.

    With no validation rows (the model of all films), or without `patience`, no choice is made and
    the last epoch's averaged weights count.
    `weights` float (N,): how much each film counts, beside its class.
    `folder` receives history.csv, the best weights and, while it lasts, the backup that a
    killed run resumes from.
    """
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(machine.policy)
    folder.mkdir(parents=True, exist_ok=True)

    network = build_network(
        recipe.backbone,
        size=recipe.size,
        classes=len(recipe.classes),
        weights=recipe.weights,
        trained_from=recipe.trained_from or None,
        dropout=recipe.dropout,
    )
    model = _with_augmentation(network, recipe)
    feed = FilmBatches(
        films.pixels,
        films.labels,
        train_rows,
        classes=len(recipe.classes),
        batch=recipe.batch,
        seed=recipe.seed,
        weights=_class_weights(recipe, films.labels, train_rows)
        * (np.ones(len(films.labels)) if weights is None else weights),
        counterweight=Counterweight() if recipe.augment else NO_COUNTERWEIGHT,
    )
    _compile(model, network, recipe, machine, steps=len(feed))
    held_out = None
    if len(validation_rows):
        held_out = FilmBatches(
            films.pixels,
            films.labels,
            validation_rows,
            classes=len(recipe.classes),
            batch=64,
            seed=None,
        )
    model.fit(
        feed,
        epochs=recipe.epochs,
        validation_data=held_out,
        callbacks=[
            *_callbacks(
                recipe, folder, feed, model, choose=held_out is not None and recipe.patience > 0
            ),
            *callbacks,
        ],
        # The feed shuffles films; Keras would shuffle batches on top, from no seed of ours.
        shuffle=False,
        verbose=0,
    )
    if not (folder / BEST).exists():
        raise TrainingError(
            "The loss became NaN before the first epoch ended. Lower the learning rate and "
            "train again."
        )
    model.load_weights(folder / BEST)
    keras.config.set_dtype_policy("float32")
    return in_float32(network)


def _with_augmentation(network: Any, recipe: Recipe) -> Any:
    film = keras.Input((recipe.size, recipe.size, 1), name="film")
    plan = keras.Input((3,), name="plan")
    seen = ops.cast(film, "float32")
    if recipe.augment:
        strength = Augmentation(area=(recipe.least_area, 1.1))
        seen = FilmAugment(strength, seed=recipe.seed, name="augment")([seen, plan])
    return keras.Model({"film": film, "plan": plan}, network(seen), name="training")


def _lower_and_head(network: Any, recipe: Recipe) -> tuple[list[str], list[str]]:
    """Paths of the trained variables below the backbone's own first trained block, and the head's.

    Trained from scratch there is no lower part: everything is as new as the head.
    """
    start = find_backbone(recipe.backbone).trained_from
    head = [v.path for v in network.get_layer("logits").trainable_variables]
    lower: list[str] = []
    if recipe.weights == "none" or not start:
        return lower, head
    for layer in network.layers:
        if layer.name.startswith(start):
            break
        lower += [v.path for v in layer.trainable_variables]
    return lower, head


def _compile(model: Any, network: Any, recipe: Recipe, machine: Machine, *, steps: int) -> None:
    total = steps * recipe.epochs
    warm = max(1, int(total * recipe.warm_up))
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate * 0.02,
        decay_steps=max(1, total - warm),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm,
        alpha=0.01,
    )
    lower, head = _lower_and_head(network, recipe)
    optimizer = BlockwiseAdamW(
        lower=lower,
        lower_rate=recipe.lower_rate,
        head=head,
        head_steps=0 if recipe.weights == "none" else int(total * recipe.head_first),
        learning_rate=schedule,
        weight_decay=recipe.weight_decay,
        clipnorm=1.0,
        use_ema=True,
        ema_momentum=min(recipe.ema_momentum, 1 - 2 / max(3, total)),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        metrics=[PneumoniaAUC(num_thresholds=500, name="auc")],
        jit_compile=machine.xla,
    )


def _class_weights(
    recipe: Recipe, labels: NDArray[np.int64], rows: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How much each film counts for its class, (N,): among `rows` all classes weigh the same."""
    if not recipe.class_weights:
        return np.ones(len(labels))
    counts = np.bincount(labels[rows], minlength=len(recipe.classes))
    by_class: NDArray[np.float64] = len(rows) / (len(counts) * np.maximum(1, counts))
    return by_class[labels]


def _callbacks(
    recipe: Recipe, folder: Path, feed: FilmBatches, model: Any, *, choose: bool
) -> list[keras.callbacks.Callback]:
    """Stock callbacks; those after SwapEMAWeights see the averaged weights at an epoch's end."""
    cb = keras.callbacks

    def begin(epoch: int, _logs: Any = None) -> None:
        # An epoch draws from its own seeds, so that a resumed run draws what the first one would.
        feed.start_epoch(epoch)
        for number, state in enumerate(v for v in model.variables if "seed_generator" in v.path):
            state.assign([recipe.seed + number, epoch << 16])

    listed = [
        cb.BackupAndRestore(folder / "backup", double_checkpoint=True),
        cb.LambdaCallback(on_epoch_begin=begin),
        cb.TerminateOnNaN(),
        cb.CSVLogger(folder / "history.csv", append=True),
        cb.SwapEMAWeights(swap_on_epoch=True),
        cb.ModelCheckpoint(
            folder / BEST,
            monitor="val_auc",
            mode="max",
            save_best_only=choose,
            save_weights_only=True,
            initial_value_threshold=_best_before(folder / "history.csv"),
        ),
    ]
    if choose:
        listed.append(cb.EarlyStopping(monitor="val_auc", mode="max", patience=recipe.patience))
    return listed


def _best_before(history: Path) -> float | None:
    """The best validation AUC of the epochs that a resumed run has behind it."""
    if not history.exists():
        return None
    with history.open(newline="", encoding="utf-8") as file:
        values = [float(row["val_auc"]) for row in csv.DictReader(file) if row.get("val_auc")]
    return max(values, default=None)


def predict_logits(network: Any, films: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Logits float32 (N, C) of films uint8 (N, S, S), in batches of 64."""
    logits = [np.empty((0, network.output_shape[-1]), "float32")]
    for start in range(0, len(films), 64):
        batch = films[start : start + 64]
        # All batches of one size: some backends compile anew for every other one.
        full = np.resize(batch, (64, *batch.shape[1:])) if start else batch
        logits.append(np.asarray(network.predict_on_batch(full[..., None]))[: len(batch)])
    return np.concatenate(logits)
