"""What is trained: a network behind its augmentation, with loss, optimizer and figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import keras
from keras import ops

from pneumo_core.learning.augment import Augmentation, FilmAugment
from pneumo_core.learning.backup import WrittenWhole
from pneumo_core.learning.network import find_backbone
from pneumo_core.learning.on_device import FilmsOnDevice
from pneumo_core.learning.optimizer import BlockwiseAdamW
from pneumo_core.learning.several_machines import SharedModel

if TYPE_CHECKING:
    from pneumo_core.learning.distribution import Devices
    from pneumo_core.learning.fold_feeds import Films
    from pneumo_core.learning.machine import Machine
    from pneumo_core.learning.recipe import Recipe


# So many that films still fall into different bins where their logits are all alike, early on.
_BINS = 20_000


class PneumoniaAUC(keras.metrics.AUC):  # type: ignore[misc]
    """Area under the ROC curve of pneumonia against normal, from the logits."""

    def __init__(self, name: str = "auc") -> None:
        super().__init__(num_thresholds=_BINS, name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Rank films by how far the pneumonia logits outweigh the normal one."""
        super().update_state(1 - y_true[:, 0], _leaning(y_pred), sample_weight)


class PneumoniaSensitivity(keras.metrics.SensitivityAtSpecificity):  # type: ignore[misc]
    """Share of pneumonia found where 90 % of the normal films are left alone, from the logits."""

    def __init__(self, name: str = "sensitivity") -> None:
        super().__init__(0.9, num_thresholds=_BINS, name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Rank films by how far the pneumonia logits outweigh the normal one."""
        super().update_state(1 - y_true[:, 0], _leaning(y_pred), sample_weight)


def _leaning(logits: Any) -> Any:
    margin = ops.logsumexp(logits[:, 1:], axis=-1) - logits[:, 0]
    # A quarter of the margin spreads confident films over the metric's fixed thresholds.
    return ops.sigmoid(margin / 4)


def training_model(network: Any, recipe: Recipe, devices: Devices, films: Films) -> Any:
    """`network` behind the recipe's augmentation: {"film": (B, S, S, 1), "plan": (B, 3)} → logits.

    Where all `films` are put on the device, {"row": (B,), "plan": (B, 3)}.
    To be called outside the devices' scope, see `several_machines.SharedModel`.
    """
    plan = keras.Input((3,), name="plan")
    if films.on_device:
        told = keras.Input((), name="row", dtype="int32")
        film = FilmsOnDevice(films.pixels, name="films")(told)
    else:
        told = film = keras.Input((recipe.size, recipe.size, 1), name="film")
    seen = ops.cast(film, "float32")
    if recipe.augment:
        strength = Augmentation(area=(recipe.least_area, 1.1))
        seen = FilmAugment(strength, seed=recipe.seed, name="augment")([seen, plan])
    if devices.replicas > 1 and keras.backend.backend() == "tensorflow":  # JAX does so by itself
        see_the_whole_batch(network, whole=True)
    kind = SharedModel if devices.machines > 1 else WrittenWhole
    return kind({told.name: told, "plan": plan}, network(seen), name="training")


def see_the_whole_batch(network: Any, *, whole: bool) -> None:
    """Let batch normalisation see the whole batch, or else each device's part of it."""
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = whole and layer.trainable


def compile_model(
    model: Any, network: Any, recipe: Recipe, machine: Machine, *, steps: int
) -> None:
    """Give `model` its optimizer, loss and figures, for `steps` steps an epoch."""
    total = steps * recipe.epochs
    warm = max(1, int(total * recipe.warm_up))
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate * 0.02,
        decay_steps=max(1, total - warm),
        warmup_target=recipe.learning_rate,
        warmup_steps=warm,
        alpha=0.01,
    )
    optimizer = BlockwiseAdamW(
        lower=_lower(network, recipe),
        lower_rate=recipe.lower_rate,
        asleep=waking_steps(network, recipe, total),
        clip=1.0,
        learning_rate=schedule,
        weight_decay=recipe.weight_decay,
        use_ema=True,
        ema_momentum=min(recipe.ema_momentum, 1 - 2 / max(3, total)),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=recipe.label_smoothing
        ),
        metrics=[PneumoniaAUC(), PneumoniaSensitivity()],
        jit_compile=machine.xla,
    )
    # Before anything is restored, and inside the scope, not while a step is traced.
    model.optimizer.build(model.trainable_variables)


def _lower(network: Any, recipe: Recipe) -> list[str]:
    """Paths of the trained variables below the backbone's own first trained block.

    Trained from scratch there is no lower part: everything is as new as the head.
    """
    start = find_backbone(recipe.backbone).trained_from
    lower: list[str] = []
    if recipe.weights == "none" or not start:
        return lower
    for layer in network.layers:
        if layer.name.startswith(start):
            break
        lower += [v.path for v in layer.trainable_variables]
    return lower


def waking_steps(network: Any, recipe: Recipe, total: int) -> dict[str, int]:
    """Of `total` steps, the one at which each variable begins to learn, by path; the rest at 0.

    The head learns alone for `head_first` of the steps. Then everything wakes, or, over the next
    `thaw` of the steps, one layer after the other from the top (Howard and Ruder 2018, Universal
    language model fine-tuning). Trained from scratch, everything learns from the first step.
    """
    if recipe.weights == "none":
        return {}
    trained = [layer for layer in network.layers if layer.trainable_variables]
    below = [layer for layer in reversed(trained) if layer.name != "logits"]
    alone, thaw = int(total * recipe.head_first), total * recipe.thaw
    return {
        variable.path: alone + math.floor(thaw * depth / len(below))
        for depth, layer in enumerate(below)
        for variable in layer.trainable_variables
    }
