"""Training one network on some films and validating it on others."""

from __future__ import annotations

import gc
import math
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
from keras import ops

from pneumo_core.bundle.keras_network import in_float32
from pneumo_core.errors import TrainingError
from pneumo_core.training.batches import (
    FilmBatches,
    Films,
    PooledBatches,
    as_fed,
    held_out_feed,
    pooled_feeds,
    seen_films,
    training_feed,
)
from pneumo_core.training.callbacks import (
    HISTORY,
    STOPPED,
    AtomicWeights,
    SharedModel,
    SparingBackup,
    SparingCallbacks,
    StoppableModel,
    cut_history,
    stopping_together,
    training_callbacks,
)
from pneumo_core.training.distributed import Devices, join_devices
from pneumo_core.training.network import (
    build_network,
    find_backbone,
    synchronise_batch_norm,
    trains_head_alone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pneumo_core.training.hardware import Machine
    from pneumo_core.training.recipe import Recipe


class BlockwiseAdamW(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW (Loshchilov and Hutter 2019) with a rate of its own for the lower blocks.

    Variables whose path is in `lower` learn at `lower_rate` of the rate. `asleep` gives for a
    variable the step at which its training begins, if not the first: while the head is trained
    alone, features are not adapted to a random head (Kumar et al. 2022, Fine-tuning can distort
    pretrained features and underperform out-of-distribution).
    Each variable's gradient is clipped to the norm `clip`: after the sum over all devices, and not
    before, so that several devices take the step that one would.
    """

    def __init__(
        self,
        *,
        lower: Collection[str] = (),
        lower_rate: float = 1.0,
        asleep: Mapping[str, int] | None = None,
        clip: float | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.lower, self.lower_rate = frozenset(lower), lower_rate
        self.asleep, self.clip = tuple((asleep or {}).items()), clip

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """One variable's step, at its own share of the rate."""
        # TensorFlow hands over its own variable; the place among the trained ones is the same.
        path = self._trainable_variables[self._get_variable_index(variable)].path
        share = self.lower_rate if path in self.lower else 1.0
        if wakes := dict(self.asleep).get(path):
            awake = ops.cast(self.iterations >= wakes, learning_rate.dtype)
            learning_rate = learning_rate * awake
        if self.clip is not None:
            norm = ops.sqrt(ops.sum(ops.square(gradient)))
            gradient = gradient * (self.clip / ops.maximum(norm, self.clip))
        super().update_step(gradient, variable, learning_rate * share)


# Enough for films to fall into different bins early on, when their logits are nearly equal.
_BINS = 20_000


class PneumoniaAUC(keras.metrics.AUC):  # type: ignore[misc]
    """Area under the ROC curve of pneumonia against normal, from the logits."""

    def __init__(self, name: str = "auc") -> None:
        super().__init__(num_thresholds=_BINS, name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Rank films by the log odds of pneumonia."""
        super().update_state(1 - y_true[:, 0], _spread_odds(y_pred), sample_weight)


class PneumoniaSensitivity(keras.metrics.SensitivityAtSpecificity):  # type: ignore[misc]
    """Sensitivity for pneumonia at a specificity of 90 %, from the logits."""

    def __init__(self, name: str = "sensitivity") -> None:
        super().__init__(0.9, num_thresholds=_BINS, name=name)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Rank films by the log odds of pneumonia."""
        super().update_state(1 - y_true[:, 0], _spread_odds(y_pred), sample_weight)


def _spread_odds(logits: Any) -> Any:
    margin = ops.logsumexp(logits[:, 1:], axis=-1) - logits[:, 0]
    # Divided by four, confident films spread over the metric's fixed thresholds.
    return ops.sigmoid(margin / 4)


def training_model(network: Any, recipe: Recipe, devices: Devices, films: Films) -> Any:
    """`network` behind the recipe's augmentation: {"film": (B, S, S, 1), "plan": (B, 3)} → logits.

    Where all `films` are put on the device, {"row": (B,), "plan": (B, 3)}.
    To be called outside the devices' scope, see `callbacks.SharedModel`.
    """
    given, seen = seen_films(recipe, films)
    if devices.replicas > 1 and keras.backend.backend() == "tensorflow":  # JAX does so by itself
        synchronise_batch_norm(network, whole=True)
    kind = SharedModel if devices.machines > 1 else StoppableModel
    return kind(given, network(seen), name="training")


def head_model(network: Any) -> Any:
    """The head of `network`, with its own weights: {"pooled": (B, F)} → logits."""
    dropout, logits = network.get_layer("dropout"), network.get_layer("logits")
    pooled = keras.Input(dropout.input.shape[1:], name="pooled")
    return StoppableModel({"pooled": pooled}, logits(dropout(pooled)), name="training")


def compile_model(
    model: Any, network: Any, recipe: Recipe, machine: Machine, *, steps: int
) -> None:
    """Compile `model` with its optimizer, loss and metrics, for `steps` steps an epoch."""
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
        asleep=unfreezing_steps(network, recipe, total),
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
    """Paths of the trainable variables below the first block that the backbone trains by default.

    Trained from scratch there is no lower part: all weights are new.
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


def unfreezing_steps(network: Any, recipe: Recipe, total: int) -> dict[str, int]:
    """The step, of `total`, at which each variable starts to train, by path; the others at 0.

    The head trains alone for the share `head_first` of the steps. Then all layers are unfrozen, at
    once or, over the share `thaw` of the steps, one after the other from the top (Howard and Ruder
    2018, Universal language model fine-tuning). From scratch all train from the first step.
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


BEST, TRAINED = "best.weights.h5", "trained.weights.h5"


def fit(  # noqa: PLR0913 - options, by keyword
    recipe: Recipe,
    films: Films,
    train_rows: NDArray[np.int64],
    validation_rows: NDArray[np.int64],
    *,
    machine: Machine,
    folder: Path,
    weights: NDArray[np.float64] | None = None,
    callbacks: tuple[Any, ...] = (),
    stopped: Callable[[], bool] = lambda: False,
    pooling: Callable[[int, int], bool] = lambda _done, _total: False,
) -> Any:
    """Train; the network with the averaged weights of the best epoch, in float32.

    Without validation rows (the model of all films), or without `patience`, the last epoch's are
    used. `weights` float (N,): the weight of each film, multiplied by that of its class.
    `folder` receives history.csv, the trained weights and, until then, a backup from which a killed
    run resumes; a finished training is not repeated. A training for which `stopped` is true is not
    finished: it is not validated again, its best epoch counts or, in the first one, the averaged
    weights of that moment; it keeps its backup and continues from there when called again.
    Of `callbacks` a function is called with the network and gives the callback.
    Where the head alone is trained, the features below it are computed once, before the first
    epoch: `pooling(done, total)` is called after each batch, and is true where to stop.
    Of several machines each works in a folder of its own; the chief's counts.
    Raises TrainingError where the loss became NaN before the first backup.
    """
    devices = join_devices()
    devices.check_batch(recipe.batch)
    gc.collect()  # the films of the fold before may still be on the device
    keras.utils.set_random_seed(recipe.seed)
    keras.config.set_dtype_policy(machine.policy)
    folder.mkdir(parents=True, exist_ok=True)
    with devices.scope():
        network = build_network(
            recipe.backbone,
            size=recipe.size,
            classes=len(recipe.classes),
            weights=recipe.weights,
            trained_from=recipe.trained_from or None,
            dropout=recipe.dropout,
        )
    if not devices.from_chief(np.int32((folder / TRAINED).exists())):
        feeds: Any = (
            training_feed(recipe, films, train_rows, weights),
            held_out_feed(recipe, films, validation_rows, devices),
        )
        if devices.replicas == 1 and trains_head_alone(network):
            model, feeds = (
                head_model(network),
                pooled_feeds(network, recipe, films, feeds, pooling),
            )
        else:
            model = training_model(network, recipe, devices, films)
        feed, held_out = feeds
        training = _Training(recipe, devices, folder, network, model, feed, held_out, stopped)
        of_keras = keras.callbacks.Callback
        made = [one if isinstance(one, of_keras) else one(network) for one in callbacks]
        training.run(machine, made)
    for trained in (folder / TRAINED, folder / STOPPED):
        if trained.exists():  # a worker may join after the chief has finished
            network.load_weights(trained)
            break
    keras.config.set_dtype_policy("float32")
    return in_float32(_on_its_own(network, devices))


@dataclass(frozen=True)
class _Training:
    """One training of `network`, inside `model`, which augments its input.

    Its weights are saved in TRAINED, or in STOPPED where it was stopped by hand.
    """

    recipe: Recipe
    devices: Devices
    folder: Path
    network: Any
    model: Any
    feed: FilmBatches | PooledBatches
    held_out: FilmBatches | PooledBatches | None
    stopped: Callable[[], bool]

    @property
    def choose(self) -> Path | None:
        """Where the weights of the best epoch are saved; None where the last epoch is used."""
        chosen = self.held_out is not None and self.recipe.patience > 0
        return self.folder / BEST if chosen else None

    def run(self, machine: Machine, callbacks: list[keras.callbacks.Callback]) -> None:
        """Train, from the backup where there is one."""
        steps, devices = len(self.feed), self.devices
        backup = SparingBackup(
            self.folder / "backup",
            steps=steps,
            agreed=lambda due: bool(devices.from_chief(np.int32(due))),
        )
        with devices.scope():
            compile_model(self.model, self.network, self.recipe, machine, steps=steps)
            self.model.stopped = self.stopped
            devices.share(self.network.variables)
            for path in (*backup.files, self.folder / HISTORY, self.folder / BEST):
                devices.hand_out(path)  # a worker's folder is its own, and empty
            done = backup.restore(self.model)
            listed = stopping_together([*self._callbacks(backup, done), *callbacks], devices)
            history = self.model.fit(
                as_fed(self.feed),
                initial_epoch=done,
                epochs=self.recipe.epochs,
                validation_data=None if self.held_out is None else as_fed(self.held_out),
                callbacks=SparingCallbacks(
                    listed, model=self.model, epochs=self.recipe.epochs, steps=steps, verbose=0
                ),
                # The feed shuffles films; Keras would shuffle batches, without our seed.
                shuffle=False,
                verbose=0,
            )
            self._keep(backup, history.history.get("loss", []))

    def _callbacks(self, backup: SparingBackup, done: int) -> list[keras.callbacks.Callback]:
        return training_callbacks(
            self.recipe,
            self.folder,
            self.feed,
            self.model,
            self.network,
            devices=self.devices,
            backup=backup,
            past=cut_history(self.folder, epochs=done),
            choose=self.choose,
        )

    def _keep(self, backup: SparingBackup, losses: list[float]) -> None:
        """Write the final weights to TRAINED, whose existence marks the training as finished.

        After a stop, to STOPPED; the backup then stays, so that the training can be resumed.
        """
        finite = all(math.isfinite(loss) for loss in losses)
        stopped, choose = self.stopped(), self.choose
        trained = self.folder / (STOPPED if stopped else TRAINED)
        if choose is None and not finite and backup.restore(self.model):
            # The averaged weights of the last epoch backed up, before the loss became NaN.
            self.model.optimizer.finalize_variable_values(self.model.trainable_variables)
            finite = True
        saved = choose is not None and (choose.exists() or (stopped and trained.exists()))
        if not (finite if choose is None else saved):
            raise TrainingError(
                "The loss became NaN before the first epoch that could be saved. Lower the "
                "learning rate and train again."
            )
        if choose is None:
            AtomicWeights(self.network.inputs, self.network.outputs).save_weights(trained)
        elif stopped:  # in the first epoch `BestWeights` has written them
            if choose.exists():
                shutil.copyfile(choose, trained)
        else:
            choose.replace(trained)
        if not stopped:
            (self.folder / STOPPED).unlink(missing_ok=True)
            backup.remove()


def _on_its_own(network: Any, devices: Devices) -> Any:
    """The network without its devices, so that the chief can use it alone."""
    if devices.strategy is None:
        return network
    synchronise_batch_norm(network, whole=False)
    alone = keras.models.clone_model(network)
    alone.set_weights(network.get_weights())
    return alone
